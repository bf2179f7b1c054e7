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
from time import monotonic, sleep

import pytest

from byodkim_provider.dkim import keys
from byodkim_provider.dkim.key_secret import KeySecret
from sandbox.mail.client import send
from sandbox.mail.verdict import judge
from sandbox.pulumi.plugins import write_script
from tests.dns.name_server import free_port, program
from tests.docs.pages import ROOT, block, shows
from tests.docs.shell import Done
from tests.engine.search import load
from tests.engine.stack import REGION
from tests.support.leaks import KeySearch
from tests.support.secrets_manager import SecretsManager
from tests.support.testdata import pem

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

SECONDS = 180
"""How long Rspamd may take until it listens, answers, signs with a key, or ends."""

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
        for name, file in self.files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self._here((EXAMPLE / name).read_text()))
        for heading, number in (("OpenDKIM", 3), ("Rspamd", 2)):
            commands = re.sub("-[og] [a-z_]+ ", "", block(PAGE, heading, number))
            subprocess.run(["sh", "-ec", self._here(commands)], check=True)
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
        self.port = free_port()
        (root / "rspamd.conf").write_text(RSPAMD.format(root=root, port=self.port))
        (root / "suffixes").write_text("com\n")
        (root / "mail.eml").write_bytes(MAIL)
        self.reloaded = root / "reloaded"

    def _path(self, path: str) -> Path:
        return self.root / path.removeprefix("/")

    def _here(self, text: str) -> str:
        text = text.replace("/etc/", f"{self.root}/etc/")
        return text.replace("/var/lib/", f"{self.root}/var/lib/")

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
            rspamd = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = monotonic() + SECONDS
        with socket.socket() as client:
            while client.connect_ex(("127.0.0.1", self.port)):
                sleep(0.05)
                assert monotonic() < deadline, (self.root / "rspamd.log").read_text()
        return rspamd

    def by_opendkim(self) -> bytes:
        """A mail as OpenDKIM signs it."""
        shown = self._opendkim(self.files["opendkim.conf"], "s", "mail.eml")
        value = shown.partition("hname='DKIM-Signature' hvalue='")[2].rpartition("'")[0]
        return b"DKIM-Signature: " + value.replace("\n", "\r\n").encode() + b"\r\n" + MAIL

    def by_rspamd(self) -> bytes:
        """A mail as Rspamd signs it."""
        command = [program("rspamc", "rspamd"), "-h", f"127.0.0.1:{self.port}", "--mime"]
        command += ["-i", "127.0.0.1", "-F", "bounces@elsewhere.test", f"--timeout={SECONDS}"]
        command.append(str(self.root / "mail.eml"))
        return subprocess.run(command, capture_output=True, check=True).stdout

    def by_rspamd_until(self, selector: str) -> list[bytes]:
        """All mail as Rspamd signs it until it has read its files again; *selector* is the last."""
        signed = [self.by_rspamd()]
        deadline = monotonic() + SECONDS
        while f"s={selector};".encode() not in signed[-1]:
            assert monotonic() < deadline, (self.root / "rspamd.log").read_text()
            signed.append(self.by_rspamd())
        return signed

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
        f'echo "$*" >>"{server.reloaded}"\ncase $3 in rspamd) kill -HUP {rspamd.pid} ;; esac\n',
    )
    write_script(programs / "install-key", f'exec "{sbin}/install-key" "$@"\n')
    yield server
    rspamd.terminate()
    try:
        rspamd.wait(timeout=SECONDS)
    finally:
        with suppress(ProcessLookupError):  # all of the group have ended
            os.killpg(rspamd.pid, signal.SIGKILL)
        rspamd.wait()  # else a later test fails, of a warning that it is still running


