"""What `make demo` shows, without its runs."""

import yaml
from rich.console import Console

from byodkim_provider.config import settings
from sandbox import demo
from tests.support.testdata import pem

SELECTOR = "s20261125-3f9c2a71"


def test_engine_lines(monkeypatch, capsys):
    """
    What the engine prints fits a terminal; a word is never broken, and nothing but names is left
    out.
    """
    monkeypatch.setattr(demo, "console", Console(width=80))
    demo._print("@ updating....")
    demo._print(
        " +  aws:route53:Record news.example.net/3/route53:ZTS3FSD5432TMNDNL3W8XV created (0.10s)"
    )
    demo._print(
        " ~  pulumi-python:dynamic/byodkim:ByodkimIdentity a.example/eu-west-1 updated (1s) "
        f"{SELECTOR * 2}"
    )
    assert capsys.readouterr().out.splitlines() == [
        " +  Record news.example.net/3 created (0.10s)",
        " ~  ByodkimIdentity a.example/eu-west-1 updated (1s)",
        f"      {SELECTOR * 2}",
    ]


def test_no_warning():
    """Nothing in the demo's own stack file is worth a warning."""
    written = yaml.safe_load((demo.ROOT / "stacks" / "Pulumi.demo.yaml").read_text())["config"]
    names = [path.removeprefix("ses-byodkim:privateKeys.") for path in demo.OPENSSL_KEYS]
    private_keys = dict(zip(names, (pem("rsa2048.pkcs8"), pem("another")), strict=True))
    ours = {"domains": written["ses-byodkim:domains"], "privateKeys": private_keys}
    loaded = settings.load(ours, default_region="eu-west-1")
    assert [one.warnings for one in loaded.domains] == [(), (), ()]
