"""
The program that reads stack files: every domain of the file, and SES's verdict on them.

A project needs no more than `declare_stack()`. What a user has to correct is one line a problem,
without a traceback.
"""

import gc
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi

from byodkim_provider.config import settings
from byodkim_provider.errors import AwsRefused, ByodkimError, InvalidSettings
from byodkim_provider.identity.state import STACK_VERIFICATION
from byodkim_provider.messages import HINT
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.program import aws_account, stack_config
from byodkim_provider.program._outputs import judged, made, verdicts_of
from byodkim_provider.program.domain import ByodkimDomain
from byodkim_provider.resources.declared import DkimVerification, DkimVerificationArgs
from byodkim_provider.resources.sdk import end_program

GARBAGE: Final = 50_000
"""New objects after which Python looks for cycles, instead of 700."""


def declare_stack() -> None:
    """Declare every domain of the stack file; ends the program with the problems of all domains."""
    # The SDK makes tens of thousands of objects that last as long as the program. Python's search
    # for cycles among them takes a quarter of its work with 100 domains, and frees 4 MiB.
    gc.set_threshold(GARBAGE)
    try:
        _declare()
    except ByodkimError as error:
        # One error a problem, without the traceback that an exception would come with.
        problems = error.problems if isinstance(error, InvalidSettings) else (error.text,)
        *others, last = problems
        for problem in others:
            pulumi.log.error(problem)
        end_program(f"{last}{HINT}{error.hint}" if error.hint else last)


def _declare() -> None:
    """Declare the stack; raises `InvalidSettings` with the problems of all domains."""
    written = stack_config.written()
    problems = [
        *stack_config.not_encrypted(),
        *stack_config.encrypted_in_vain(written),
        *stack_config.sent_secrets(),
    ]
    try:
        stack = settings.load(written, default_region=stack_config.region())
    except InvalidSettings as error:
        raise InvalidSettings([*problems, *error.problems], hint=error.hint) from None
    if problems:
        raise InvalidSettings(problems)
    if stack.domains:
        # Before any resource: a refusal of pulumi-aws ends the program wherever it is, in a
        # traceback.
        aws_account.sign_in(stack.domains[0].regions[0])
    domains: dict[str, ByodkimDomain] = {}
    for domain in stack.domains:
        try:
            domains[domain.name] = ByodkimDomain(domain.name, domain)
        except AwsRefused:
            raise  # whoever may not ask about one domain may not ask about the others
        except ByodkimError as error:
            problems.append(str(error))  # with its hint
    if problems and domains:
        pulumi.log.info(str(ProgramMessages.OTHERS_GO_ON()))
    if problems:
        raise InvalidSettings(problems)

    verification = DkimVerification(
        STACK_VERIFICATION,
        DkimVerificationArgs(
            identities=[
                identity
                for _, domain in sorted(domains.items())
                for _, identity in sorted(domain.identities.items())
            ],
            timeout_minutes=stack.verification.timeout_minutes,
            on_timeout=stack.verification.on_timeout,
            retired=[one.name for one in stack.domains if one.retired],
        ),
    )
    _export(domains, verification)


def _export(domains: Mapping[str, ByodkimDomain], verification: DkimVerification) -> None:
    """
    Export what people read of each domain, a line for each identity that is not verified, and how
    many domains are.
    """
    verdicts = verdicts_of(verification)
    shown: dict[str, Any] = {}
    lines: dict[tuple[str, str], pulumi.Output[str | None]] = {}
    for name, domain in sorted(domains.items()):
        regions = {}
        for region, identity in domain.identities.items():
            judgement = made(judged(name, region, identity, verdicts))
            lines[name, region] = judgement.apply(lambda found: found and found[1])
            regions[region] = {
                "status": judgement.apply(lambda found: found and found[0]),
                "signing_since": made(identity.signing_since),
            }
        [generation] = [one["generation"] for one in domain.records if one["role"] == "signing"]
        selector = made(domain.selector)
        shown[name] = {"generation": generation, "selector": selector, "regions": regions}
    pulumi.export("domains", shown)
    given = pulumi.Output.all(*lines.values())
    pulumi.export("pending", given.apply(lambda found: [line for line in found if line]))

    def counted(found: Sequence[str | None]) -> str:
        signing = {name for name, _ in lines}
        pending = {name for (name, _), line in zip(lines, found, strict=True) if line}
        return f"{len(signing - pending)} of {len(signing)} domains"

    # The last line of a run, however many domains there are: Pulumi sorts the outputs.
    pulumi.export("verified", given.apply(counted))
