"""If this fails, the sandbox leaves processes behind, or runs a download with credentials."""

import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest
from pulumi._version import version as sdk_version
from pulumi.automation import _cmd

from sandbox.pulumi import engine

KILLED_RUN = """
from sandbox.pulumi.project import Project
from sandbox.world import Sandbox
from tests.sandbox.slow_resource import Slow

with Sandbox() as sandbox, Project(sandbox, config={}, program=lambda: Slow("slow", seconds=600)) \
as project:
    project.up(on_output=lambda line: print(line, flush=True))
"""


@pytest.mark.engine
def test_killed_run_leaves_no_process(tmp_path):
    """
    When the process that runs a sandbox is killed, the engine and its plugins end within seconds.
    """
    mark = f"BYODKIM_TEST={uuid.uuid4()}"
    environment = {**os.environ, **dict([mark.split("=")]), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", KILLED_RUN],
        env=environment,
        cwd=engine.GO_MODULE.parents[2],  # the checkout
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        assert any("slow creating" in line for line in run.stdout)
        assert len(marked_processes(mark)) >= 3  # this one, the engine, a plugin
        run.kill()
    deadline = time.monotonic() + 10
    while marked_processes(mark) and time.monotonic() < deadline:
        threading.Event().wait(0.1)
    assert [] == marked_processes(mark)


def marked_processes(mark):
    """Process numbers of all that have *mark* in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:  # ended meanwhile, or somebody else's
            continue
    return found


def test_installer_gets_no_credentials(monkeypatch, tmp_path):
    """What was just downloaded runs without AWS's and Pulumi's variables, which come back."""
    monkeypatch.setenv("PATH", "/bin:/usr/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "sesame")
    shown = tmp_path / "shown"
    installer = f"""#!/bin/sh
env > {shown}
mkdir -p "$3/bin"
printf '#!/bin/sh\necho v{sdk_version}\n' > "$3/bin/pulumi"
cp "$3/bin/pulumi" "$3/bin/{engine.PLUGIN_START}"
chmod +x "$3"/bin/*
"""
    monkeypatch.setattr(_cmd, "_download_to_file", lambda _, path: Path(path).write_text(installer))
    assert str(tmp_path) in engine.find_pulumi().command
    assert "PATH=/bin:/usr/bin" in shown.read_text()
    assert [line for line in shown.read_text().splitlines() if "sesame" in line] == []
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == os.environ["PULUMI_CONFIG_PASSPHRASE"] == "sesame"
