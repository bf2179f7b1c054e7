"""
What calls to AWS end in, and what is wrong with the settings for them, or with keys in Secrets
Manager.
"""

from typing import Final

from byodkim_provider.messages import Table


class AwsMessages(Table):
    # What was changed by a call to AWS, and the next step: parts of a hint

    UNCHANGED = "nothing was changed in {service}"
    DONE_BEFORE = "SES has done {operations} before; the next `pulumi up` goes on from there"
    NO_ANSWER = "no answer: {reason}"
    NOT_CALLED = "{service} was not called: {reason}; does `aws sts get-caller-identity` work?"
    NO_CREDENTIALS = "no credentials from {operation}: {reason}"
    SAYS = "{service} says: {reason}"
    PROXY = "is there a proxy between here and AWS?"
    POLICY = "`byodkim iam-policy` prints the policy that these credentials need"
    SIGN_IN = "renew the credentials until `aws sts get-caller-identity` works"
    TRY_AGAIN = "try again"
    TRY_LATER = "something else keeps calling it too, try again later"
    SES_UNCONFIRMED = "SES may have done it or not; the next `pulumi up` reads which"
    NOT_SHOWN_YET = (
        "SES has the identity and does not show it yet; run `pulumi up` again in a minute"
    )
    HELD = (
        "if a tenant or a certificate holds the identity, free it as docs/how-to/leaving.md says, "
        "and run the same command again; until then it stays in SES, and signs"
    )
    SECRET_UNCONFIRMED = "Secrets Manager may have done it or not; the next `pulumi up` finds out"

    # Calls to AWS

    REFUSED = "{operation} for {subject!r} in {region}: {code}{request}", "{steps}"
    INTERRUPTED = (
        "interrupted before {service} answered",
        "run the same command again to go on",
    )

    # AWS settings and credentials

    NO_REGION = "{region} is not a Region that botocore {version} knows{meant}"
    NO_SESSION = (
        "aws: no session with {whose}: {reason}",
        (
            "this call changed nothing; correct the `aws:` settings, or AWS_PROFILE and the "
            "others of the environment"
        ),
    )
    NOTHING_TO_ASSUME_WITH = "there are no credentials to assume role {role!r} with"
    OTHER_ACCOUNT = (
        (
            "with {whose} {service} would be called in AWS account {account}, pulumi-aws works in "
            "{expected}"
        ),
        (
            "nothing was changed in {service}; {service} and pulumi-aws must work in the same "
            "account: check `aws:profile`, AWS_PROFILE and explicit providers"
        ),
    )
    NOT_ALLOWED_ACCOUNT = (
        "aws:allowedAccountIds: does not list {account}, the account of {whose}",
        "use credentials of the account that you mean, or correct the list",
    )
    FORBIDDEN_ACCOUNT = (
        "aws:forbiddenAccountIds: lists {account}, the account of {whose}",
        "use credentials of the account that you mean, or correct the list",
    )
    REDIRECTED = (
        "aws: {service} is redirected to {host}, which is not AWS and gets what AWS would get",
        (
            "if you did not mean it, remove the service from `aws:endpoints`; rotate the keys that "
            "were sent there"
        ),
    )
    ENDPOINT = "the endpoint of {service} {problem}"
    URL = "must be a URL that begins with https://, or with http:// for this machine (127.0.0.1)"
    NOT_IN_SETTINGS = (
        "is redirected by the environment or a profile to {host}, which is not AWS: give it in "
        "`aws:endpoints` ({service}) too, so that a preview names it, or remove it there"
    )
    HALF_A_KEY = "aws:accessKey, aws:secretKey: give both or neither, and aws:token with both only"
    IN_ENVIRONMENT = (
        "{path}: can't be honoured for SES, set {variables} in the environment of `pulumi` instead"
    )
    REMOVE = "{path}: can't be honoured for SES, remove it"
    LIST = "{path}: must be a list, as `pulumi config set --path '{path}[0]…' …` makes it"
    ACCOUNT = "{path}: must be 12 digits in quotes, not {value}"
    ROLE_ARN = (
        "{path}.roleArn: must be the ARN of a role, such as arn:aws:iam::123456789012:role/dns"
    )
    DEFAULT_TAGS = "aws:defaultTags: must be an object with tags"

    # Secrets Manager

    ARN = "{seen} is not the ARN of a secret in Secrets Manager", "give the whole ARN of a secret"
    DELETED = (
        "{arn} is scheduled for deletion: `aws secretsmanager restore-secret --secret-id {arn}` "
        "keeps it"
    )
    GONE = "{arn} is gone and its key with it: sign with another generation, and leave this one out"
    OTHER_KEY = (
        "{arn}: expected the key {expected}, the secret holds {found}",
        (
            "nothing was changed in SES; give the version that was there before the label "
            "AWSCURRENT again (`aws secretsmanager list-secret-version-ids --secret-id {arn}` "
            "shows both, `aws secretsmanager update-secret-version-stage --secret-id {arn} "
            "--version-stage AWSCURRENT --remove-from-version-id NOW --move-to-version-id BEFORE` "
            "moves it), or sign with another generation"
        ),
    )
    MADE_ALREADY = (
        "{domain}: {selector} is in Secrets Manager already ({name}), no other key is made"
    )
    LEFT = "{arn}: left in Secrets Manager, its tag `byodkim:instance` is not this resource's"


SES_ERRORS: Final = {
    "HOST_NOT_FOUND": "no such name",
    "TYPE_NOT_FOUND": "no TXT record at the name",
    "INVALID_VALUE": "another value in DNS",
    "DNS_SERVER_ERROR": "the name servers could not answer",
    "SERVICE_ERROR": "a fault in SES itself",
}
"""What SES found at its last check of a record, by its `ErrorType`: a part of other texts."""
