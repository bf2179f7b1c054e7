"""What is wrong with a MAIL FROM domain in SES, and with its two records in DNS."""

from byodkim_provider.messages import Table


class MailFromMessages(Table):
    # What `byodkim status` says of a MAIL FROM domain

    OTHER_MAIL_FROM = (
        "the MAIL FROM domain in SES is {seen}, not {wanted!r}: run `pulumi up --refresh`"
    )
    MAIL_FROM_WAITS = "SES says {status} of {name}: it looks for the MX record for up to 72 hours"
    MAIL_FROM_REJECT = (
        "SES has found the MX record of {name}, and does not reject mail without it yet: run "
        "`pulumi up`, which sets `onMxFailure: reject`"
    )
    MAIL_FROM_REFUSES = (
        "SES says {status} of {name}, and refuses all mail (`onMxFailure: reject`): add the MX "
        "record {value}; `mailFrom` without `reject` and `pulumi up` let mail go out at once"
    )
    MAIL_FROM_GIVEN_UP = (
        "SES says FAILED of {name}, and searches no more: run `pulumi up --refresh`, which sends "
        "it again"
    )
    NO_MX = (
        "{name} must have the MX record {value} and no other: add it, remove others, or run "
        "`pulumi up --refresh`, which does in Route 53"
    )
    RECEIVES = "{name} receives other mail, by {hosts}: take another label"
    TAKEN = "{name} is a CNAME to {target}: take another label"
    NO_SPF = (
        "{name} has no SPF record {value}: add it, or run `pulumi up --refresh`, which does in "
        "Route 53"
    )
    TWO_SPF = "{name} has several SPF records, so receivers take none: leave one"
    OTHER_SPF = "the SPF record of {name} lacks {include}: add it there"
