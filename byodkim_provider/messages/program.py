"""What a Pulumi program is refused, and what it notes."""

from byodkim_provider.messages import Table


class ProgramMessages(Table):
    # A program of your own

    ENDED = "the engine has ended the run", "correct what the error above it names"
    OTHERS_GO_ON = (
        "`pulumi up` still changes the other domains, and waits for no verdict of SES on them",
        "correct what the lines `error:` above it name",
    )
    NO_WAIT = (
        "{name}: verification: is declared with `wait: true` only",
        "set `wait: true` in the arguments of {name!r}",
    )
    NOT_KNOWN = (
        "{name}: is not known before resources are made, and what is declared depends on it",
        "give it a plain value",
    )
    SECRET_INPUT = (
        "{name}: is a secret, which would stand in the stack's state in plain text",
        "give it a plain value; only what is below `keys` may be a secret",
    )
    NO_TYPE = (
        "the plugin `byodkim` has no type {type!r}",
        "declare a `byodkim:Domain`, with an SDK of the plugin's version",
    )
    MISTAKE = (
        "{error} at {place}: a mistake in the plugin, or a request that no engine makes",
        "`BYODKIM_DEBUG=1` shows the traceback; report it without the values in it",
    )
    NO_ACCOUNT = "pulumi-aws can't tell the AWS account: {reason}"
    DECLARED = (
        "{domain} {region}: {first!r} declares it already",
        "declare a domain once; its `regions` are all the Regions in which SES has it",
    )
    NO_IMPORT = (
        "{name!r}: `import` and `get` are not possible, since SES never returns a private key",
        "declare the domain with `adopt: true`, which takes over the identity that SES has",
    )
    NOT_PLAIN = (
        "holds an encrypted value, which would be unencrypted in the stack's state: private keys "
        "go into privateKeys, a host's secrets into dnsCredentials, all else is set without "
        "`--secret`"
    )

    SENT_SECRET = (
        "is the secret of {command}, and would be sent to AWS: remove it here, and make another "
        "secret if a preview has run with it"
    )

    # Notes of a program

    STANDBY = (
        "{subject} is the next rotation's: add its record too, and that rotation waits for no "
        "DNS\n{record}"
    )
    MAIL_FROM = (
        "{domain} {region}: add the records of the MAIL FROM domain, which Pulumi writes in "
        "Route 53 only:\n{records}"
    )
    ROTATE = "generation {generation} has signed for {days} days; `generation: {following}` rotates"

    # Zones of Route 53

    NONE = (
        (
            'domains["{domain}"].dns: no public zone in Route 53 holds {domain!r}, looked for '
            "{names}{did_you_mean}"
        ),
        (
            "create the zone, or say where it is: `dns: {{assumeRole: …}}` in another AWS "
            "account, or at which DNS provider: `dns: cloudflare`, `dns: manual`, …"
        ),
    )
    SEVERAL = (
        'domains["{domain}"].dns: several public zones in Route 53 are called {zone!r}: {zones}',
        "set `dns: {{provider: route53, zoneId: …}}`, the one that the registrar names",
    )
    NOT_THERE = (
        "{where}: Route 53 has no public zone {zone!r} in this account{did_you_mean}",
        (
            "correct it, create the zone, or use the credentials of the account that holds it: "
            "`dns: {{assumeRole: …}}`"
        ),
    )
    OTHER_DOMAIN = "{where}: {zone_id!r} is the zone {zone!r}, which does not hold {domain!r}"
    TAKEN = (
        "{name!r} has another {kind} record in Route 53, which is never overwritten: {found}",
        "take another label for `mailFrom`, or remove that record",
    )
    TAKES_OVER = (
        "{name!r} has the right {kind} record in Route 53 already, which this stack takes over and "
        "will delete",
        "nothing, if nobody else needs it: another stack or account that sends with this MAIL FROM "
        "domain needs a label of its own; with `adopt: true` the record stays",
    )
    TWICE = (
        'domains["{domain}"].dns: {zone} is listed twice',
        "list a zone once; to go to another server of it, change `server` and run `pulumi up`",
    )
