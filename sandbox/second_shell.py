"""
What the commands for the second shell of `python -m sandbox.shell` share.

How they are called, and errors of one line.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError


def run(command: Callable[..., int], name: str, description: str, *arguments: str) -> int:
    """
    The exit code of *command*, called with what was typed for *arguments*; users type `-m sandbox.<name>`.

    Without the sandbox's variables it is an error: boto3 would work in the user's own account.
    """
    parser = argparse.ArgumentParser(prog=f"python -m sandbox.{name}", description=description)
    for argument in arguments:
        parser.add_argument(argument.lower(), metavar=argument)
    given = vars(parser.parse_args())
    try:
        if "SANDBOX_DNS" not in os.environ:
            raise LookupError("this shell does not reach the sandbox: paste the line of `make sandbox` first")
        return command(**given)
    except (BotoCoreError, ClientError, LookupError) as error:
        print(f"{parser.prog}: {error.args[0]}", file=sys.stderr)
        return 1
