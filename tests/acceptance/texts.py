"""
What SES says, word by word, to requests on the edge: for a table with the emulator on its other side.

Names of the run are written as `…`, so that two runs can be compared.
"""

from __future__ import annotations

import base64
from collections.abc import Generator
from itertools import pairwise
from math import ceil
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.acceptance.errors import Refused, Unanswered
from tests.acceptance.keys import Key
from tests.acceptance.lab import TAG, Lab, below
from tests.acceptance.observing import (
    HOUR,
    MINUTE,
    PATIENCE_SECONDS,
    UNKNOWN,
    Findings,
    checked,
    info,
    status,
)

NO_SET: Final = "byodkim-acceptance-no-such-set"
"""A configuration set that is not there."""

RAW: Final = {
    "not JSON": ("POST", "identities", b"{"),
    "a list": ("POST", "identities", b"[]"),
    "a number for a string": ("POST", "identities", b'{"EmailIdentity": 1}'),
    "a map for a string": ("POST", "identities", b'{"EmailIdentity": {}}'),
    "a list for a string": ("POST", "identities", b'{"EmailIdentity": []}'),
    "a boolean for a string": ("POST", "identities", b'{"EmailIdentity": true}'),
    "a map for a list": ("POST", "identities", b'{"Tags": {}}'),
    "a string for a number": ("POST", "list-identities", b'{"PageSize": "1"}'),
    "no such page": ("POST", "list-identities", b'{"NextToken": "1"}'),
    "a blank name": ("PUT", "identities/%20/dkim/signing", b'{"SigningAttributesOrigin": "AWS_SES"}'),
}


def another_region(region: str) -> str:
    """A Region of SES that the run is not in."""
    return "us-east-1" if region != "us-east-1" else "us-west-2"


def texts(lab: Lab) -> Generator[float, None, Findings]:
    """Refusals, and names that may be none."""
    domain, gone, key = lab.domain(), lab.domain(), lab.key()
    lab.create(domain, key)
    arn = f"arn:aws:ses:{lab.outside.region}:{lab.outside.account}:identity/"
    other = arn.replace(lab.outside.region, another_region(lab.outside.region))
    tag = {"Key": "a", "Value": "b"}
    half = {"DomainSigningSelector": key.selector}
    create, put = "create_email_identity", "put_email_identity_dkim_signing_attributes"
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        "create what exists": (create, {"EmailIdentity": domain}),
        "create with a configuration set that is none": (
            create,
            {"EmailIdentity": gone, "ConfigurationSetName": NO_SET},
        ),
        "create with half a key": (create, {"EmailIdentity": gone, "DkimSigningAttributes": half}),
        "create with a key and a length": (
            create,
            {
                "EmailIdentity": gone,
                "DkimSigningAttributes": key.attributes | {"NextSigningKeyLength": "RSA_2048_BIT"},
            },
        ),
        "create an address with a key": (
            create,
            {"EmailIdentity": f"a@{gone}", "DkimSigningAttributes": key.attributes},
        ),
        "get what is not there": ("get_email_identity", {"EmailIdentity": gone}),
        "delete what is not there": ("delete_email_identity", {"EmailIdentity": gone}),
        "put a key to what is not there": (
            put,
            {"EmailIdentity": gone, "SigningAttributesOrigin": "AWS_SES"},
        ),
        "put a key to an address": (
            put,
            {"EmailIdentity": f"a@{gone}", "SigningAttributesOrigin": "AWS_SES"},
        ),
        "put no key": (put, {"EmailIdentity": domain, "SigningAttributesOrigin": "EXTERNAL"}),
        "enable signing of what is not there": (
            "put_email_identity_dkim_attributes",
            {"EmailIdentity": gone},
        ),
        "tag what is not there": ("tag_resource", {"ResourceArn": arn + gone, "Tags": [tag]}),
        "tag in another Region": ("tag_resource", {"ResourceArn": other + domain, "Tags": [tag]}),
        "no tags": ("tag_resource", {"ResourceArn": arn + domain, "Tags": []}),
        "one tag twice": ("tag_resource", {"ResourceArn": arn + domain, "Tags": [tag, tag]}),
        "name: upper case": (create, {"EmailIdentity": gone.upper()}),
        "name: final dot": (create, {"EmailIdentity": f"{gone}."}),
        "name: not ASCII": (create, {"EmailIdentity": f"ü.{gone}"}),
        "name: a blank": (create, {"EmailIdentity": f"a b.{gone}"}),
    }
    found = {what: _said(lab, domain, action, parameters) for what, (action, parameters) in asked.items()}
    for what, request in RAW.items() if lab.outside.raw else ():
        found[what] = lab.raw(what, request)
    lab.delete(domain)
    yield 0
    return found


