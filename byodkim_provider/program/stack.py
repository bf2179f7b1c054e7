"""
The program that reads stack files: every domain of the file, and SES's verdict on them.

A project needs no more than `declare_stack()`. What a user has to correct is one line a problem,
without a traceback.
"""

from __future__ import annotations

import pulumi

from byodkim_provider.config import settings
from byodkim_provider.errors import AwsRefused, ByodkimError, InvalidSettings
from byodkim_provider.identity.state import STACK_VERIFICATION
from byodkim_provider.messages import HINT
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.program import aws_account, stack_config
from byodkim_provider.program._outputs import counted, verdicts_of
from byodkim_provider.program.domain import ByodkimDomain, pending
from byodkim_provider.resources.declared import DkimVerification, DkimVerificationArgs
from byodkim_provider.resources.sdk import end_program


def declare_stack() -> None:
    """Declare every domain of the stack file; ends the program with the problems of all domains."""
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
            problems.append(str(error))
    if problems:
        raise InvalidSettings(problems, hint=str(ProgramMessages.OTHERS_GO_ON()) if domains else "")

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
    verdicts = verdicts_of(verification)
    pulumi.export("domains", {name: domain.summary(verdicts) for name, domain in domains.items()})
    not_verified = pending([domains[name] for name in sorted(domains)], verification)
    pulumi.export("pending", not_verified.apply(lambda found: [line for _, line in found]))
    signing = [name for name, domain in domains.items() if domain.identities]
    # The last line of a run, however many domains there are: Pulumi sorts the outputs.
    verified = not_verified.apply(lambda found: counted(signing, {name for name, _ in found}))
    pulumi.export("verified", verified)
