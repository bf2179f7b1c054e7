"""
Finds a Pulumi CLI or gets one: from PATH, by the official installer, or built from source.

What has to be fetched or built goes into the user's cache, once for all checkouts.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pulumi.automation as auto
from pulumi._version import version as sdk_version
from pulumi.automation.errors import InvalidVersionError
from semver import VersionInfo

from sandbox.pulumi.language_host import environment_of

OLDEST: Final = VersionInfo(3, 260, 0)
"""The oldest supported CLI, as old as the oldest supported SDK (requirements.txt)."""

GO_MODULE: Final = Path(__file__).parent / "cli"
"""A Go module that pins the CLI and all it is built from."""

GO_OPTIONS: Final = ("-trimpath", "-tags", "grpcnotrace,osusergo")
"""The same for all that is built from the module, so that its packages are compiled once."""

GO_PACKAGE: Final = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"

PLUGIN_START: Final = "pulumi-resource-pulumi-python"
"""
The CLI runs it for dynamic resources. Official packages contain it, a build from source does not.
"""

PROGRESS_SECONDS: Final = 20
"""How often a build says how far it is."""

PLUGIN_START_SCRIPT: Final = """\
#!/bin/sh
exec "${PULUMI_PYTHON_CMD:-python3}" -u -m pulumi.dynamic "$@"
"""


class EngineMissing(Exception):
    """There is no Pulumi CLI, and it could not be installed; the message says what was tried."""


def find_pulumi() -> auto.PulumiCommand:
    """A Pulumi CLI that can run dynamic resources. The first time this may take minutes."""
    tried = ["no Pulumi CLI could be had:"]
    for attempt in (_on_path, _cached, _downloaded, _built):
        try:
            return attempt()
        except EngineMissing as error:
            tried.append(f"  {error}")
    raise EngineMissing("\n".join([*tried, "to install it: https://www.pulumi.com/docs/install/"]))


def cache_directory() -> Path:
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "byodkim-provider" / "pulumi"


def pinned_version(module: Path = GO_MODULE, of: str = "github.com/pulumi/pulumi/pkg/v3") -> str:
    found = re.search(rf"{re.escape(of)} v(\S+)", (module / "go.mod").read_text())
    if found is None:
        raise EngineMissing(f"{module / 'go.mod'} names no version of {of}")
    return found[1]


def _command(root: Path) -> auto.PulumiCommand:
    pulumi = root / "bin" / "pulumi"
    for needed in (pulumi, pulumi.with_name(PLUGIN_START)):
        if not needed.exists():
            raise EngineMissing(f"there is no {needed}")
    try:
        return auto.PulumiCommand(root=str(root), version=OLDEST)
    except (InvalidVersionError, OSError, subprocess.SubprocessError) as error:
        raise EngineMissing(f"{pulumi}: {error}") from error


def _on_path() -> auto.PulumiCommand:
    found = shutil.which("pulumi")
    if found is None:
        raise EngineMissing("there is no `pulumi` on PATH")
    # The real file: the CLI takes the plugins that lie beside that one.
    return _command(Path(found).resolve().parent.parent)


def _cached() -> auto.PulumiCommand:
    for version in (str(sdk_version), pinned_version()):
        root = cache_directory() / version
        if root.exists():
            return _command(root)
    raise EngineMissing(f"there is none in {cache_directory()}")


def _downloaded() -> auto.PulumiCommand:
    root = cache_directory() / str(sdk_version)
    _say(f"downloading the Pulumi CLI {sdk_version} to {root}: once a machine, about a minute")
    # The installer is whatever its address answers: it gets no credentials.
    forget = {name for name in os.environ if name.startswith(("AWS_", "PULUMI_"))}
    try:
        with environment_of({}, forget=forget):
            once(root, lambda new: auto.PulumiCommand.install(root=str(new)))
    except (
        InvalidVersionError,
        OSError,
        subprocess.SubprocessError,
        urllib.error.URLError,
    ) as error:
        raise EngineMissing(f"the official installer failed: {error}") from error
    return _command(root)


def _built() -> auto.PulumiCommand:
    version = pinned_version()
    root = cache_directory() / version
    stamp = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{version}"
    what = f"building the Pulumi CLI {version} from source to {root}: once a machine"
    announced = f"{what}, about 10 minutes on two cores, and 2 GB"

    def fill(new: Path) -> None:
        build(
            GO_PACKAGE, new / "bin" / "pulumi", module=GO_MODULE, stamp=stamp, announced=announced
        )
        start = new / "bin" / PLUGIN_START
        start.write_text(PLUGIN_START_SCRIPT)
        start.chmod(0o755)

    return _command(once(root, fill))


def build(package: str, program: Path, *, module: Path, stamp: str, announced: str) -> None:
    """
    Build *program* from *package*, pinned by the Go module in *module*, which takes minutes.
    """
    go = shutil.which("go")
    if go is None:
        raise EngineMissing("it can't be built from source: there is no `go` on PATH")
    _say(announced)
    options = [*GO_OPTIONS, "-ldflags", stamp]
    command = [go, "build", "-v", *options, "-o", str(program), package]
    lines: list[str] = []
    spoken = time.monotonic()
    with subprocess.Popen(command, cwd=module, stderr=subprocess.PIPE, text=True) as compiler:
        for line in compiler.stderr or ():
            lines.append(line)
            if time.monotonic() >= spoken + PROGRESS_SECONDS:
                _say(f"{len(lines)} packages downloaded or compiled, now {line.strip()}")
                spoken = time.monotonic()
    if compiler.returncode:
        raise EngineMissing(f"`go build` failed: {''.join(lines[-10:])}")


def once(folder: Path, fill: Callable[[Path], object]) -> Path:
    """
    *folder* of the cache, filled if it is not there yet; two processes at the same time do it once.
    """
    cache = cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # while another run fills the same cache
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=cache) as unfinished:
                new = Path(unfinished, "new")
                new.mkdir()
                fill(new)
                new.rename(folder)
    return folder


def _say(text: str) -> None:
    print(f"byodkim sandbox: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        _say(find_pulumi().command)
    except EngineMissing as error:
        sys.exit(f"byodkim sandbox: {error}")
