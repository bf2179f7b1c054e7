"""If this fails, other languages lack an argument that a stack file has."""

import json
import runpy
import sys

import pytest

from byodkim_provider.config.schema import DnsSettings, KeyStore, SuppliedKey, WrittenDomain
from byodkim_provider.plugin.package import DOMAIN, schema
from byodkim_provider.resources.declared import fetched
from tests.docs.pages import ROOT

SCHEMA = schema()


def aliases(model):
    return {field.alias for field in model.model_fields.values()}


def references(value):
    """Every `$ref` in *value*."""
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [one for part in value.values() for one in references(part)]
    return [one for part in value for one in references(part)] if isinstance(value, list) else []


def test_inputs():
    """
    A domain has each setting of a domain in a stack file, its name and `wait`; one is required.
    """
    domain = SCHEMA["resources"][DOMAIN]
    assert domain["inputProperties"].keys() == {*aliases(WrittenDomain), "domain", "wait"}
    assert domain["requiredInputs"] == ["generation"]


def test_types():
    """The maps of a stack file are types, with all their keys, and every reference has its type."""
    assert {one.removeprefix("#/types/") for one in references(SCHEMA)} == SCHEMA["types"].keys()
    for model in (DnsSettings, KeyStore, SuppliedKey):
        assert SCHEMA["types"][f"byodkim:index:{model.__name__}"]["properties"].keys() == aliases(
            model
        )


def test_descriptions():
    """An editor has a text and a type for each input."""
    inputs = [SCHEMA["resources"][DOMAIN]["inputProperties"]]
    inputs += [
        one["properties"] for name, one in SCHEMA["types"].items() if not name.endswith(":Record")
    ]
    for properties in inputs:
        for name, one in properties.items():
            assert one.get("description"), name
            assert {"type", "oneOf", "$ref"} & one.keys(), name


def test_secrets():
    """A private key is a secret, whoever writes it; an SDK only sees to the inputs as a whole."""
    assert SCHEMA["types"]["byodkim:index:SuppliedKey"]["properties"]["privateKey"]["secret"]
    assert SCHEMA["resources"][DOMAIN]["inputProperties"]["keys"]["secret"]


def test_defaults():
    """No SDK sends a default, which would count as set; an editor shows it."""
    assert '"default":' not in json.dumps(SCHEMA)
    overlap = SCHEMA["resources"][DOMAIN]["inputProperties"]["overlapDays"]
    assert overlap["description"].endswith(" Default: 10.")


def test_old_python(monkeypatch):
    """
    With a Python that is too old the plugin says so, in one line, before it imports anything of
    ours.
    """
    monkeypatch.setattr(sys, "version_info", (3, 10, 13))
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "plugin"))
    assert (
        ended.value.code
        == f"byodkim: the plugin needs Python 3.11 or later, and {sys.executable} is 3.10"
    )


@pytest.mark.parametrize(
    ("cloned", "kept"),
    [
        ("me:token@git.test/mail/senders.git", "git.test/mail/senders.git"),
        ("git.test:8443/mail@corp.test/senders.git", "git.test:8443/mail@corp.test/senders.git"),
        ("me:token@git.test/mail@corp.test/senders.git", "git.test/mail@corp.test/senders.git"),
    ],
    ids=["credentials", "@ in the path", "both"],
)
@pytest.mark.parametrize("folder", ["resource-git.test_mail_senders.git_plugin-v0.2.0", "senders"])
def test_fetched(folder, cloned, kept, tmp_path, monkeypatch):
    """
    The engine finds a plugin again that it has from a Git repository; no credentials are kept.
    """
    clone = tmp_path / folder / ".git"
    clone.mkdir(parents=True)
    (clone / "config").write_text(f'[remote "origin"]\n\turl = https://{cloned}\n')
    main = tmp_path / folder / "plugin" / "__main__.py"
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(main), raising=False)
    options = fetched()
    if folder == "senders":
        assert options is None
    else:
        assert options.plugin_download_url == f"git://{kept}/plugin"
        assert options.version == "0.2.0"
