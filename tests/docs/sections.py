"""
The sections of the page on errors: the first message of each, with a title and what holds for all.

A section without a head has parts of other texts, and is not on the page.
"""

from typing import Final

from byodkim_provider.messages import Table
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.messages.cli import CliMessages, FindingMessages
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.messages.dkim import DkimMessages, SeenMessages
from byodkim_provider.messages.hosts import HostMessages, RecordMessages
from byodkim_provider.messages.identity import IdentityMessages
from byodkim_provider.messages.mail_from import MailFromMessages
from byodkim_provider.messages.program import ProgramMessages

SECTIONS: Final[dict[Table, str]] = {
    SettingMessages.LISTED: (
        "The stack file, and the arguments of a program. State now: nothing was changed. Next "
        "command: correct the setting that the line begins with, then `pulumi preview`."
    ),
    SettingMessages.NO_STANDBY: (
        "Settings that are perhaps not intended. State now: what the line says; a warning stops "
        "nothing."
    ),
    DkimMessages.BARE: (
        "Domains. State now: nothing was changed. Next command: correct the name, then `pulumi "
        "preview`."
    ),
    DkimMessages.SELECTOR_TOO_LONG: (
        "Selectors and records. State now: nothing was changed. Next command: take another "
        "selector, for example `mail2027`, then `pulumi preview`."
    ),
    DkimMessages.PRIVATE_EXPECTED: "",
    DkimMessages.EMPTY_KEY: (
        "Keys. State now: nothing was changed. Next command: set another key, then `pulumi "
        "preview`."
    ),
    DkimMessages.TOO_MANY: (
        "Generations. State now: nothing was changed. Next command: correct `published` or "
        "`generation`, then `pulumi preview`."
    ),
    DkimMessages.OTHER_VALUE: (
        "Records of keys. State now: SES signs as before, and no record was changed. Next "
        "command: as below, then `pulumi preview`."
    ),
    SeenMessages.NO_RECORD: "",
    AwsMessages.UNCHANGED: "",
    AwsMessages.REFUSED: (
        "Calls to AWS. State now, and next command: as the hint says, which has AWS's own words "
        "too."
    ),
    AwsMessages.NO_REGION: (
        "AWS settings and credentials. State now: the call that was refused changed nothing. Next"
        " command: correct the setting or the credentials, then `pulumi preview`."
    ),
    AwsMessages.ARN: (
        "Secrets Manager. State now: SES signs as before; keys and records of the run may be "
        "made. More in [Keys in AWS Secrets Manager](../how-to/key-store.md#when-something-goes-"
        "wrong)."
    ),
    RecordMessages.NOTHING_CHANGED: "",
    RecordMessages.REFUSED: (
        "Records at a DNS host. State now: the hint says it, and then what to do about the problem."
    ),
    HostMessages.NO_SECRET: (
        "DNS hosts. State now: as the hint says. `DnsRefused` has these texts where a retry does "
        "not help: change something. With `DnsUnconfirmed`, the provider has retried already: "
        "check the network between here and the host, and run `pulumi up`, which checks and goes "
        "on from there."
    ),
    IdentityMessages.NOBODYS: (
        "Identities that SES has already. State now: SES signs as before; an `up` has made keys "
        "and records. More in [existing identities](../how-to/existing-identities.md), [Away from"
        " Easy DKIM](../how-to/from-easy-dkim.md), [The state is lost](../how-to/leaving.md#the-"
        "state-is-lost) and [Renaming a resource](../how-to/leaving.md#renaming-a-resource)."
    ),
    IdentityMessages.GONE: "",
    IdentityMessages.STILL_IN_USE: (
        "Generations that can't leave, and keys that can't change. State now: SES and DNS are as "
        "they were. Next command: wait until the date in the message, or take the `published` "
        "list of the hint, then `pulumi up`; more in [the life of a key](../how-to/rotation.md)."
    ),
    IdentityMessages.UNKNOWN_TO_STATE: (
        "Identities. State now: SES signs as before, and nothing was changed in SES; an `up` has "
        "made keys and records. Next command: as below, then `pulumi up`."
    ),
    IdentityMessages.NO_ZONE: "",
    IdentityMessages.UNCONFIRMED: (
        "Warnings and notes. State now: what the line says; a warning or a note stops nothing. "
        "Next command: what the line says, or nothing; `byodkim status` says more. See [somebody "
        "changes an identity](../how-to/rotation.md#somebody-changes-an-identity), and [MAIL "
        "FROM](../how-to/dmarc.md)."
    ),
    ProgramMessages.ENDED: (
        "A program of your own. State now: nothing was changed. Next command: correct the "
        "argument, then `pulumi preview`."
    ),
    ProgramMessages.STANDBY: (
        "Notes of a program. State now: what the line says. Next command: publish what is "
        "printed, as `byodkim records` prints it again; or [rotate](../how-to/rotation.md)."
    ),
    ProgramMessages.NONE: (
        "Zones of Route 53. State now: nothing was changed of the domain; an update has gone on "
        "with the others. Next command: as below, then `pulumi preview`; or say [where DNS "
        "is](../how-to/dns.md)."
    ),
    CliMessages.MAY_BE_A_KEY: (
        "The commands. State now: no command changes anything but `rotate`, which edits the stack"
        " file and runs `pulumi up`; `status --html` and `key --out` write a file. They say what "
        "they wrote. Exit codes, and what a wrong command line is: `byodkim <command> --help`."
    ),
    CliMessages.REGIONS: (
        "What a command says beside its result. State now: what the line says. [Adopt an "
        "account](../how-to/adopt-an-account.md) says what each needs that is left out."
    ),
    FindingMessages.NOT_MADE: (
        "What `byodkim status` says of an identity. How SES differs from the stack it says as a "
        "refresh does, and what to do: mostly `pulumi up --refresh`. If a record was lost, [AWS "
        "warns](../how-to/trouble.md#aws-warns), too."
    ),
    MailFromMessages.OTHER_MAIL_FROM: (
        "What `byodkim status` says of a MAIL FROM domain. State now: mail is signed; SES sends "
        "it as `amazonses.com`, or refuses it with `onMxFailure: reject`. [MAIL FROM and "
        "DMARC](../how-to/dmarc.md) has the records."
    ),
}
