"""
The life of an SES identity, carried out: `plan` decides, and `Services` has all that a call may
touch.

What is to be stored is returned once every call has succeeded. No Pulumi here.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, assert_never

from byodkim_provider.aws.errors import NOT_ALLOWED
from byodkim_provider.aws.ses import TAGS, SesClient, SesIdentity
from byodkim_provider.errors import AwsRefused, ByodkimError, Stopped
from byodkim_provider.identity.calls import Call, Plan, Seen, with_response
from byodkim_provider.identity.judgement import drift_messages, refreshed
from byodkim_provider.identity.lookups import wait_until_visible
from byodkim_provider.identity.ownership import lost_reason, other_owner, taking_over
from byodkim_provider.identity.plan import plan
from byodkim_provider.identity.rules import others_use
from byodkim_provider.identity.run import Key, Run, Services
from byodkim_provider.identity.state import CREATED, PUT, Declared, Stored
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.messages.identity import IdentityMessages
from byodkim_provider.progress import stopping


def foresee(declared: Declared, services: Services) -> str:
    """
    The line about a new identity that takes over what SES has, "" for none; it changes nothing.

    One List per Region and run shows which names SES has, and an identity that it names is read; so
    is each without the permission to list. Raises the "IdentityExists" that `carry_out` would, or a
    call's error.
    """
    if not _may_exist(declared, services):
        return ""
    identity = services.ses(declared.region).get_email_identity(declared.domain)
    if identity is None:
        return ""
    seen = Seen(read=True, identity=identity, exists=True)
    planned = plan(None, declared, seen, now=identity.at, instance="")
    return planned.info or (taking_over(declared, identity, put=True) if declared.adopt else "")


def _may_exist(declared: Declared, services: Services) -> bool:
    """Whether SES has the identity by its list of names, or can't be asked for the list."""
    try:
        return declared.domain in services.names(declared.region)
    except AwsRefused as refused:
        if refused.code not in NOT_ALLOWED:
            raise
        return True


def carry_out(stored: Stored | None, declared: Declared, key: Key, services: Services) -> Stored:
    """
    Make the plan, again after each answer to what it asks; then its calls. Raises what `plan`
    raises.
    """
    instance = secrets.token_hex(16)
    ses = services.ses(declared.region)  # first of all, since another account is refused
    seen = Seen()
    exists: AwsRefused | None = None
    while True:
        made = plan(stored, declared, seen, now=services.run.clock.now(), instance=instance)
        if not made.asks:
            try:
                return _apply(made, key, ses, services.run)
            except AwsRefused as refused:
                if refused.code != "AlreadyExistsException":  # of our calls, Create alone has it
                    raise
                exists, seen = refused, replace(seen, exists=True, read=False)
        elif made.asks == "GetEmailIdentity":
            identity = ses.get_email_identity(declared.domain)
            if exists and identity is None:  # nothing can be decided in this run
                raise exists.with_fields(steps=[AwsMessages.NOT_SHOWN_YET()])
            seen = replace(seen, read=True, identity=identity)
        else:
            began = services.run.clock.monotonic()
            shared = made.asks == "shared TXT lookup"
            record = wait_until_visible(declared, services.run, shared=shared)
            # A new identity whose record is not visible is stored as waiting, also after an
            # interruption.
            if stopping.is_set() and (record.visible or not shared):
                raise Stopped(IdentityMessages.INTERRUPTED())
            seen = replace(
                seen, record=record, waited_seconds=services.run.clock.monotonic() - began
            )


