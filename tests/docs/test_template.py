"""`pulumi new` makes a project that works, and a program that knows nothing of the package uses its stack."""

import json
import shutil

import pytest

from tests.docs.pages import ROOT
from tests.engine.stack import REGION

pytestmark = pytest.mark.engine

DOMAIN = "example.com"

NEW = """\
pulumi new {template} --dir senders --name senders --stack prod --yes
cd senders
pulumi config set --path 'domains["example.com"].generation' 1
pulumi config set --path 'defaults.dnsResolvers[0]' "$SANDBOX_DNS"
pulumi up
byodkim status
"""

REFERENCE = """\
cd stack-reference
pulumi install
pulumi stack init prod
pulumi config set senders organization/senders/prod
pulumi up
pulumi stack output verified --json
"""


def test_template(sandbox, shell):
    """A new project has what its page says, and its outputs can be used from elsewhere."""
    sandbox.add_zone(DOMAIN)
    new = NEW.format(template=ROOT / "examples" / "template")
    done = shell.run(new, PYTHONPATH=str(ROOT))
    assert done.exit_code == 0, done.shown
    assert sandbox.ses.signing_key(DOMAIN, REGION)
    project = shell.project / "senders"
    assert (project / "Pulumi.yaml").read_text().startswith("name: senders\n")
    assert (project / "__main__.py").read_text() == (ROOT / "__main__.py").read_text()

    shutil.copytree(ROOT / "examples" / "stack-reference" / "python", shell.project / "stack-reference")
    used = shell.run(REFERENCE, PYTHONPATH=str(ROOT))
    assert used.exit_code == 0, used.shown
    assert json.loads(used.stdout[used.stdout.rindex("[") :]) == [DOMAIN]
