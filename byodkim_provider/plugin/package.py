"""
The schema of the package: what a program in another language can write, with its types and
descriptions.

It is made from the model of the stack file, so that both take the same settings.
"""

from collections.abc import Mapping
from typing import Any, Final

from byodkim_provider import __version__
from byodkim_provider.config.json_schema import described
from byodkim_provider.config.schema import WrittenDomain
from byodkim_provider.resources.declared import PACKAGE

DOMAIN: Final = f"{PACKAGE}:index:Domain"

_OWN_INPUTS: Final[Mapping[str, Any]] = {
    "domain": {
        "type": "string",
        "description": "The sending domain. Default: the name of the resource.",
    },
    "wait": {
        "type": "boolean",
        "description": "Wait until SES has verified the domain, for at most 30 minutes.",
    },
}
"""Inputs that a domain in a stack file does not have."""

_STRING: Final = {"type": "string"}
_BY_NAME: Final = {"type": "object", "additionalProperties": _STRING}

_OUTPUTS: Final[Mapping[str, Any]] = {
    "selector": {**_STRING, "description": "The selector of the generation that signs."},
    "records": {
        "type": "array",
        "items": {"$ref": f"#/types/{PACKAGE}:index:Record"},
        "description": "The records of the published generations, oldest first.",
    },
    "cnames": {
        **_BY_NAME,
        "description": (
            "With `cname`: the names and targets of the CNAMEs that the domain's own DNS needs."
        ),
    },
    "arns": {**_BY_NAME, "description": "ARNs of the identities, by Region."},
    "statuses": {**_BY_NAME, "description": "SES's DKIM status in its last response, by Region."},
}

_RECORD: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "The TXT record of one generation of a domain's key.",
    "properties": {
        "generation": {"type": "integer"},
        "role": {**_STRING, "description": "`previous`, `signing` or `standby`."},
        "name": {**_STRING, "description": "`<selector>._domainkey.<domain>`."},
        "value": {**_STRING, "description": "`p=…`, in one piece."},
    },
    "required": ["generation", "name", "role", "value"],
}


def schema() -> dict[str, Any]:
    """The schema, as `pulumi package get-schema` prints it."""
    domain = described(WrittenDomain)
    models = domain["$defs"]
    written = {name: _property(one) for name, one in domain["properties"].items()}
    types = {f"{PACKAGE}:index:{name}": _type(models[name]) for name in sorted(models)}
    written["keys"]["secret"] = True
    types[f"{PACKAGE}:index:SuppliedKey"]["properties"]["privateKey"]["secret"] = True
    return {
        "name": PACKAGE,
        "displayName": "Bring your own DKIM to Amazon SES",
        "version": __version__,
        "description": "Sending domains in Amazon SES that sign with keys of your own. Preview.",
        "keywords": ["ses", "dkim", "email", "kind/component"],
        "language": {
            "nodejs": {"respectSchemaVersion": True},
            "python": {"respectSchemaVersion": True},
        },
        "types": {**types, f"{PACKAGE}:index:Record": _RECORD},
        "resources": {
            DOMAIN: {
                "isComponent": True,
                "description": (
                    "A sending domain: its keys, their records, an SES identity in every Region."
                ),
                "inputProperties": {**_OWN_INPUTS, **written},
                "requiredInputs": domain["required"],
                "properties": _OUTPUTS,
                "required": sorted(_OUTPUTS),
            }
        },
    }


def _type(model: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": model["description"],
        "properties": {name: _property(one) for name, one in model["properties"].items()},
        "required": model.get("required", []),
    }


def _property(given: Mapping[str, Any]) -> dict[str, Any]:
    """A property as a package has it, from one in a JSON Schema."""
    if "anyOf" in given:
        forms = [_property(one) for one in given["anyOf"] if one != {"type": "null"}]
        about = {"description": given["description"]} if "description" in given else {}
        return {**(forms[0] if len(forms) == 1 else {"oneOf": forms}), **about}
    if "$ref" in given:
        return {"$ref": f"#/types/{PACKAGE}:index:{given['$ref'].rpartition('/')[2]}"}
    # A limit of a value is checked when the program runs.
    made = {name: given[name] for name in ("type", "description") if name in given}
    # Not as a default, which an SDK would send, so that it would count as set.
    if given.get("default"):
        made["description"] = f"{given['description']} Default: {given['default']}."
    if made["type"] == "array":
        made["items"] = _property(given["items"])
    if made["type"] == "object":
        made["additionalProperties"] = _property(
            given.get("additionalProperties") or {"type": "string"}
        )
    return made
