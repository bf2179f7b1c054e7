"""
CPU that a process takes before it does anything: a command's, and for what the program imports.
"""

from __future__ import annotations

import ast
import resource
import subprocess
import sys
from pathlib import Path

from sandbox.pulumi.plugins import ROOT

PROCESSES = 12

HELP = (str(Path(sys.executable).with_name("byodkim")), "--help")


def imports_of_main() -> str:
    """The import statements of the program."""
    tree = ast.parse((ROOT / "__main__.py").read_text(encoding="utf-8"))
    return "\n".join(
        ast.unparse(one) for one in tree.body if isinstance(one, ast.Import | ast.ImportFrom)
    )


IMPORTS = (
    sys.executable,
    "-c",
    "import time, pulumi, pulumi_aws\nbefore = time.process_time()\n"
    f"{imports_of_main()}\nprint(time.process_time() - before)",
)


def measured_starts() -> dict[str, list[float]]:
    """
    Seconds of user and system time, one of each process.

    `--help` is a whole process of the command; `imports` what comes on top of `pulumi` and
    `pulumi_aws`.
    """
    _run(*HELP)  # which compiles what is not compiled yet
    _run(*IMPORTS)
    return {
        "--help": [round(_cpu_of_children(HELP), 3) for _ in range(PROCESSES)],
        "imports": [round(float(_run(*IMPORTS)), 3) for _ in range(PROCESSES)],
    }


def _cpu_of_children(arguments: tuple[str, ...]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _run(*arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _run(*arguments: str) -> str:
    return subprocess.run(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
