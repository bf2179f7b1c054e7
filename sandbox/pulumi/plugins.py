"""
Installs the stand-in for pulumi-aws where an engine finds it, and ends processes that would be
left.

An engine that is killed does not end its plugins, and killing us does not end the engine.
"""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pulumi.automation as auto

from sandbox.world import Sandbox

ROOT: Final = Path(__file__).resolve().parents[2]
"""The checkout."""

_END_WITH_PARENT: Final = """\
#!/bin/sh
(while kill -0 $PPID && kill -0 $$; do sleep 0.5; done; kill -KILL $$) </dev/null >/dev/null 2>&1 &
"""


def write_script(path: Path, body: str) -> Path:
    """
    A shell script that runs *body*; its process ends within a second of the one that started it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_END_WITH_PARENT + body)
    path.chmod(0o755)
    return path


def pulumi_environment(
    sandbox: Sandbox, *, state: Path, home: Path | str, passphrase: str
) -> dict[str, str]:
    """
    Variables with which `pulumi` has *sandbox*, a backend in the folder *state*, and no other
    plugins.
    """
    return {
        **sandbox.environment,
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": passphrase,
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_HOME": str(home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def install_plugins(pulumi: auto.PulumiCommand, home: Path) -> Path:
    """
    Install the stand-in for pulumi-aws into the Pulumi home *home*, if it is not there; return
    *home*.
    """
    if not (home / "plugins").exists():
        run = f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m sandbox.pulumi.resource_aws "$@"\n'
        plugin = str(write_script(home / "pulumi-resource-aws", run))
        # The version that the installed SDK asks for: the engine takes no other.
        arguments = [
            "plugin",
            "install",
            "resource",
            "aws",
            version("pulumi-aws"),
            "--file",
            plugin,
        ]
        pulumi.run(
            arguments, str(home), {"PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
        )
    return home
