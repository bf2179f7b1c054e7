"""What is refused of an identity, and what a run says of it."""

from typing import Final

from byodkim_provider.messages import Table

_EXISTS: Final = "{name}: SES has this identity already ({origin}), "
_NOTHING: Final = "nothing was changed in SES; "
_BEFORE: Final = "nothing was changed in SES{made}; "
REPLICAS: Final = (
    "a replica of it in another Region (DEED) has no key then: adopt it in the same run"
)
TAKE_BACK: Final = (
    "`adopt: true` with `pulumi up --refresh` takes it back, unless another stack signs with a key "
    "of this one; if you remove the entry after that, the identity and its records stay"
)
_SIGNED: Final = (
    "{domain}: generation {generation} signed until {signed_until:%Y-%m-%d %H:%M} UTC, it must "
    "stay published until {allowed_from:%Y-%m-%d %H:%M} UTC"
)
_AT_ONCE: Final = "`overlapDays: 0` removes it at once and mail on its way fails"


class IdentityMessages(Table):
    # Identities that SES has already

    NOBODYS = (
        _EXISTS + "made by somebody else",
        _BEFORE + "`adopt: true` takes it over, and leaves it in SES when the stack goes",
    )
    OTHER_STACKS = (
        _EXISTS + "owned by {owner}",
        _BEFORE
        + (
            "remove the entry here if the other stack is to keep it; `adopt: true` takes it from "
            "there"
        ),
    )
    OTHER_RESOURCES = (
        _EXISTS + "owned by {owner}",
        _BEFORE
        + (
            "was the resource renamed? Undo that, run `pulumi up`, then rename with `aliases`; "
            "`adopt: true` takes the identity from the other resource"
        ),
    )
    OF_SAME_NAME = (
        _EXISTS + "owned by {owner}",
        _BEFORE
        + (
            "was the state of this stack lost? `adopt: true` takes the identity over; if another "
            "backend has a stack of this name, or the stack was renamed, remove the entry here"
        ),
    )
    LOST = _EXISTS + "{reason}", _BEFORE + TAKE_BACK
    MANAGED = (
        _EXISTS + "managed by AWS (MANAGED_DOMAIN)",
        _BEFORE
        + (
            "remove the entry here: another AWS service has made the identity, and looks after "
            "its DKIM"
        ),
    )
    OTHER_SELECTOR = (
        _EXISTS + "signing with selector {seen!r}, not {selector!r}",
        _BEFORE + "was the identity removed from the state? `adopt: true` takes it over",
    )
    REPLACED = (
        _EXISTS + "signing with selector {seen!r}, not {selector!r}",
        _BEFORE
        + (
            "taken over again, it has forgotten when each generation signed: leave `generation` "
            "as it was in this run, and rotate in the next one"
        ),
    )
    EASY_DKIM = (
        _EXISTS + "signing with Easy DKIM",
        _BEFORE
        + (
            "mail would go out unsigned until SES has verified the key: `acceptUnsignedWindow: "
            "true` accepts that; "
        )
        + REPLICAS,
    )
    SEVERAL = (
        "identities in SES that are not this stack's, as their warnings say: {names}",
        (
            "do for each what its warning says; until then a run goes on without them if you name "
            "the others: `pulumi up --target '**::DOMAIN' --target '**::DOMAIN/**'`"
        ),
    )

    # How SES differs from what is declared: parts of other texts

    GONE = "gone from SES"
    TAKEN = "owned by {owner} now"
    UNTAGGED = "its owner tag is gone"
    EASY_DKIM_NOW = "signs with a key of SES's own ({origin}), not with {selector!r}"
    WITHOUT_DKIM = "is without DKIM"
    SIGNS_WITH = "signs with selector {seen!r}, not {selector!r}"
    DISABLED = "DKIM signatures are disabled"
    FAILED = "SES has given up looking for the record: {status}"
    FELL_BACK = "SES says {status}, it said SUCCESS before"
    OTHER_VALUE = "SES says {status}: the record does not hold the key that SES has"

    # Generations that can't leave, and keys that can't change

    STILL_IN_USE = (
        _SIGNED,
        _NOTHING + "`generation: {target}` with `published: {today}` is allowed today, " + _AT_ONCE,
    )
    STILL_IN_USE_KEY = (
        _SIGNED,
        _NOTHING + "keep the key it has had until then, " + _AT_ONCE,
    )
    OTHERS_USE = (
        "{name}: {reason}, and {use}, which this stack has in DNS",
        (
            "its records stay; to leave the identity and its records there, set `adopt: true`, run "
            "`pulumi up`, and repeat this change after that"
        ),
    )
    SLOT_IN_USE = (
        (
            "{domain}: generation {generation} signed until {signed_until:%Y-%m-%d %H:%M} UTC, "
            "its slot gets no other key until {allowed_from:%Y-%m-%d %H:%M} UTC"
        ),
        _NOTHING
        + (
            "`generation: {target}` with `published: {today}` is allowed today, `overlapDays: 0` "
            "fills the slot at once and mail fails where a resolver still has the old record cached"
        ),
    )
    OTHER_ACCOUNT = (
        "{name}: is in AWS account {before}, not in {after}",
        _NOTHING
        + (
            "an identity never moves to another account: correct the profile, or remove the "
            "domain there first"
        ),
    )
    ADOPT_ALONE = (
        "{name}: `adopt` can't go in a run that changes anything else of the identity",
        _NOTHING
        + (
            "keep `adopt` in this `pulumi up`, and remove it in the next one: if both failed "
            "together, a later run would delete the records and leave the identity in SES"
        ),
    )
    NO_MX = (
        "{name}: dns: MX and SPF of {mail_from} would leave DNS with their zone",
        _NOTHING
        + "name the zone, as in `mailFrom: {{label: bounce, zone: example.com}}`, and go on; if "
        "the domain has left Route 53, remove `mailFrom` in an update of its own before",
    )
    OTHER_KEY = (
        (
            "{name}: generation {generation} signs with selector {selector!r}, it never gets "
            "another key"
        ),
        _NOTHING + "a new key needs a new generation: set `generation: {following}`",
    )
    SAME_SLOT = (
        "{name}: generations {before} and {after} have the slot {selector!r}, which signs",
        _NOTHING + "rotate to `generation: {following}` first: it has another slot",
    )
    SECOND_KEY = (
        "{name}: selector {selector!r} never gets a second key",
        _NOTHING + "a new key needs a new selector, since resolvers keep the old record",
    )

    # Identities

    UNKNOWN_TO_STATE = (
        "{name}: {seen}, which is not in the state",
        _NOTHING + "run `pulumi up --refresh` with `published: {published}` first",
    )
    REGIONS_AT_ONCE = (
        "{domain}: {regions} can't take the place of {before} at once",
        "list all of them in one `pulumi up`, and drop the old ones in another",
    )
    NOT_VISIBLE = (
        "{name}: not visible after {seconds:.0f} s: {answers}",
        "nothing was changed in SES, {still}\n{step}",
    )
    ASKED_FOR = (
        "{name}: dns: the record is still asked for at {zone} ({servers})",
        _NOTHING
        + (
            "list both, move the {moves}, and drop the old one two days later, when no resolver "
            "has the old answer cached"
        ),
    )
    EXCHANGED = (
        "{name}: dns: {zone} can't be exchanged at once, its records may still be asked for",
        _NOTHING + "list both, move the {moves}, then drop one",
    )
    NOT_VERIFIED = (
        "not verified: {pending}",
        "what is made stays; correct what is named and run `pulumi up` again",
    )
    INTERRUPTED = "interrupted before SES was called", _NOTHING + "run `pulumi up` again"

    # What to do about a record that is not visible: parts of other texts

    NO_ZONE = (
        "this run's resolver does not see the zone: have the registrar name its servers, or, if "
        "only a resolver of your own network sees the zone, set `dnsResolvers`; then run `pulumi "
        "up`"
    )
    MADE_AGAIN = (
        "`pulumi up --refresh` makes it again if somebody changed it, and goes on once DNS shows it"
    )
    NOTHING_TO_PASTE = "  nothing has to be pasted, the stack made the record at {zones}\n  {again}"
    PASTE = "{records}\n  the next `pulumi up` goes on once {these} there"
    LEAKED_OWN = "  delete the record at once, and take another key with another selector"
    LEAKED_KEY = (
        "  delete the record at once, and take another key: `byodkim rotate {domain} --compromised`"
    )

    # Warnings and notes

    UNCONFIRMED = (
        "SES says SUCCESS, and does not show whether it has checked this key; it has if the "
        "DKIM-Signature of a new mail has `s={selector}`"
    )
    RESOLVERS_ASKED = (
        "{domain}: no name server of its zone can be reached at port 53, so the resolvers are "
        "asked, which may be late"
    )
    NOT_ASKED = "SES was not asked in this run"
    PENDING = "{entry}: {status} after {after}: {reason}"
    NOT_POLLED = "{entries}: no time was left to ask SES; the next `pulumi up` goes on"
    DRIFT = "{name}: {differences}; `pulumi up` {then}"
    MAIL_FROM_DIFFERS = (
        "{name}: MAIL FROM in SES is not {mail_from!r} with `onMxFailure: {on_mx_failure}`, "
        "as declared; `pulumi up` sets it"
    )
    MAIL_FROM = (
        "{name}: SES says {status} of the MAIL FROM domain {mail_from!r}; `pulumi up` asks again, "
        "sends it again after FAILED, and sets `onMxFailure` after SUCCESS"
    )
    WILL_TAKE_OVER = (
        "{name}: `adopt` takes over what SES has; the update makes it sign with {key}, and "
        "enables signing where it is disabled"
    )
    STAYS = "{name}: with `adopt`, the identity and its records stay when a later run removes them"
    TAKES_OVER = "{name}: SES has it, {had}; {then}"
    NOT_READ = (
        "{region}: could not read how the identities that `adopt` takes over sign today: {error}"
    )
    LEFT_ADOPTED = "{name}: left in SES, because of `adopt`"
    LEFT_OTHER = "{name}: left in SES, {reason}"
    LEFT_REPLACED = "{name}: left in SES for the resource that takes the place of this one"
    LEAVES_ADOPTED = (
        "{name}: leaves the stack and stays in SES, as do its records in DNS, because of `adopt`"
    )
    WAITS_FOR_DNS = "{name}: waiting for DNS, the key is not sent to SES yet: {why}\n{step}"
    ELSEWHERE = (
        "{domain}: served by {servers}, but {zones}: nobody will find the record until the "
        "registrar names these, or `dns` names who serves the domain"
    )
    SWITCH_SEEN = "{switch} visible at {right} of {asked} servers"
    SWITCH_NOT_CHECKED = "{switch}, DNS is not checked"
