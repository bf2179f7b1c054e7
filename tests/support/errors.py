"""What a test wants of an error of the product."""

import pytest

from byodkim_provider.errors import ByodkimError


def raises(kind, match=None):
    """As `pytest.raises`, of an error of that *kind*."""
    return pytest.raises(ByodkimError, match=match, check=lambda error: error.kind == kind)
