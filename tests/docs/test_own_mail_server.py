"""
If this fails, mail of somebody whose own server signs with the key of SES fails, or the key leaks.

The real OpenDKIM and Rspamd sign and, with dkimpy, judge. OpenDKIM runs in its test mode, once for
each mail, with the configuration of the example; Rspamd runs as a server.
"""

import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

import pytest

from byodkim_provider.dkim import keys
from byodkim_provider.dkim.key_secret import KeySecret
from sandbox.mail.client import send
from sandbox.mail.verdict import judge
from sandbox.pulumi.plugins import write_script
from tests.dns.name_server import program
from tests.docs.pages import ROOT, block, shows
from tests.engine.search import load
from tests.engine.stack import REGION
from tests.support.leaks import KeySearch
from tests.support.secrets_manager import SecretsManager

pytestmark = pytest.mark.engine

PAGE = "docs/how-to/own-mail-server.md"
EXAMPLE = ROOT / "examples" / "own-mail-server"
DOMAIN = "example.com"

MAIL = (
    b"From: Hello <hello@example.com>\r\nTo: somebody@elsewhere.test\r\nSubject: News\r\n"
    b"Date: Tue, 01 Dec 2026 12:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nAll is well.\r\n"
)

RSPAMD = """\
options {{
  filters = "dkim";
  disable_hyperscan = true;
  hs_cache_dir = "$DBDIR";
  url_tld = "{root}/suffixes";
  control_socket = "{root}/rspamd.sock mode=0600";
}}
logging {{ type = "console"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
modules {{ path = "$PLUGINSDIR/dkim_signing.lua"; }}
.include "/etc/rspamd/modules.d/dkim_signing.conf"
"""
"""In place of Debian's rspamd.conf, which takes a minute to start, and asks the Internet."""

SECONDS = 60
"""How long Rspamd may take until it signs with a key."""

OF_A_SERVICE = re.compile("^(UserID|Socket|PidFile|Syslog) .*\n", re.MULTILINE)
"""What has no meaning in OpenDKIM's test mode."""


