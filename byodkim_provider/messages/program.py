"""What a Pulumi program is refused, and what it notes."""

from __future__ import annotations

from byodkim_provider.messages import Table


class ProgramProblem(Table):
    """
    A program of your own

    State now: nothing was changed. Next command: correct the argument, then `pulumi preview`.
    """

    ENDED = "the engine has ended the run", "correct what the error above it names"
    CORRECT = "correct what is named above and run `pulumi up` again", "correct what the lines `error:` above it name"
    OTHERS_GO_ON = "correct what is named above and run `pulumi up` again; an update goes on with the other domains, and SES's verdict on them waits until then", "correct what the lines `error:` above it name"
    DNS_PROVIDERS = "must be objects with the methods hosted_zone and publish, not {value}", "correct `dns_providers`"
    NOT_PLAIN = "holds an encrypted value, which would be unencrypted in the stack's state: private keys go into privateKeys, a host's secrets into dnsCredentials, all else is set without `--secret`"


class ProgramNote(Table):
    """
    Notes of a program

    State now: what the line says.
    """

    STANDBY = "{domain}: add the record of generation {generation} too, if it is not there yet: the next rotation then waits for no DNS\n{record}", "publish the record that is printed"
