"""What `make demo` shows, without its runs."""

import io

import pytest
import yaml
from rich.console import Console

from byodkim_provider.config import settings
from sandbox import demo
from tests.support.testdata import pem

SELECTOR = "s20261125-3f9c2a71"
RECORD = {"name": f"{SELECTOR}._domainkey.news.example.net", "value": "p=" + "A" * 40, "role": "signing"}
DOMAINS = {
    "news.example.net": {
        "generation": 1.0,
        "selector": SELECTOR,
        "records": [RECORD],
        "regions": {"eu-west-1": {"status": "SUCCESS"}, "us-east-1": {"status": "PENDING"}},
    }
}


@pytest.mark.parametrize("width", [40, 80, 150])
def test_domains(monkeypatch, width):
    """In a terminal of any width no selector, no domain and no name of a record is cut."""
    console = Console(file=io.StringIO(), width=width, highlight=False)
    monkeypatch.setattr(demo, "console", console)
    demo._show(DOMAINS)
    shown = console.file.getvalue()
    texts = [SELECTOR, RECORD["name"], "news.example.net", "eu-west-1", "us-east-1", "SUCCESS", "PENDING"]
    assert [text for text in texts if text not in shown] == []
    assert shown.count(RECORD["name"]) == 1


def test_engine_lines(monkeypatch, capsys):
    """What the engine prints fits a terminal; a word is never broken, and nothing but names is left out."""
    monkeypatch.setattr(demo, "console", Console(width=80))
    demo._print("@ updating....")
    demo._print(" +  aws:route53:Record news.example.net/3/route53:ZTS3FSD5432TMNDNL3W8XV created (0.10s)")
    demo._print(
        f" ~  pulumi-python:dynamic/byodkim:ByodkimIdentity a.example/eu-west-1 updated (1s) {SELECTOR * 2}"
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