def _said(lab: Lab, existing: str, action: str, parameters: dict[str, Any]) -> str:
    name = parameters.get("EmailIdentity", "")
    try:
        if not action.startswith("create"):
            lab.call(action, **parameters)
        elif name == existing:
            lab.call(action, **parameters, Tags=[{"Key": TAG, "Value": lab.run}])
        else:  # what a run that was killed has made exists, and says nothing of the name
            lab.create(name, **{key: value for key, value in parameters.items() if key != "EmailIdentity"})
            lab.delete(name)
    except Refused as refused:
        return _without_names(lab, str(refused))
    return "200"


def _without_names(lab: Lab, text: str) -> str:
    words = (
        word if below(lab.run, lab.outside.zone) not in word.lower() else "…" for word in text.split(" ")
    )
    return " ".join(words)


def gaps(lab: Lab) -> Generator[float, None, Findings]:
    """How long SES waits at most before it checks again for a record that is not there, in four hours."""
    domain = lab.domain()
    lab.create(domain, lab.key())
    reads, checks = [lab.now()], set()
    while reads[-1] < reads[0] + 4 * HOUR:
        checks.add(info(lab.get(domain)).get("LastCheckedTimestamp"))
        yield 2 * MINUTE
        reads.append(lab.now())
    lab.delete(domain)
    unread = max(later - at for at, later in pairwise(reads)) + lab.lag
    if unread > HOUR / 4:
        raise Unanswered("this was not observed all the time: a check between two others may be missing")
    at_most = [round((after - at) / 60) for at, after in pairwise(sorted(checks - {None}))]
    hidden = f"one within {ceil(unread / MINUTE)} min before another is not seen"
    return {"minutes between checks": f"at most {at_most}; {hidden}" if at_most else UNKNOWN}


def forms(lab: Lab) -> Generator[float, None, Findings]:
    """Which forms of a key SES takes, and which forms of key and record it verifies."""
    found: Findings = {}
    tried: dict[str, str] = {}
    for what, key, encoded, records in _forms(lab):
        yield 0  # Route 53 takes a minute or so for each record, and the others have to go on
        domain = lab.domain()
        lab.publish(domain, key, *records)
        attributes = {"DomainSigningSelector": key.selector, "DomainSigningPrivateKey": encoded}
        try:
            lab.create(domain, DkimSigningAttributes=attributes)
        except Refused as refused:
            found[what] = _without_names(lab, str(refused))
        else:
            tried[what] = domain
    missed = "taken; SES verified nothing in that time"
    if (yield from checked(lab)):
        yield PATIENCE_SECONDS
        missed = f"taken, not verified in {PATIENCE_SECONDS / HOUR:.0f} hours"
    for what, domain in tried.items():
        seen = lab.get(domain)
        found[what] = "verified" if status(seen) == "SUCCESS" else missed if seen else "taken, then gone"
        lab.delete(domain)
    return found


def _forms(lab: Lab) -> list[tuple[str, Key, str, list[list[str]]]]:
    def key(
        what: str, form: str = "", records: Any = None, **options: int
    ) -> tuple[str, Key, str, list[list[str]]]:
        made = lab.key(**options)
        encoded = {
            "PKCS#8": lambda: made.encoded(PrivateFormat.PKCS8),
            "PEM": lambda: made.encoded(PrivateFormat.TraditionalOpenSSL, Encoding.PEM),
            "EC": _ec,
        }.get(form, made.encoded)()
        return what, made, encoded, records(made.p) if records else []

    return [
        key("key: PKCS#1, 1024 bits"),
        key("key: PKCS#1, 1536 bits", bits=1536),
        key("key: PKCS#1, 2048 bits", bits=2048),
        key("key: 512 bits", bits=512),
        key("key: exponent 3", exponent=3),
        key("key: PKCS#8", "PKCS#8"),
        key("key: a whole PEM in base64", "PEM"),
        key("key: not RSA", "EC"),
        key("record: final semicolon", records=lambda p: [[f"{p};"]]),
        key("record: with v= and k=", records=lambda p: [[f"v=DKIM1; k=rsa; {p}"]]),
        key("record: with t=s and a note", records=lambda p: [[f"v=DKIM1; t=s; n=note; {p}"]]),
        key("record: cut into strings anywhere", records=lambda p: [[p[:7], p[7:100], p[100:]]]),
        key("record: blanks in the key", records=lambda p: [[f"{p[:50]} {p[50:]}"]]),
        key("record: two at the name", records=lambda p: [[p], ["v=spf1 -all"]]),
    ]


def _ec() -> str:
    der = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    )
    return base64.b64encode(der).decode()