@contextmanager
def meanwhile(action: Callable[[], object]) -> Iterator[None]:
    """Repeats *action* in a thread until the block ends; what it raises is raised then."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(0.01):  # less than any command takes
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
    Three signers with one key: no mail fails in a rotation, nor in the next one, which removes the
    key, nor four days later.

    The next rotation is refused until the line for the server is gone. The key is in the files of
    the server and in the one that was asked for, and nowhere else.
    """
    sandbox.add_zone(DOMAIN)
    stack.paste((EXAMPLE / "stacks" / "Pulumi.prod.yaml").read_text())
    stack.well("pulumi up")
    mail: list[bytes] = []
    told: list[Done] = []
    lines: set[bytes] = set()

    def install():
        selector = sandbox.ses.signing_key(DOMAIN, REGION)[0]
        with meanwhile(lambda: lines.update(command_lines())):
            for line in block(PAGE, "Install it").splitlines():
                told.append(stack.well(line, SELECTOR=selector))
        assert server.reloaded.read_text().split()[-1] == "rspamd"
        return server.by_rspamd_until(selector)

    def send_three():
        mail.append(send(sandbox, DOMAIN, REGION).content)
        mail.append(server.by_opendkim())
        mail.append(server.by_rspamd())

    def none_fails():
        """Of all mail that may be on its way; the selectors of the last three."""
        verdicts = [judge(content, sandbox.mail.look_up) for content in mail]
        assert {(verdict.result, verdict.domain) for verdict in verdicts} == {("pass", DOMAIN)}
        assert server.verified(mail) == len(mail)
        return [verdict.selector for verdict in verdicts[-3:]]

    with meanwhile(lambda: lines.update(command_lines())):
        told.append(follow(PAGE, "The key"))
    assert shows(told[0].stderr, PAGE, "The key", 2)
    given = keys.load((stack.project / "example.com.pem").read_text())
    first, held = sandbox.ses.signing_key(DOMAIN, REGION)
    assert given.pkcs1_der == held
    install()  # before it, Rspamd has signed nothing
    send_three()
    assert none_fails() == [first] * 3

    # SES switches, then the server; all three send all the time.
    stack.days_pass(180)
    with meanwhile(send_three):
        follow(PAGE, "Rotation", 1)
    send_three()
    second, second_key = sandbox.ses.signing_key(DOMAIN, REGION)
    assert none_fails() == [second, first, first]
    assert block(PAGE, "Rotation", 2) == block(PAGE, "Install it")
    with meanwhile(send_three):
        mail += install()
    send_three()
    assert none_fails() == [second] * 3
    stack.days_pass(4)
    stack.well("pulumi up")
    send_three()
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

    # The key before leaves DNS. The next one is made in Secrets Manager.
    stack.well("pulumi config set --path 'domains[\"example.com\"].keyStore' secretsManager")
    old = mail[0]
    mail.clear()
    with meanwhile(send_three):
        stack.well("byodkim rotate example.com")
    send_three()
    third, third_key = sandbox.ses.signing_key(DOMAIN, REGION)
    assert none_fails() == [third, second, second]
    assert judge(old, sandbox.mail.look_up).result != "pass"
    stack.days_pass(4)
    stack.well("pulumi up")
    send_three()
    assert none_fails() == [third, second, second]

    # The server can fetch what Secrets Manager has, and so can the command.
    stored = KeySecret.from_text(only_secret(sandbox))
    told.append(follow(PAGE, "From Secrets Manager, at start", GENERATION="5"))
    mail += server.by_rspamd_until(stored.selector)
    assert none_fails()[-1] == stored.selector
    with meanwhile(lambda: lines.update(command_lines())):
        told.append(stack.well("byodkim key example.com --generation 5 --out five.pem"))
    assert keys.load((stack.project / "five.pem").read_text()) == stored.key

    secret = (held, second_key, third_key, stored.key.pkcs1_der)
    search = KeySearch([load(key) for key in secret])
    assert [done for done in told if search.found_in(done.shown)] == []
    for command in (b"byodkim_provider\0key\0", b"install-key\0rspamd\0", b"openssl\0pkey\0"):
        assert any(command in line for line in lines), command
    assert search.found_in(b"\n".join(lines)) == set()
    held_in = [*files_with(search, stack.project.parent)]
    assert {file.parts[0] for file in held_in} == {"project", "server"}
    assert {file.suffix for file in held_in} == {".pem", ".key"}
    assert [*files_with(search, Path(stack.environment["PULUMI_HOME"]))] == []


def files_with(search: KeySearch, folder: Path) -> Iterator[Path]:
    """The files in *folder* that hold a part of a key; a link leads to what others have made."""
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink() and search.found_in(file.read_bytes()):
            yield file.relative_to(folder)


@pytest.fixture
def install(tmp_path):
    """Starts `install-key` on a machine that has no server, with a key of the test data."""
    server = MailServer(tmp_path / "server", "127.0.0.1:53")
    write_script(tmp_path / "bin" / "systemctl", "exit 0\n")
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"

    def install(key: bytes | None) -> subprocess.Popen[bytes]:
        """With a *key* it has ended; without one it waits for its end."""
        started = subprocess.Popen(
            [server.files["install-key"], "opendkim", DOMAIN, "s1"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": path},
            start_new_session=True,
        )
        if key is not None:
            started.communicate(key)
        return started

    install.key = server.root / "etc" / "dkimkeys" / f"{DOMAIN}.s1.key"
    return install


def test_other_key(install):
    """Under a selector that has a key, another one would make mail fail; the same does no harm."""
    names = ("rsa2048.pkcs8", "rsa2048.pkcs1", "another")
    codes = [install(pem(name).encode()).returncode for name in names]
    assert codes == [0, 0, 1]
    assert keys.load(install.key.read_text()) == keys.load(pem("rsa2048.pkcs8"))
    assert [file.name for file in install.key.parent.iterdir()] == [install.key.name]


def test_not_reloaded(install, tmp_path):
    """Without systemd the key is installed, and somebody has to reload the server."""
    write_script(tmp_path / "bin" / "systemctl", "exit 1\n")
    assert install(pem("rsa2048.pkcs8").encode()).returncode == 3
    assert install.key.exists()


def test_planted_links(install, tmp_path):
    """The server's user owns the folder, and can't have root write elsewhere."""
    victim, folder = tmp_path / "victim", tmp_path / "folder"
    victim.write_text("as it was")
    folder.mkdir()
    Path(f"{install.key}.new").symlink_to(victim)
    install.key.symlink_to(folder)
    assert install(b"no key").returncode != 0
    assert install.key.is_symlink()
    install.key.unlink()
    install.key.symlink_to(tmp_path / "nowhere")
    assert install(pem("rsa2048.pkcs8").encode()).returncode == 0
    assert not install.key.is_symlink()
    assert (victim.read_text(), list(folder.iterdir())) == ("as it was", [])


def test_interrupted(install):
    """A connection that is lost leaves no part of a key."""
    started = install(None)
    new = Path(f"{install.key}.new")
    deadline = monotonic() + SECONDS
    while not new.exists():
        assert monotonic() < deadline
    os.killpg(started.pid, signal.SIGHUP)
    started.communicate()
    assert (started.returncode, list(install.key.parent.iterdir())) == (1, [])


def only_secret(sandbox) -> str:
    """The content of the one secret."""
    with SecretsManager.watched(sandbox.aws) as secrets_manager:
        store = secrets_manager.store(REGION)
        return store.get_secret_value(f"byodkim/ses-byodkim/prod/{DOMAIN}/5").text
