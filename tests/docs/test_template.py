"""If this fails, who begins a project from the template or from *Get started* gets stuck."""

import json
import shutil
import subprocess

import pytest

from tests.docs.pages import ROOT, block
from tests.engine.stack import REGION

pytestmark = pytest.mark.engine

DOMAIN = "example.com"

PROJECT = """\
name: shop
runtime:
  name: python
  options: {toolchain: pip, virtualenv: venv}
"""

REFERENCE = """\
cd stack-reference
pulumi install
pulumi stack init prod
pulumi config set senders organization/senders/prod
pulumi up
pulumi stack output verified --json
"""


def installed_in(folder):
    """
    Where the environment of the program in *folder* has the package, which borrows all others;
    `PYTHONPATH` of whoever runs the tests does not count.
    """
    python = folder / "venv" / "bin" / "python"
    program = "import byodkim_provider; print(byodkim_provider.__file__)"
    return subprocess.run(
        [python, "-E", "-c", program], cwd=folder, capture_output=True, text=True
    ).stdout


def test_template(sandbox, shell):
    """A new project has what its page says, and its outputs can be used from elsewhere."""
    sandbox.add_zone(DOMAIN)
    shutil.copytree(ROOT / "examples" / "template", shell.project / "examples" / "template")
    new = block("examples/README.md", "A project by `pulumi new`")
    for written, ours in {
        "path/to/checkout": str(shell.project),
        "--stack prod": "--stack prod --yes",
        "pulumi up": "pulumi config set --path 'defaults.dnsResolvers[0]' "
        '"$SANDBOX_DNS"\npulumi up',
    }.items():
        new = new.replace(written, ours)
    shell.well(f"{new}byodkim status\n")
    assert sandbox.ses.signing_key(DOMAIN, REGION)
    project = shell.project / "senders"
    assert (project / "Pulumi.yaml").read_text().startswith("name: senders\n")
    assert (project / "__main__.py").read_text() == (ROOT / "__main__.py").read_text()
    assert installed_in(project).startswith(str(project / "venv"))
    shutil.copytree(
        ROOT / "examples" / "stack-reference" / "python", shell.project / "stack-reference"
    )
    used = shell.well(REFERENCE, PYTHONPATH=str(ROOT))
    assert json.loads(used.stdout[used.stdout.rindex("[") :]) == [DOMAIN]


def test_program_of_ones_own(sandbox, shell, tmp_path):
    """
    From an empty folder: the commands of *Get started* install the package, and its program brings
    up the domain.
    """
    sandbox.add_zone(DOMAIN)
    (folder := tmp_path / "shop").mkdir()
    (folder / "Pulumi.yaml").write_text(PROJECT)
    program = block("docs/get-started.md", "In a program of your own", 2)
    ours = f"dns_resolvers=['{sandbox.dns_resolver}'],\n        wait=True,"
    (folder / "__main__.py").write_text(program.replace("wait=True,", ours))
    install = block("docs/get-started.md", "In a program of your own", 1)
    shell.well(f"cd {folder}\n{install.replace('path/to/checkout', str(shell.project))}")
    assert installed_in(folder).startswith(str(folder / "venv"))
    shell.well(
        f"cd {folder}\npulumi stack init prod\npulumi config set aws:region {REGION}\npulumi up"
    )
    assert sandbox.ses.signing_key(DOMAIN, REGION)
