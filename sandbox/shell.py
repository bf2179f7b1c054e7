"""
A sandbox that keeps running, for a second shell: `python -m sandbox.shell`.

The second shell evaluates the standard output; everything else goes to standard error.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Final

from sandbox.demo import QUICK, ZONES
from sandbox.pulumi.engine import find_pulumi
from sandbox.pulumi.plugins import install_plugins
from sandbox.world import Sandbox

HELP: Final = """\
A sandbox is running until Ctrl-C. In a second shell, in this folder, paste the lines above, then

  pulumi stack init sandbox
  pulumi config set aws:region eu-west-1
  pulumi config set --path 'ses-byodkim:defaults.dnsResolvers[0]' {resolver}
  pulumi config set --path 'ses-byodkim:domains["example.com"].generation' 1
  pulumi up

The zones {zones} are there. SES checks DNS a second after it gets a key here; the real
one takes minutes. `pulumi up` needs the Python language host that comes with an
official Pulumi CLI; `make demo` does without. The sandbox forgets everything when it ends, so
remove stacks/Pulumi.sandbox.yaml then.
"""


def main() -> int:
    """Run until interrupted."""
    pulumi = find_pulumi()
    with Sandbox(switches=QUICK) as sandbox:
        for zone in ZONES:
            sandbox.add_zone(zone)
        state = sandbox.directory / "pulumi-state"
        state.mkdir()
        environment = sandbox.environment | {
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "sandbox",
            "SANDBOX_DNS": sandbox.dns_resolver,
            "PULUMI_HOME": str(install_plugins(pulumi, sandbox.directory / "pulumi-home")),
            "PATH": os.pathsep.join(
                [str(Path(sys.executable).parent), str(Path(pulumi.command).parent), os.environ["PATH"]]
            ),
        }
        print("unset AWS_PROFILE")
        for name, value in sorted(environment.items()):
            print(f"export {name}={shlex.quote(value)}")
        sys.stdout.flush()
        print(HELP.format(resolver=sandbox.dns_resolver, zones=", ".join(ZONES)), file=sys.stderr)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 0


if __name__ == "__main__":
    # Blocked in every thread, the servers' too, so that none of them gets the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    sys.exit(main())
