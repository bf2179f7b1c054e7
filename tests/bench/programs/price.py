"""
The engine's own price: a stack of ours declared again, by resources that do nothing.

Read from what `pulumi stack export` said of ours: the same components and records, and in place of
each dynamic resource one with the same properties, secrets and dependencies, whose provider only
returns what it is to store.
"""

import json
import os
from pathlib import Path

import pulumi
import pulumi_aws as aws

from tests.bench.programs.replayed import Replayed, name_of, plain

resources = json.loads(Path(os.environ["BENCH_RECORDED"]).read_text())
declared = {}


class Component(pulumi.ComponentResource):
    pass


def given(recorded):
    """The inputs, each as unknown in a preview as it was in ours."""
    depend = recorded.get("propertyDependencies", {})
    inputs = {}
    for name, value in recorded["inputs"].items():
        if name.startswith("__"):
            continue
        known = pulumi.Output.secret(plain(value)) if plain(value) != value else value
        after = [declared[urn].id for urn in depend.get(name, ()) if hasattr(declared[urn], "id")]
        if after:
            known = pulumi.Output.all(known, *after).apply(lambda values: values[0])
        inputs[name] = known
    return inputs


def options(recorded):
    return pulumi.ResourceOptions(
        parent=declared.get(recorded.get("parent")),
        depends_on=[declared[urn] for urn in recorded.get("dependencies", ()) if urn in declared],
        additional_secret_outputs=recorded.get("additionalSecretOutputs"),
    )


def in_order(left):
    """
    Each resource after its parent and what it depends on: a state is in the order of its last run.
    """
    known = {one["urn"] for one in left}
    done = set()
    while left:
        ready = [
            one
            for one in left
            if {one.get("parent"), *one.get("dependencies", ())} & known <= done | {one["urn"]}
        ]
        yield from ready
        done |= {one["urn"] for one in ready}
        left = [one for one in left if one not in ready]


def declare(recorded):
    kind, name = recorded["type"], recorded["urn"].rpartition("::")[2]
    if not recorded["custom"]:
        component = Component(kind, name, None, options(recorded))
        component.register_outputs(plain(recorded.get("outputs", {})))
        return component
    if kind == "aws:route53/record:Record":
        inputs = given(recorded)
        inputs = {
            "zone_id": inputs.pop("zoneId"),
            "allow_overwrite": inputs.pop("allowOverwrite"),
            **inputs,
        }
        return aws.route53.Record(name, **inputs, opts=options(recorded))
    return Replayed(name_of(recorded), name, given(recorded), options(recorded))


(stack,) = (one for one in resources if one["type"] == "pulumi:pulumi:Stack")
for recorded in in_order([one for one in resources if not one["type"].startswith("pulumi:")]):
    declared[recorded["urn"]] = declare(recorded)
last = [one.id for one in declared.values() if isinstance(one, Replayed)]
for name, value in stack.get("outputs", {}).items():
    pulumi.export(name, pulumi.Output.all(value, *last).apply(lambda values: values[0]))
