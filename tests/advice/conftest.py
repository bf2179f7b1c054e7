"""The shell of the documentation's tests."""

from tests.docs.conftest import pulumi_home, sandbox, shell, stack

__all__ = ["pulumi_home", "sandbox", "shell", "stack"]
