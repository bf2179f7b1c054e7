"""
What a plan is made of, and what is stored of SES's responses.

Values only. The functions here say which call each setting needs, `plan` says which of them a run
makes, and in which order; `lifecycle` makes them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.dns.visibility import Diagnosis
from byodkim_provider.identity.judgement import as_seen
from byodkim_provider.identity.ownership import all_tags, owner_tags
from byodkim_provider.identity.state import PUT, TAKEN_OVER, Declared, KeyInSes, Stored

Ask = Literal["GetEmailIdentity", "TXT lookup", "shared TXT lookup"]
"""What a plan has to know first. All shared lookups of a run have the wait of one together."""

Action = Literal[
    "CreateEmailIdentity",
    "PutEmailIdentityDkimSigningAttributes",
    "PutEmailIdentityDkimAttributes",
    "PutEmailIdentityConfigurationSetAttributes",
    "PutEmailIdentityMailFromAttributes",
    "TagResource",
    "UntagResource",
]


MAIL_FROM: Final = "PutEmailIdentityMailFromAttributes"


@dataclass(frozen=True)
class Call:
    """One call. It sends what is declared, and these fields, each of some actions only."""

    action: Action
    tags: Mapping[str, str] = field(default_factory=dict)
    untag: tuple[str, ...] = ()
    rejects: bool = False
    """Whether SES refuses mail while it finds no MX record of the MAIL FROM domain."""
    until_now: frozenset[int] = frozenset()
    """Generations that may have signed until Create or Put sends the key."""


@dataclass(frozen=True)
class Plan:
    """What a run does next: one read or lookup, and then another plan; or the calls."""

    stored: Stored
    """
    What is stored after all calls; the response to Create or Put adds to it (`with_response`).

    It has no key in SES if the declared one signs from then on, and did not before.
    """
    calls: tuple[Call, ...] = ()
    asks: Ask | None = None
    """The read or the lookup without which nothing can be decided."""
    warning: str = ""
    info: str = ""
    """What is said before the calls."""


@dataclass(frozen=True)
class Seen:
    """What a run has seen so far."""

    read: bool = False
    identity: SesIdentity | None = None
    """None also if SES was read and shows none."""
    exists: bool = False
    """SES has refused our Create, since it has the identity."""
    record: Diagnosis | None = None
    """None: not looked up yet."""
    waited_seconds: float = 0


def with_response(stored: Stored, call: Call, response: SesIdentity) -> Stored:
    """What is stored once SES has answered *call*, a Create or a Put."""
    # The response to a Put does not have it: `sign_calls` has stored it, from the read before.
    enabled = stored.signing_enabled if call.action == PUT else response.signing_enabled
    answered = replace(
        stored,
        origin=response.origin,
        signing_enabled=enabled,
        signing_selector=stored.declared.selector,
        error_type="",
        was_verified=False,
    )
    return _with_key(answered, response, until_now=call.until_now, by=call.action)


def _with_key(stored: Stored, seen: SesIdentity, *, until_now: Collection[int], by: str) -> Stored:
    """What is stored if SES has had the declared key since it returned *seen*."""
    since = stored.key.signing_since if stored.key else seen.at
    times = {**stored.signed_until, **dict.fromkeys(until_now, seen.at)}
    return replace(
        stored,
        key=KeyInSes(
            key_set_at=seen.at, key_set_by=by, signing_since=since, status=seen.dkim_status
        ),
        signed_until={g: time for g, time in times.items() if g != stored.declared.generation},
    )


def sign_calls(
    after: Stored, identity: SesIdentity, until_now: Collection[int], *, put: bool, is_known: bool
) -> tuple[Stored, list[Call]]:
    """
    The calls after which SES signs with the declared key. *is_known*: the state shows that SES has
    it.
    """
    after, calls = as_seen(after, identity), []
    if not identity.signing_enabled:
        after = replace(after, signing_enabled=True)
        calls.append(Call("PutEmailIdentityDkimAttributes"))
    if put:
        calls.append(Call(PUT, until_now=frozenset(until_now)))
    elif not is_known:
        # The key was set by a run whose response was lost, at some time before the read.
        after = _with_key(after, identity, until_now=until_now, by=TAKEN_OVER)
    return after, calls


def configuration_set_calls(declared: Declared, *, before: str | None) -> list[Call]:
    if declared.configuration_set in (None, before):
        return []
    return [Call("PutEmailIdentityConfigurationSetAttributes")]


def is_mail_from_due(stored: Stored, declared: Declared) -> bool:
    """Whether MAIL FROM is declared in another way, or SES has not confirmed what is declared."""
    before = stored.declared
    if declared.mail_from_domain != before.mail_from_domain:
        return True
    if declared.mail_from_domain is None:
        return False
    is_confirmed = stored.mail_from_status == "SUCCESS"
    return not is_confirmed or declared.on_mx_failure != before.on_mx_failure


def mail_from_calls(
    after: Stored, seen: SesIdentity | None, *, before: Declared | None
) -> tuple[Stored, list[Call]]:
    """
    The call that SES needs to have the declared MAIL FROM, and what is stored then.

    *seen* is None before a Create, *before* None if the identity is new to this resource. SES would
    refuse all mail, for hours, if REJECT_MESSAGE came before it has found the MX record.
    """
    declared = after.declared
    domain = declared.mail_from_domain
    had = before.mail_from_domain if before else None
    if domain is None:
        # SES shows ours, or none if it does not show ours yet. Any other is somebody else's.
        is_ours = seen is not None and seen.mail_from in ("", had)
        # The engine leaves the records in DNS only if the run before had `adopt`.
        records_stay = before is not None and before.adopt and declared.adopt
        is_removed = had is not None and is_ours and not records_stay
        removed = [Call(MAIL_FROM)] if is_removed else []
        return replace(after, mail_from_status=None), removed
    is_other = before is not None and domain != had  # a read may still show what was before *had*
    if is_other or seen is None or seen.mail_from != domain or seen.mail_from_status == "FAILED":
        return replace(after, mail_from_status="PENDING"), [Call(MAIL_FROM)]
    after = replace(after, mail_from_status=seen.mail_from_status)
    rejects = declared.on_mx_failure == "reject"
    if rejects == seen.rejects or (rejects and seen.mail_from_status != "SUCCESS"):
        return after, []
    return after, [Call(MAIL_FROM, rejects=rejects)]


def tag_calls(declared: Declared, before: Declared) -> list[Call]:
    """The tags that changed; those that go come last, and what is not declared stays."""
    new_tags, old_tags = declared.tags or {}, before.tags or {}
    changed = {name: value for name, value in new_tags.items() if old_tags.get(name) != value}
    if declared.stack != before.stack:
        changed |= owner_tags(declared)
    calls = [Call("TagResource", tags=changed)] if changed else []
    gone = sorted(set(old_tags) - set(new_tags)) if declared.tags is not None else []
    if gone:
        calls.append(Call("UntagResource", untag=tuple(gone)))
    return calls


def take_calls(declared: Declared, before: Declared | None = None) -> list[Call]:
    """
    All tags, with which an identity becomes this resource's; then those that go.

    Credentials may be allowed to change tags of the stack's own identities alone
    (`aws.permissions`), so the declared tags are set together with ours.
    """
    take = Call("TagResource", tags=all_tags(declared))
    gone = tag_calls(declared, before) if before else []
    return [take, *(call for call in gone if call.action == "UntagResource")]