def _apply(made: Plan, key: Key, ses: SesClient, run: Run) -> Stored:
    """Make the calls of a plan that asks nothing, in its order; returns what is stored then."""
    stored, declared = made.stored, made.stored.declared
    if made.warning:
        run.progress().warn(made.warning)
    if made.info:
        run.progress().info(made.info)
    if any(call.action in (CREATED, PUT) for call in made.calls):
        key()  # it may be in a key store: where it can't be read, nothing is changed in SES
    done: list[str] = []
    for call in made.calls:
        try:
            response = _perform(call, declared, key, ses)
        except AwsRefused as refused:
            raise _after(done, refused) from None
        done.append(call.action)
        if response:
            stored = with_response(stored, call, response)
    # The deletion half of a replacement must not delete the live identity, also if this half waits.
    run.instances[str(declared)] = stored.instance
    return stored


def _after(done: Sequence[str], refused: AwsRefused) -> AwsRefused:
    """*refused* with what the calls before it have *done*, if there were any."""
    if not done:
        return refused
    unchanged = AwsMessages.UNCHANGED(service="SES")
    steps: Any = refused.message.fields["steps"]
    steps = [step for step in steps if step != unchanged]
    before = AwsMessages.DONE_BEFORE(operations=", ".join(done))
    return refused.with_fields(steps=[before, *steps])


def _perform(call: Call, declared: Declared, key: Key, ses: SesClient) -> SesIdentity | None:
    domain = declared.domain
    match call.action:
        case "CreateEmailIdentity":
            return ses.create_email_identity(
                domain,
                selector=declared.selector,
                key=key(),
                configuration_set=declared.configuration_set,
                tags=call.tags,
            )
        case "PutEmailIdentityDkimSigningAttributes":
            return ses.put_email_identity_dkim_signing_attributes(
                domain, selector=declared.selector, key=key()
            )
        case "PutEmailIdentityDkimAttributes":
            ses.put_email_identity_dkim_attributes(domain)
        case "PutEmailIdentityConfigurationSetAttributes":
            ses.put_email_identity_configuration_set_attributes(
                domain, declared.configuration_set or ""
            )
        case "PutEmailIdentityMailFromAttributes":
            ses.put_email_identity_mail_from_attributes(
                domain, declared.mail_from_domain, rejects=call.rejects
            )
        case "TagResource":
            ses.tag_resource(domain, call.tags)
        case "UntagResource":
            ses.untag_resource(domain, call.untag)
        case _:
            assert_never(call.action)
    return None


def read(stored: Stored, services: Services) -> Stored:
    """What is stored after SES was read; a warning says how it differs from what is declared."""
    if stored.key is None:
        return stored  # as far as the state shows, SES never got the key
    found = refreshed(
        stored, services.ses(stored.declared.region).get_email_identity(stored.declared.domain)
    )
    for message in drift_messages(found):
        services.run.say_once(message, is_warning=True)
    return found


def delete(stored: Stored, services: Services) -> None:
    """
    Delete the identity that has our owner tag. An adopted one stays, without our tags: nobody owns
    it then, and a resource that declares it again needs `adopt`. One that another resource of this
    run has stays, too: this resource is the other half of a `--replace`.

    Raises "StillInUse" while somebody else's identity of that name uses a record of ours. One
    without an owner tag is somebody else's: its mail would fail for want of a tag.
    """
    declared = stored.declared
    domain = declared.domain
    ses = services.ses(declared.region)
    seen = ses.get_email_identity(domain)
    if seen is None:
        return
    name, show = str(declared), services.run.progress().info
    is_replaced = services.run.instances.get(name, stored.instance) != stored.instance
    owner = other_owner(declared, seen.tags)
    if declared.adopt:
        if owner is None and not is_replaced:
            ses.untag_resource(domain, TAGS)
        show(IdentityMessages.LEFT_ADOPTED(name=name))
    elif owner is not None:
        use = others_use(declared, seen, owner)
        if use:
            raise ByodkimError(use, kind="StillInUse")
        show(IdentityMessages.LEFT_OTHER(name=name, reason=lost_reason(owner)))
    elif is_replaced:
        show(IdentityMessages.LEFT_REPLACED(name=name))
    else:
        ses.delete_email_identity(domain)
