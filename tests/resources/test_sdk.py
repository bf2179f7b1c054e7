"""If this fails, a private part of Pulumi's SDK is other than we think, and runs stop by it."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pulumi
import pytest
from pulumi.output import Unknown
from pulumi.runtime import config, rpc, settings

from byodkim_provider.errors import error_text
from byodkim_provider.resources import _plugin, sdk


def test_secret():
    """A secret is marked as the SDK marks it, so that the engine encrypts it."""
    assert sdk.secret("key") == rpc.wrap_rpc_secret("key")


def test_unknown():
    """A value that a preview can't know is told from all others."""
    assert sdk.is_unknown(Unknown())
    assert not any(map(sdk.is_unknown, (None, "", rpc.UNKNOWN, {}, pulumi.Output)))


def test_configured_names(monkeypatch):
    """The names come from the language host's environment and from the Automation API."""
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"aws:region": "eu-west-1"}))
    before = config.CONFIG.set({"ses-byodkim:domains": "{}"})
    assert sdk.configured_names() == ["aws:region", "ses-byodkim:domains"]
    config.CONFIG.reset(before)
    monkeypatch.delattr(config, "CONFIG")
    assert sdk.configured_names() == ["aws:region"]


def test_parallel(monkeypatch):
    """The number of steps at a time, or 0."""
    monkeypatch.setattr(settings, "SETTINGS", type("Settings", (), {"parallel": 7}))
    assert sdk.parallel() == 7
    monkeypatch.delattr(settings, "SETTINGS")
    assert sdk.parallel() == 0


def test_per_program(monkeypatch):
    """
    The plugin is one program, whose stack resource it does not have; without any, nothing is kept.
    """
    monkeypatch.setattr(sdk, "get_root_resource", lambda: None)
    values = sdk.PerProgram()
    assert [values.get("a", lambda: 1), values.get("a", lambda: 2)] == [1, 2]
    sdk.declare_own_types()
    try:
        assert [values.get("a", lambda: 1), values.get("a", lambda: 2)] == [1, 1]
    finally:
        sdk._plugin.clear()


@pytest.mark.parametrize("is_secret", [True, False])
def test_as_secret_as(is_secret):
    """
    Pulumi hands settings over decrypted and unmarked; what one of them leads to is marked again.
    """
    config.set_all_config({"aws:assumeRoles": "[]"}, ["aws:assumeRoles"] if is_secret else [])
    try:
        marked = sdk.as_secret_as("aws:assumeRoles", "role")
    finally:
        config.set_all_config({}, [])
    assert isinstance(marked, pulumi.Output) is is_secret


LACKS = {
    "traceback": "errors have a traceback",
    "DynamicResourceProviderServicer": "Ctrl-C does not end a wait",
}
"""What a later SDK may not have, and what comes of it."""


@pytest.mark.parametrize("name", LACKS)
def test_another_plugin_process(monkeypatch, name):
    """What a later SDK does not let us add is named, with what comes of it; nothing fails."""

    class Servicer:
        def Cancel(self, request, context):  # noqa: N802 - the protocol's name
            """Replaced."""

    process = type(sys)("__main__")
    process.__package__ = "pulumi.dynamic"
    process.DynamicResourceProviderServicer = Servicer
    process.traceback = type("Traceback", (), {"format_exc": None})
    delattr(process, name)
    monkeypatch.setitem(sys.modules, "__main__", process)
    with ThreadPoolExecutor(1) as pool:
        [line] = _plugin.prepare_process.__wrapped__()
    assert pool._max_workers == _plugin.THREADS
    start = "byodkim_provider does not know this version of the Pulumi SDK (AttributeError: "
    assert line.startswith(start)
    assert line.endswith(f"): {LACKS[name]}")


def test_error_of_another_provider():
    """The process may have dynamic providers of the user's own, whose errors are shown whole."""
    try:
        raise KeyError("words")
    except KeyError:
        assert "\nKeyError: 'words'\n" in error_text()
