"""
`byodkim key`: gives out a private key, for a mail server that signs with it beside SES.

The key goes to standard output or into one new file. It is never an argument, in a log or in a
temporary file.
"""

import json
import os
import sys
from pathlib import Path

import click

from byodkim_provider import key_store
from byodkim_provider.cli.chosen import checked, stack_option
from byodkim_provider.cli.environment import Environment, pass_environment
from byodkim_provider.cli.stack import Stack, open_stack
from byodkim_provider.cli.state import DeclaredRecord, by_type
from byodkim_provider.cli.terminal import Failed, Refused, say
from byodkim_provider.dkim import keys, records
from byodkim_provider.dkim.key_secret import parsed_arn
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.quoting import named


@click.command(
    epilog="""\b
Exit codes:
  0  the key is printed, or in the file
  1  refused: no such generation, a key of your own, or the last `pulumi up`
     did not succeed
  2  wrong usage, no such domain, the stack or the secret could not be read, or
     the file not be written
"""
)
@click.argument("domain", type=checked(records.normalise_domain))
@stack_option()
@click.option(
    "--generation", type=int, metavar="N", help="A published one; by default the one that signs."
)
@click.option(
    "--out",
    "file",
    type=click.Path(allow_dash=True),
    default="-",
    metavar="FILE",
    help="A new file, for you alone; by default standard output, unless it is a terminal.",
)
@click.option(
    "--traditional", is_flag=True, help="PKCS#1, `BEGIN RSA PRIVATE KEY`, instead of PKCS#8."
)
@pass_environment
def key(
    environment: Environment,
    domain: str,
    name: str | None,
    generation: int | None,
    file: str,
    traditional: bool,
) -> None:
    """
    Print the private key of DOMAIN, for a mail server of your own that signs with it too.

    PEM, from the stack's state, which Pulumi decrypts, or from Secrets Manager. Selector, record
    and role are on standard error. Whoever has the key can sign as DOMAIN until its record leaves
    DNS.
    """
    if file == "-" and sys.stdout.isatty():
        raise click.UsageError("Give --out or a pipe: a terminal remembers what it has shown.")
    stack = open_stack(name, environment)
    [declared] = stack.named([domain])
    settings = declared.settings
    if not (settings.retired or declared.is_finished):
        raise Refused(CliMessages.UNFINISHED(name=domain, generation=settings.generation))
    published = {record.generation: record for record in declared.records}
    generation = settings.generation if generation is None else generation
    if generation not in published:
        raise Refused(
            CliMessages.NOT_PUBLISHED(
                domain=domain, generation=generation, published=list(published)
            )
        )
    record = published[generation]
    pem = _signing_key(stack, record, environment).pem(traditional=traditional)
    if file == "-":
        click.echo(pem, nl=False)
    else:
        _write(file, pem)
    say(
        CliMessages.KEY(
            name=record.name,
            generation=generation,
            role=record.role,
            selector=records.split_name(record.name)[0],
            overlap_days=settings.overlap_days,
        )
    )


def _signing_key(stack: Stack, record: DeclaredRecord, environment: Environment) -> SigningKey:
    """The private key of *record*; raises `Refused` if the state has none."""
    fingerprint = keys.fingerprint(records.public_key(record.value) or b"")
    export = ["stack", "export", "-s", stack.name, "--show-secrets"]
    for outputs in by_type(environment.ask_pulumi(export, stack.directory))["DkimKey"]:
        if outputs.get("fingerprint") != fingerprint:
            continue
        arn = outputs.get("secret_arn")
        if arn:
            store = environment.account(stack.aws()).secrets(*parsed_arn(arn))
            return key_store.read_key(arn, store, fingerprint=fingerprint)
        return keys.load(json.loads(outputs["private_key"]["plaintext"]), proved=True)
    raise Refused(CliMessages.SUPPLIED(name=record.name, generation=record.generation))


def _write(file: str, pem: str) -> None:
    """Write *pem* into a new *file* with mode 0600, or none; raises `Failed`."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode=0o600)
        try:
            with os.fdopen(descriptor, "w") as opened:
                opened.write(pem)
        except BaseException:
            Path(file).unlink()
            raise
    except OSError as error:
        raise Failed(CliMessages.CANT_WRITE(file=named(file), error=error.strerror)) from None
