"""If this fails, what is built from a checkout lacks a file, or does not install."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import byodkim_provider

ROOT = Path(__file__).parents[1]

NOT_IN_A_CHECKOUT = shutil.ignore_patterns(
    *("venv", ".git", "build", "dist", "site", ".cache", ".*_cache", "__pycache__", "*.egg-info")
)

EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/requirements.txt"))


def run(*command, cwd):
    """Standard output of *command*, which has to succeed."""
    theirs = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(one) for one in command]
    done = subprocess.run(command, cwd=cwd, env=theirs, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the checkout: what builds writes into it."""
    copy = tmp_path_factory.mktemp("checkout") / "byodkim"
    shutil.copytree(ROOT, copy, ignore=NOT_IN_A_CHECKOUT)
    return copy


@pytest.fixture(scope="module")
def dist(checkout):
    """The wheel that `build` makes from what is in the sdist, and the sdist."""
    made = checkout / "dist"
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", made, cwd=checkout)
    (wheel,), (sdist,) = made.glob("*.whl"), made.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def wheel(dist):
    return dist[0]


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """
    The programs of an environment in which the wheel is installed; it borrows all other packages.
    """
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder)
    pip = (
        sys.executable,
        "-m",
        "pip",
        "--python",
        folder / "bin" / "python",
        "--disable-pip-version-check",
    )
    run(*pip, "install", "--no-index", "--no-deps", wheel, cwd=folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    # After the environment's own packages; a `.pth` file there, such as our editable install, is
    # not read.
    borrowed = [path for path in sys.path if Path(path).name == "site-packages"]
    (packages / "borrowed.pth").write_text("\n".join(borrowed))
    return folder / "bin"


def product_files():
    """Every file of the package."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "byodkim_provider").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_wheel(wheel):
    """
    The wheel has each file of the package, data and `py.typed` too, and no file of anything else.
    """
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "byodkim_provider/py.typed" in names
    assert {name for name in names if ".dist-info/" not in name} == product_files()


def test_sdist(dist):
    """
    The sdist has what the wheel is built from, and neither tests nor sandbox; an index would take
    both.
    """
    with tarfile.open(dist[1]) as archive:
        names = {one.name.partition("/")[2] for one in archive.getmembers() if one.isfile()}
    beside = {name for name in names - product_files() if ".egg-info/" not in name}
    assert product_files() <= names
    made = {"PKG-INFO", "setup.cfg"}
    assert beside == {"MANIFEST.in", "README.md", "pyproject.toml", "requirements.txt"} | made
    run(sys.executable, "-m", "twine", "check", "--strict", *dist, cwd=dist[0].parent)


def test_command(installed, tmp_path):
    """The installed command runs, and says which version it is."""
    assert run(installed / "byodkim", "--version", cwd=tmp_path) == (
        f"byodkim, version {byodkim_provider.__version__}\n"
    )


def test_library(installed, tmp_path):
    """Every public name can be imported from the installed package, which is not the checkout."""
    program = (
        "import byodkim_provider as b; [getattr(b, name) for name in b.__all__]; print(b.__file__)"
    )
    where = Path(run(installed / "python", "-c", program, cwd=tmp_path).strip())
    assert where.is_relative_to(installed.parent)


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples(wheel, installed, tmp_path, example):
    """Without an index an example installs the wheel that the page of the examples makes."""
    folder = shutil.copytree(ROOT / "examples" / example, tmp_path / example)
    assert len(EXAMPLES) > 5
    assert "pip wheel --no-deps --wheel-dir" in (ROOT / "examples" / "README.md").read_text()
    shutil.copy(wheel, folder)
    pip = (sys.executable, "-m", "pip", "--python", installed / "python", "install", "--dry-run")
    options = ("--no-index", "--no-deps", "--ignore-installed", "--disable-pip-version-check")
    said = run(*pip, *options, "--requirement", "requirements.txt", cwd=folder)
    assert f"Would install byodkim-provider-{byodkim_provider.__version__}" in said


def test_schema_of_stack_files(installed, tmp_path):
    """The installed package prints the schema that the checkout has for editors."""
    printed = run(installed / "python", "-m", "byodkim_provider.config.json_schema", cwd=tmp_path)
    assert printed == (ROOT / "stacks" / "schema.json").read_text()
