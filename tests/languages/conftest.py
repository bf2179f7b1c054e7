"""
One sandbox and one backend: the stack-file project has two stacks there, one verified and one
pending.
"""

import json
import shutil
from contextlib import ExitStack

import pytest

from sandbox.pulumi.engine import find_pulumi
from sandbox.pulumi.language_host import served
from sandbox.ses.emulator import Switches
from sandbox.world import Sandbox
from tests.docs.pages import ROOT
from tests.docs.shell import Shell
from tests.languages.hosts import PythonHost, serving_programs
from tests.support.quick_runs import quick_runs

VERIFIED = ("example.com", "example.net")

PENDING = "example.org"

STACK = """\
pulumi stack init {stack}
pulumi config set aws:region eu-west-1
pulumi config set --path 'ses-byodkim:defaults.dnsResolvers[0]' "$SANDBOX_DNS"
"""

DOMAIN = """\
pulumi config set --path 'ses-byodkim:domains["{domain}"].generation' 1
"""

MANUAL = """\
pulumi config set --path 'ses-byodkim:domains["{domain}"].dns' manual
"""


@pytest.fixture(scope="session")
def shell(tmp_path_factory):
    """
    A shell in the project, with a copy of each program; the stacks `prod` and `staging` are made.
    """
    directory = tmp_path_factory.mktemp("languages")
    with ExitStack() as opened:
        sandbox = opened.enter_context(
            Sandbox(switches=Switches(requests_per_second=None, first_check_seconds=0))
        )
        opened.enter_context(quick_runs(sandbox))
        python = opened.enter_context(served("python", PythonHost(sandbox.environment)))
        others, yaml = opened.enter_context(serving_programs(find_pulumi()))
        hosts = ",".join(filter(None, (python, others)))
        shell = Shell(
            sandbox,
            directory,
            pulumi_home=directory / "home",
            language_host=hosts,
            more_programs=yaml,
        )
        for domain in VERIFIED:
            sandbox.add_zone(domain)
        prod = STACK.format(stack="prod") + "".join(
            DOMAIN.format(domain=domain) for domain in VERIFIED
        )
        staging = STACK.format(stack="staging") + (DOMAIN + MANUAL).format(domain=PENDING)
        for commands in (prod, staging):
            done = shell.run(commands + "pulumi up\n", PYTHONPATH=str(ROOT))
            assert done.exit_code == 0, done.shown
        shutil.copytree(ROOT / "examples" / "stack-reference", shell.project / "stack-reference")
        yield shell


@pytest.fixture(scope="session")
def plugin(shell):
    """
    The schema that the plugin printed; it is in its folder, in an environment that the engine has
    made.
    """
    shutil.copytree(ROOT / "plugin", shell.project / "plugin")
    shown = shell.run("pulumi package get-schema ./plugin")
    assert shown.exit_code == 0, shown.shown
    return json.loads(shown.stdout)
