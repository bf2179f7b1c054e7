"""Ends of Python programs, and the errors that the engine then shows, with any host for Python."""

_TRACEBACK = ["Program failed with an unhandled exception:"]

ENDINGS = {
    "import pulumi; raise pulumi.RunError('why')": [
        "why",
        "an unhandled error occurred: program exited with non-zero exit code: 1",
    ],
    "raise SystemExit(32)": [],
    "raise SystemExit(3)": [
        "an unhandled error occurred: program exited with non-zero exit code: 3"
    ],
    "raise ValueError('why')": _TRACEBACK,
}
"""First line of each error, by the program."""


def errors(shown):
    """The first line of each error below *Diagnostics* of what the CLI has shown."""
    lines = [line.strip() for line in shown.partition("Diagnostics:")[2].splitlines()]
    return [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
