"""The shell of the documentation's tests."""

from tests.docs.conftest import language_host, pulumi_home, sandbox, shell, stack

__all__ = ["language_host", "pulumi_home", "sandbox", "shell", "stack"]
