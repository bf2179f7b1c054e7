"""
The language host in a process of its own: `python -m tests.bench.language_host`.

A new one for each run, as with the real one: so a run pays for its imports. Prints the value of
PULUMI_DEBUG_LANGUAGES, and ends when its standard input is closed. Its environment is the
program's.
"""

import sys

from sandbox.pulumi.language_host import LanguageHost, served

if __name__ == "__main__":
    with served("python", LanguageHost({})) as address:
        print(address, flush=True)
        sys.stdin.read()
