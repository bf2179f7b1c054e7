"""
One sandbox, stacks in it, and after each test the search for secrets, as for all engine tests.
"""

from tests.engine.conftest import (
    all_secrets,
    no_secret_is_shown,
    no_traceback_is_shown,
    open_stack,
    open_stacks,
    sandbox,
    searched,
)

__all__ = [
    "all_secrets",
    "no_secret_is_shown",
    "no_traceback_is_shown",
    "open_stack",
    "open_stacks",
    "sandbox",
    "searched",
]
