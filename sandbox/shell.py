"""A sandbox that keeps running, for a second shell: `python -m sandbox.shell`."""

import os
import shlex
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from sandbox.demo import QUICK, ZONES
from sandbox.hosts.cloudflare import Cloudflare
from sandbox.pulumi.engine import find_pulumi
from sandbox.pulumi.language_host import LanguageHost, served
from sandbox.pulumi.plugins import install_plugins, pulumi_environment
from sandbox.pulumi.program_host import NodeHost, missing_hosts
from sandbox.world import REGION, Sandbox

MAIL: Final = "mail"
"""The folder in which all mail that arrives is kept, one file each."""

AT_CLOUDFLARE: Final = "shop.example"
"""The zone that is not in Route 53."""

FOREIGN: Final = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN")
"""Variables of the user's own account that lead away from the sandbox."""

HELP: Final = """\
A sandbox is running until Ctrl-C. Paste the line above into a second shell, in this folder: there
`pulumi`, `byodkim` and `aws`, if you have it, reach the sandbox.
Commands to try are in docs/tutorial/first-domain.md. A stack file that you paste from another page
needs the sandbox's DNS, too:
`pulumi config set --path 'ses-byodkim:defaults.dnsResolvers[0]' "$SANDBOX_DNS"`. In a program of
your own it is `dnsResolvers` of each domain (in Python `dns_resolvers`).

`python -m sandbox mail DOMAIN` sends a test mail and prints its signature, and what SPF and DMARC
make of it.
All mail sent through the sandbox is in the folder of the variable SANDBOX_MAIL.

The zones {zones} are there, and no identity. The zone
{elsewhere} is at a stand-in for Cloudflare (`dns: cloudflare`), with the API token
"$SANDBOX_CLOUDFLARE_TOKEN". SES checks DNS a second after it gets a key here; the real one takes
minutes. The sandbox forgets everything when it ends: remove stacks/Pulumi.sandbox.yaml then.
"""


def main() -> int:
    pulumi = find_pulumi()
    ours = {name for name in os.environ if name.startswith("AWS_")}
    with (
        Sandbox(switches=QUICK) as sandbox,
        Cloudflare(AT_CLOUDFLARE, clock=sandbox.clock) as cloudflare,
        ExitStack() as hosts,
    ):
        for zone in ZONES:
            sandbox.add_zone(zone)
        sandbox.elsewhere.append(cloudflare.zones)
        sandbox.more_environment = {
            "CLOUDFLARE_BASE_URL": cloudflare.url,
            "SANDBOX_CLOUDFLARE_TOKEN": cloudflare.token,
        }
        # Programs in Python run in this process, which must not lead them to the user's account.
        python = served("python", LanguageHost(sandbox.environment, ours))
        others = missing_hosts(pulumi, NodeHost(sandbox.environment))
        language_host = ",".join(map(hosts.enter_context, (python, others))).strip(",")
        state = sandbox.directory / "pulumi-state"
        state.mkdir()
        sandbox.mail.folder = sandbox.directory / MAIL
        sandbox.mail.folder.mkdir()
        home = install_plugins(pulumi, sandbox.directory / "pulumi-home")
        variables = environment(sandbox, state=state, pulumi_home=home, language_host=language_host)
        programs = ":".join(str(Path(one).parent) for one in (sys.executable, pulumi.command))
        lines = [f"unset {' '.join(FOREIGN)}", f'export PATH={shlex.quote(programs)}:"$PATH"']
        lines += [
            f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())
        ]
        file = sandbox.directory / "environment"
        file.write_text("".join(f"{line}\n" for line in lines))
        print(f". {shlex.quote(str(file))}", flush=True)
        print(HELP.format(zones=", ".join(ZONES), elsewhere=AT_CLOUDFLARE), file=sys.stderr)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 0


def environment(
    sandbox: Sandbox, *, state: Path, pulumi_home: Path, language_host: str
) -> dict[str, str]:
    """
    Variables with which a shell reaches *sandbox*, and `pulumi` a backend in the folder *state*.
    """
    return {
        "PULUMI_PYTHON_CMD": sys.executable,  # unless the sandbox has another way to start plugins
        **pulumi_environment(sandbox, state=state, home=pulumi_home, passphrase="sandbox"),
        "AWS_DEFAULT_REGION": REGION,  # version 1 of the AWS CLI knows no other name
        "AWS_REGION": REGION,
        "PULUMI_DEBUG_LANGUAGES": language_host,
        "SANDBOX_MAIL": str(sandbox.directory / MAIL),
    }


if __name__ == "__main__":
    # Blocked in every thread, the servers' too, so that none of them gets the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    code = main()
    os._exit(code)  # a program of the second shell may still run, and would be waited for
