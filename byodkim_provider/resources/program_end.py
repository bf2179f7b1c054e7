"""
Ends a program whose errors have been shown.

After any other exit code, also that of `pulumi.RunError`, the engine adds "an unhandled error occurred".
"""

from __future__ import annotations

from typing import Final, NoReturn

import pulumi

from byodkim_provider.messages.program import ProgramProblem

ERROR_SHOWN: Final = 32
"""Exit code for which the language host says nothing more (pulumi-language-python-exec)."""


def end_program(last_error: str) -> NoReturn:
    """End the program with *last_error*; without a text, the engine has ended the run and said why."""
    if pulumi.get_root_directory() is None:
        # Only a language host says where the project is. The Automation API runs the program in a process
        # that goes on, and shows the traceback of any other exception.
        raise pulumi.RunError(last_error or str(ProgramProblem.ENDED()))
    if last_error:
        pulumi.log.error(last_error)
    raise SystemExit(ERROR_SHOWN)
