"""
`byodkim`, the command: each of its commands is a file.

Standard output has the result, everything else goes to standard error and begins with `byodkim:`.
An error is one line and a hint, never a traceback.
"""

from byodkim_provider.cli.commands import main

__all__ = ["main"]
