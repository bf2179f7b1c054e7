"""What the commands refuse, what they say beside their result, and what they find."""

from typing import Final

from byodkim_provider.messages import Table
from byodkim_provider.messages.identity import TAKE_BACK

_WITHOUT_A_STACK: Final = "; `byodkim doctor DOMAIN --selector S` needs no stack"


class CliMessages(Table):
    # The commands

    MAY_BE_A_KEY = "the command line is wrong, and has what may be a private key: it is not quoted"
    NO_PROJECT = (
        "there is no Pulumi.yaml in {directory} or above it",
        "`cd` to the folder of the project" + _WITHOUT_A_STACK,
    )
    NO_PULUMI = (
        "{command}: there is no `pulumi` on PATH",
        "see https://www.pulumi.com/docs/install/",
    )
    PULUMI = "{command}: {error}"
    NO_STATE = (
        "what `pulumi config` and `pulumi stack export` print is not a stack of this program "
        "({error})"
    )
    ENCRYPTED = (
        "{name}: is encrypted in the stack file, and nothing is decrypted here",
        "set it without `--secret`: privateKeys holds the private keys",
    )
    OTHER_DOMAIN = (
        "{domain}: is not in stack {stack}{meant}",
        "correct it, or run `pulumi up`, which makes what the stack file lists" + _WITHOUT_A_STACK,
    )
    NO_RECORD = "{subject}: the stack has no record", "run `pulumi up`" + _WITHOUT_A_STACK
    NOT_LISTED = (
        "`rotate` writes {file} only, which does not list {domains}",
        (
            "set it where the domain is declared (a program, an environment or the project file), "
            "and run `pulumi up`"
        ),
    )
    RETIRED = "{domain}: is retired, nothing signs"
    UNFINISHED = (
        "{name}: generation {generation} does not sign yet, or not in each Region",
        "run `pulumi up` first, until it ends without an error",
    )
    OTHER_FILE = (
        "{domain}: the stack file has what no run has carried out yet: {settings}",
        "run `pulumi up` first",
    )
    NO_WAY_BACK = (
        "{domain}: no generation before {generation} is published, there is no way back",
        "`byodkim rotate {domain}` goes on to the next one",
    )
    NO_STANDBY = (
        "{domain}: there is no standby, `keys` has no generation {generation}",
        "add `keys.{generation}` with a selector and a private key, run `pulumi up`, then rotate",
    )
    SLOT_TAKEN = (
        (
            "{domain}: generation {generation} has no record yet, and its slot has the key of "
            "generation {before}"
        ),
        (
            "delete `overlapDays: 0` if it is there, set `published: {published}` and leave "
            "`generation: {signing}`, run `pulumi up`, which makes the record, then rotate"
        ),
    )
    NOT_PUBLISHED = (
        "{domain}: generation {generation} is not published, only {published}",
        "`byodkim status {domain}` shows their roles",
    )
    SUPPLIED = (
        "{name}: the state has no key of generation {generation}",
        (
            "take the file that a key of your own (`keys`) came from; what is in the stack file, "
            "`pulumi config get --path 'privateKeys[\"NAME\"]'` prints, by the name that `keys` has"
        ),
    )
    CANT_READ = "can't read {file}: {error}"
    CANT_WRITE = "{file}: can't be written: {error}"
    NOTHING_WRITTEN = "nothing was written"
    NOT_WRITTEN = (
        "{error}",
        "{file} may have a part of the change: put that right, then rotate again",
    )
    UP_FAILED = (
        "`pulumi up` did not succeed",
        (
            "{file} is changed as shown; correct what the error says, then run `pulumi up`, or "
            "`pulumi up --refresh` where it says so, until it ends without an error; undo the "
            "change only then"
        ),
    )
    NOT_IN_SES = "{pattern}: SES has no such domain here"

    # What a command says beside its result

    REGIONS = "not enabled, or not answering: {regions}; `--region` says why"
    ZONE_ASSUMED = (
        "assumed that the panel's zone is {zones}: if it shows another one, don't type these "
        "names, and name it with --zone"
    )
    NO_DOMAIN = "{stack}: no domain in the state: `pulumi preview` says why, `pulumi up` makes them"
    CREDENTIALS = "{name} is encrypted and stays so: using the AWS credentials of the environment"
    NOTHING_TO_DO = "nothing to do: no domain of this stack matches"
    UNKNOWN = (
        "the account, the id of the stack or a hosted zone is not known before the first "
        "`pulumi up`: `*` stands for it until the policy is printed again"
    )
    LEFT_OUT = "left out: {why}"
    STACK_HAS_IT = (
        "{domain}: the stack {stack} has it; another stack takes it over with `--domain {domain}`"
    )
    NOTHING_TO_ADOPT = "there is nothing to adopt"
    KEY = (
        "{name}: the key of generation {generation} ({role}), selector {selector}, overlapDays "
        "{overlap_days}; `byodkim status` says whether this record is in DNS"
    )


class FindingMessages(Table):
    # What `byodkim status` says of an identity

    NOT_MADE = "not made yet: `pulumi up` makes it, or says why not"
    NOT_ASKED = "SES can't be asked: {reason}"
    AWAITING_DNS = "waiting for DNS: once the record is visible, run `pulumi up`"
    DIFFERS = "{reasons}: run `pulumi up --refresh`"
    TAKEN = "{reasons}: " + TAKE_BACK
    RECORD_LOST = (
        "{reasons}; mail is unsigned until SES finds the record, and after five days it looks "
        "no more: run `pulumi up --refresh`"
    )
    PENDING = "{reason}: run `pulumi up`"
    UNCONFIRMED = "{reason}"
    UNFINISHED = (
        "generation {generation} signs, the last run did not come to {wanted}: run `pulumi up`"
    )
    GIVEN_UP = "SES has given up and does not search again: rotate to the next generation"
    RECORD = (
        "record of generation {generation} ({role}): {seen}: `byodkim status {domain}` says more"
    )
    SLOT = "{name}: {seen}; a later rotation needs this CNAME: `byodkim status {domain}` says more"
    ROTATE = "rotate: the key has signed for {days} days"
    OVERRIDE = "`overlapDays: 0` lets records leave DNS too early: remove it once its step is done"
    MAY_LEAVE = "generation {generation} may leave DNS from {time:%Y-%m-%d %H:%M} UTC"
    RETIRED_SINCE = (
        "retired by the run of {time:%Y-%m-%d %H:%M} UTC, nothing signs; its records may go from "
        "{day:%Y-%m-%d}, by deleting the entry"
    )
    RECORDS_MAY_GO = (
        "retired by the run of {time:%Y-%m-%d %H:%M} UTC, nothing signs; its records may go: "
        "delete the entry, and run `pulumi up`"
    )