class MailServer:
    """
    A machine with both, in a folder: the files of the example, with that folder in front of paths.
    """

    def __init__(self, root: Path, resolver: str) -> None:
        self.root = root
        self.files = {
            "opendkim.conf": self._path("/etc/opendkim.conf"),
            "SigningTable": self._path("/etc/opendkim/SigningTable"),
            "dkim_signing.conf": self._path("/etc/rspamd/local.d/dkim_signing.conf"),
            "install-key": self._path("/usr/local/sbin/install-key"),
        }
        self.keys = self._path("/etc/dkimkeys"), self._path("/var/lib/rspamd/dkim")
        for folder in (*self.keys, *(file.parent for file in self.files.values())):
            folder.mkdir(parents=True, exist_ok=True)
        for name, file in self.files.items():
            text = (EXAMPLE / name).read_text().replace("/etc/", f"{root}/etc/")
            file.write_text(text.replace("/var/lib/", f"{root}/var/lib/"))
        self.files["install-key"].chmod(0o755)
        conf = self.files["opendkim.conf"]
        # The folder of a test is below one that everybody may write.
        conf.write_text(OF_A_SERVICE.sub("", conf.read_text()) + "RequireSafeKeys no\n")
        host, _, port = resolver.rpartition(":")
        (root / "unbound.conf").write_text(
            'server:\n do-not-query-localhost: no\n module-config: "iterator"\n'
            f'forward-zone:\n name: "."\n forward-addr: {host}@{port}\n'
        )
        (root / "verify.conf").write_text(f"ResolverConfiguration {root}/unbound.conf\n")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        (root / "rspamd.conf").write_text(RSPAMD.format(root=root, port=self.port))
        (root / "suffixes").write_text("com\n")
        (root / "mail.eml").write_bytes(MAIL)
        self.reloaded = root / "reloaded"

    def _path(self, path: str) -> Path:
        return self.root / path.removeprefix("/")

    def start(self) -> subprocess.Popen[bytes]:
        """
        Rspamd in a process group of its own. It ends with its children when it gets SIGTERM, which
        the kernel sends if this process is killed.
        """
        folders = [f"--var={name}={self.root}" for name in ("DBDIR", "RUNDIR", "LOGDIR")]
        folders.append(f"--var=LOCAL_CONFDIR={self._path('/etc/rspamd')}")
        command = ["setpriv", "--pdeathsig", "TERM", program("rspamd", "rspamd")]
        command += ["-f", "-i", "-c", f"{self.root}/rspamd.conf", *folders]
        with (self.root / "rspamd.log").open("wb") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def by_opendkim(self) -> bytes:
        """A mail as OpenDKIM signs it."""
        shown = self._opendkim(self.files["opendkim.conf"], "s", "mail.eml")
        value = shown.partition("hname='DKIM-Signature' hvalue='")[2].rpartition("'")[0]
        return b"DKIM-Signature: " + value.replace("\n", "\r\n").encode() + b"\r\n" + MAIL

    def by_rspamd(self) -> bytes:
        """A mail as Rspamd signs it, once it has started or has read its files again."""
        command = [program("rspamc", "rspamd"), "-h", f"127.0.0.1:{self.port}", "--mime"]
        command += ["-i", "127.0.0.1", str(self.root / "mail.eml")]
        deadline = monotonic() + SECONDS
        while monotonic() < deadline:
            signed = subprocess.run(command, capture_output=True, check=True).stdout
            if b"s=%b;" % self.selector in signed:
                return signed
        raise AssertionError((self.root / "rspamd.log").read_text())

    @property
    def selector(self) -> bytes:
        return self._path("/etc/rspamd/dkim_selectors.map").read_bytes().split()[1]

    def verified(self, mail: list[bytes]) -> int:
        """How many of *mail* have a signature of the domain that OpenDKIM finds good."""
        names = [f"{number}.eml" for number, _ in enumerate(mail)]
        for name, content in zip(names, mail, strict=True):
            (self.root / name).write_bytes(content)
        shown = self._opendkim(self.root / "verify.conf", "v", *names)
        return len(re.findall(rf"verification \(s=\S+,? d={DOMAIN}, .*\) succeeded", shown))

    def _opendkim(self, configuration: Path, mode: str, *mail: str) -> str:
        """What it shows of the files *mail* when it signs (`s`) or verifies (`v`) them."""
        files = ",".join(str(self.root / name) for name in mail)
        command = [program("opendkim", "opendkim"), "-x", str(configuration), "-b", mode]
        done = subprocess.run([*command, "-t", files, "-vv"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def server(sandbox, shell, tmp_path):
    """The mail server, which `ssh` of the shell reaches."""
    server = MailServer(tmp_path / "server", sandbox.dns_resolver)
    programs, sbin = tmp_path / "bin", server.files["install-key"].parent
    temporary = tmp_path / "tmp"  # is searched, too
    temporary.mkdir()
    shell.environment["TMPDIR"] = str(temporary)
    rspamd = server.start()
    write_script(programs / "ssh", f'shift\nPATH="{sbin}:$PATH"\nexec "$@"\n')
    write_script(
        programs / "systemctl",
        f'echo "$*" >>"{server.reloaded}"\ncase $2 in rspamd) kill -HUP {rspamd.pid} ;; esac\n',
    )
    write_script(programs / "install-key", f'exec "{sbin}/install-key" "$@"\n')
    yield server
    rspamd.terminate()
    try:
        rspamd.wait(timeout=20)
    finally:
        with suppress(ProcessLookupError):  # all of the group have ended
            os.killpg(rspamd.pid, signal.SIGKILL)


@contextmanager
def meanwhile(action: Callable[[], object]) -> Iterator[None]:
    """Repeats *action* in a thread until the block ends; what it raises is raised then."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.is_set():
            action()

    with ThreadPoolExecutor() as threads:
        repeated = threads.submit(repeat)
        try:
            yield
        finally:
            ended.set()
        repeated.result()


def command_lines() -> Iterator[bytes]:
    """Of all processes."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            yield file.read_bytes()


@pytest.mark.parametrize(
    ("heading", "number", "name"),
    [
        ("OpenDKIM", 1, "opendkim.conf"),
        ("OpenDKIM", 2, "SigningTable"),
        ("Rspamd", 1, "dkim_signing.conf"),
    ],
)
def test_example(heading, number, name):
    """What the page shows is what the example has, and what runs below."""
    assert block(PAGE, heading, number) == (EXAMPLE / name).read_text()


def test_two_signers(sandbox, stack, follow, server):
    """
    Three signers with one key: no mail fails before, in and after a rotation, and four days later.

    The next rotation is refused until the line for the server is gone. The key is in the files of
    the server and in the one that was asked for, and nowhere else.
    """
    sandbox.add_zone(DOMAIN)
    stack.paste((EXAMPLE / "stacks" / "Pulumi.prod.yaml").read_text())
    stack.well("pulumi up")
    mail: list[bytes] = []

    def install():
        selector = sandbox.ses.signing_key(DOMAIN, REGION)[0]
        for line in block(PAGE, "Install it").splitlines():
            told.append(stack.well(line, SELECTOR=selector))
        assert server.reloaded.read_text().split()[-1] == "rspamd"

    def send_three():
        mail.append(send(sandbox, DOMAIN, REGION).content)
        mail.append(server.by_opendkim())
        mail.append(server.by_rspamd())

    def none_fails():
        """Of all mail that was ever sent; the selectors of the last three."""
        verdicts = [judge(content, sandbox.mail.look_up) for content in mail]
        assert {(verdict.result, verdict.domain) for verdict in verdicts} == {("pass", DOMAIN)}
        assert server.verified(mail) == len(mail)
        return [verdict.selector for verdict in verdicts[-3:]]

    lines: set[bytes] = set()
    with meanwhile(lambda: lines.update(command_lines())):
        told = [follow(PAGE, "The key")]
    assert shows(told[0].stderr, PAGE, "The key", 2)
    given = keys.load((stack.project / "example.com.pem").read_text())
    first, held = sandbox.ses.signing_key(DOMAIN, REGION)
    assert given.pkcs1_der == held
    install()
    send_three()
    assert none_fails() == [first] * 3

    # SES switches, then the server; all three send all the time.
    stack.days_pass(180)
    with meanwhile(send_three):
        follow(PAGE, "Rotation", 1)
    send_three()
    second, _ = sandbox.ses.signing_key(DOMAIN, REGION)
    assert none_fails() == [second, first, first]
    assert block(PAGE, "Rotation", 2) == block(PAGE, "Install it")
    with meanwhile(send_three):
        install()
    send_three()
    assert none_fails() == [second] * 3
    stack.days_pass(4)
    stack.well("pulumi up")
    assert none_fails() == [second] * 3

    # Half a year later nobody has said yet that the server has switched.
    stack.days_pass(180)
    refused = stack.run("byodkim rotate example.com --dry-run")
    assert refused.exit_code == 1
    assert shows(refused.stderr, PAGE, "Rotation", 3)
    written = stack.stack_file.read_text()
    stack.stack_file.write_text(written.replace("generation: 3", "generation: 4"))
    assert "StillInUse" in stack.run("pulumi preview").stdout
    stack.stack_file.write_text(written)
    follow(PAGE, "Rotation", 4)
    assert stack.run("byodkim rotate example.com --dry-run").exit_code == 0

    # Another key, in Secrets Manager: the server can fetch it, and so can the command.
    stack.well("pulumi config set --path 'domains[\"example.com\"].keyStore' secretsManager")
    stack.well("byodkim rotate example.com")
    told.append(follow(PAGE, "From Secrets Manager, at start", GENERATION="5"))
    stored = KeySecret.from_text(only_secret(sandbox))
    mail[:] = [server.by_rspamd()]
    assert none_fails() == [stored.selector]
    with meanwhile(lambda: lines.update(command_lines())):
        told.append(stack.well("byodkim key example.com --generation 5 --out five.pem"))
    assert keys.load((stack.project / "five.pem").read_text()) == stored.key

    search = KeySearch([load(given.pkcs1_der), load(stored.key.pkcs1_der)])
    assert [one for one in told if search.found_in(one.shown)] == []
    assert any(b"byodkim_provider\0key\0" in line for line in lines)
    assert search.found_in(b"\n".join(lines)) == set()
    holders = {
        file.relative_to(stack.project.parent)
        for file in stack.project.parent.rglob("*")
        if file.is_file() and not file.is_symlink() and search.found_in(file.read_bytes())
    }
    assert {file.parts[0] for file in holders} == {"project", "server"}
    assert {file.suffix for file in holders} == {".pem", ".key"}


def only_secret(sandbox) -> str:
    """The content of the one secret."""
    with SecretsManager.watched(sandbox.aws) as secrets_manager:
        store = secrets_manager.store(REGION)
        return store.get_secret_value(f"byodkim/ses-byodkim/prod/{DOMAIN}/5").text
