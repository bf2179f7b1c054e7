"""If this fails, something is installed for development that the lock does not name by hash."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements-dev.lock").read_text()

LOCKED = {
    found["name"]: (found["version"], found[0].count("--hash=sha256:"))
    for found in re.finditer(
        r"^(?P<name>[a-z0-9._-]+)(\[[a-z,]+\])?==(?P<version>\S+).*(\n {4}--hash\S+.*)+",
        LOCK,
        re.MULTILINE,
    )
}
"""Version and number of hashes, by package."""

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

WANTED = [
    Requirement(text)
    for text in (
        *(
            line.partition("#")[0].strip()
            for line in (ROOT / "requirements.txt").read_text().splitlines()
            if line.partition("#")[0].strip()
        ),
        *(one for extra in PROJECT["optional-dependencies"].values() for one in extra),
    )
    if not text.startswith(PROJECT["name"])
]


def test_every_package_has_hashes():
    """Each line of the lock that names a package is followed by hashes of its files."""
    names = re.findall(r"^([a-z0-9][a-z0-9._-]*)", LOCK, re.MULTILINE)
    assert sorted(set(names)) == sorted(LOCKED)
    assert len(LOCKED) > 50
    assert all(hashes for _, hashes in LOCKED.values())


@pytest.mark.parametrize("wanted", WANTED, ids=lambda one: one.name)
def test_lock_keeps_the_bounds(wanted):
    """The lock has each package that the project asks for, in a version that it allows."""
    version, _ = LOCKED[canonicalize_name(wanted.name)]
    assert wanted.specifier.contains(version)


def test_no_registry_is_named():
    """Where packages come from is up to whoever installs them: hashes make all places the same."""
    assert not re.search(r"://|--(index|extra-index|find-links|trusted)", LOCK)


@pytest.mark.parametrize(
    "wanted",
    [one for one in WANTED if not one.name.lower().startswith("types-")],
    ids=lambda one: one.name,
)
def test_dependencies_have_bounds(wanted):
    """A version too old to work is not taken."""
    assert any(one.operator in (">=", "==", "~=") for one in wanted.specifier)
