"""
Ends a program in this process as the language host for Python ends one in a process of its own.

There `pulumi-language-python-exec` turns the end of a program into an exit code, and `pulumi-language-python`
an exit code into its answer to the engine. Without this, the server of the Automation API would answer.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, Final

import grpc
import pulumi
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2

ERROR_SHOWN: Final = 32
"""Exit code of a program that has shown its error itself, in all SDKs."""

RUN_ERROR: Final = 1
"""Exit code after `pulumi.RunError`, whose message is shown."""

TRACEBACKS: Final = ("python inline source runtime error: ", "RPC error: ")
"""How the server's answers begin after an exception elsewhere than in the program; its traceback is shown."""


class _Exited(grpc.RpcError):
    """Of all that a program may raise, the server keeps only this to itself."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE


def run(program: Callable[[], object], request: Any, context: Any) -> Any:
    """The answer to the engine after *program* has run for its *request*."""
    exit_code: Any = 0

    def ending() -> None:
        nonlocal exit_code
        try:
            program()
        except SystemExit as error:
            exit_code = error.code or 0
            raise _Exited from None
        except pulumi.RunError:
            raise
        except Exception:  # noqa: BLE001 # as the real one does
            pulumi.log.error(f"Program failed with an unhandled exception:\n{traceback.format_exc()}")
            exit_code = ERROR_SHOWN
            raise _Exited from None

    answer = LanguageServer(ending).Run(request, context)  # type: ignore[no-untyped-call]
    if answer.error:
        exit_code = ERROR_SHOWN if answer.error.startswith(TRACEBACKS) else RUN_ERROR
    return answered(exit_code)


def answered(exit_code: int) -> Any:
    """The answer of the language host after *exit_code*."""
    if exit_code in (0, ERROR_SHOWN):
        return language_pb2.RunResponse(bail=exit_code == ERROR_SHOWN)
    return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {exit_code}")
