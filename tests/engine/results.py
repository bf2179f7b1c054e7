"""What a run of the engine printed and returned."""

import re
from collections import Counter
from datetime import timedelta

from byodkim_provider.dkim import keys, records
from tests.engine.stack import REGION, VERIFICATION
from tests.support.endings import errors


def problems(result, about):
    """The errors that begin with *about*."""
    return [error.removeprefix(about) for error in errors(result.stdout) if error.startswith(about)]


ALL_MAIL = timedelta(days=365)


KEY_OR_DOMAIN = (":ByodkimDomain", ":DkimKey")


def published_records(result, domain):
    """
    The records of *domain* after a run, oldest first: generation, role, name and value.

    The component has all but the value of a generated key, which is an output of the key.
    """
    outputs = {}
    for event in result.events:
        shown = event.res_outputs_event
        if shown and shown.metadata.new and shown.metadata.type.endswith(KEY_OR_DOMAIN):
            outputs[shown.metadata.urn.rpartition("::")[2]] = shown.metadata.new.outputs
    for record in outputs[domain]["records"]:
        if "value" not in record:
            record["value"] = outputs[f"{domain}/{record['generation']}"]["record_value"]
    return outputs[domain]["records"]


def selectors(result, domain):
    """Of the published generations."""
    records = published_records(result, domain)
    return {record["generation"]: record["name"].partition(".")[0] for record in records}


def verdicts(sandbox, domain):
    """What receivers say now of all mail that ever left *domain*, by selector."""
    mail = [message for message in sandbox.mail.verify_again(ALL_MAIL) if message.sender]
    judged = [message.verdict for message in mail if message.verdict.domain == domain]
    return Counter((verdict.selector, verdict.result) for verdict in judged)


def base64_der(private_key):
    return keys.load(private_key).pkcs1_base64()


def record_value(private_key):
    return records.record_value(keys.load(private_key).public_key_der)


def in_the_way(preview):
    """The domains for which a preview fails."""
    (named,) = re.findall(
        f"\n    error: {VERIFICATION} resource 'verification' has a problem: "
        "identities in SES that are not this stack's, as their warnings say: (.*)",
        preview.stdout,
    )
    assert preview.failed
    return {one.removesuffix(f" {REGION}") for one in named.split(", ")}
