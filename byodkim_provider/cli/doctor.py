"""
`byodkim doctor`: queries every server for one record, and says what is wrong and how to fix it.

It needs neither a stack nor AWS: `byodkim status` does the same for all records of a stack.
"""

import sys

import click

from byodkim_provider.cli.answers import ask_dns
from byodkim_provider.cli.chosen import checked, json_option, panel_option
from byodkim_provider.cli.environment import Environment, pass_environment
from byodkim_provider.cli.layout import record_lines, show_lines
from byodkim_provider.cli.terminal import as_json
from byodkim_provider.dkim import keys, records
from byodkim_provider.dns.diagnosis import ExpectedRecord
from byodkim_provider.dns.panels import Panel
from byodkim_provider.property_types import resolver


def _public_half(file: str) -> bytes:
    with click.open_file(file, "rb") as opened:
        content = opened.read()
    if b"PUBLIC KEY" in content:
        return keys.load_public(content)
    return keys.load(content).public_key_der


@click.command(
    epilog="""\b
Exit codes:
  0  right: every server that answers shows the key, and nothing beside it
  2  wrong: the record is missing or misconfigured; the output says how
  3  unknown: no answer, or wrong usage
"""
)
@click.argument("domain", type=checked(records.normalise_domain))
@click.option("--selector", metavar="S", help="The `s=` of a DKIM-Signature.  [required]")
@click.option(
    "--key",
    type=checked(_public_half),
    metavar="FILE",
    help="The key of that record: the public key as `openssl rsa -pubout` writes it, or the "
    "private key (PEM, DER or base64 of DER), of which only the public half is used.",
)
@panel_option
@click.option(
    "--nameserver",
    "servers",
    type=checked(resolver),
    multiple=True,
    metavar="ADDRESS[:PORT]",
    help="Ask this resolver, and its port at the zone's own servers. May be repeated: the next "
    "one is used if it does not answer. Default: the system's resolvers.",
)
@json_option
@pass_environment
def doctor(
    environment: Environment,
    domain: str,
    selector: str | None,
    key: bytes | None,
    panel: Panel | None,
    servers: tuple[str, ...],
    wants_json: bool,
) -> None:
    """
    Say whether a DNS record is right, and if not, what is wrong and how to fix it.

    One record, without a stack and without AWS; `byodkim status DOMAIN` does it for those of a
    stack. Without a key it says which key is there, and with one what to type. Changes nothing.
    """
    if selector is None:
        missing = f"Give --selector, or run `byodkim status {domain}`, which knows the selectors."
        raise click.UsageError(missing)
    problem = records.selector_problem(selector)
    if problem:
        raise click.BadParameter(str(problem), param_hint="--selector")
    expected = ExpectedRecord(selector=selector, domain=domain, public_key_der=key, panel=panel)
    record = ask_dns(expected, environment.resolver("authoritative", servers))
    if wants_json:
        click.echo(as_json(record))
    else:
        show_lines(record_lines(record))
    sys.exit({"right": 0, "wrong": 2, "unknown": 3}[record.verdict])
