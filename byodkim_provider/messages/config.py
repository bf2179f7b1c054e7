"""What is wrong with a setting. The line of a problem begins with the path of its setting."""

from byodkim_provider.messages import Table


class SettingMessages(Table):
    # The stack file, and the arguments of a program

    LISTED = "{lines}", "{hint}"
    REQUIRED = "required"
    GENERATION = "required, it says which key signs", "add `generation: 1`"
    NO_DOMAINS = (
        "domains: must not be empty",
        (
            "the smallest stack file is\n    config:\n      aws:region: eu-west-1\n      "
            "{project}:domains:\n        example.com:\n          generation: 1\n  "
            "`{project}:domains: {{}}` if the last domain has left: `pulumi up` then deletes what "
            "the stack made"
        ),
    )
    NO_REGION = (
        "required for {domains}, without `regions`",
        "`pulumi config set aws:region eu-west-1`, or set `regions`",
    )
    REQUIRED_WITH = "required with {provider}"
    EMPTY = "must not be empty"
    KIND = "must be {kind}, not {value}"
    OUTPUT = (
        "must be a plain value, not an Output, which is known only once resources are made: write "
        "the value, such as the name of the zone, or read it with `pulumi.Config`"
    )
    TWICE = "{value} is listed twice"
    UNKNOWN_KEY = "unknown key{known}"
    OTHER_PROVIDER = "is an option of {others}, not of {provider}"
    ZONE_OR_ID = "give the name of the zone or its ID, not both"
    OTHER_ZONE = "{zone!r} does not hold {domain!r}"
    RESERVED = "names that begin with {prefix!r} are reserved"
    NO_SUCH_KEY = "{name!r} is not in privateKeys{how}"
    KEY_ITSELF = (
        (
            "must be the name of a key in privateKeys, not the key: set it with {command}, and "
            "make another one if somebody may have read this"
        ),
        "[a key has leaked](../how-to/leaked-key.md) has the steps for a key that signs",
    )
    NOT_ENCRYPTED = (
        "is not encrypted, set it with {command}, and make another one if somebody may have read "
        "this"
    )
    SAME_DOMAIN = "is the same domain as {first!r}"
    RETIRED_ADOPTED = (
        "can't be true with adopt: an adopted identity stays in SES",
        "delete `adopt`, `pulumi up`, then set `retired`",
    )
    NOT_SUPPLIED = (
        "must hold a key for generation {generation}, which signs",
        "add the key, or correct `generation`",
    )
    SELECTOR_TAKEN = "{selector!r} belongs to generation {generation} already"
    SAME_KEY = "is the key of generation {generation} already"
    DUPLICATE = "{where}{problem}", "correct the line that is named"
    NOT_YAML = "is not valid YAML", "correct the file"
    IN_STATE = (
        "in the state, {problem}",
        (
            "this call changed nothing; was the state edited by hand? `pulumi stack import` "
            "restores an earlier version"
        ),
    )
    LABEL_ZONE = "{name!r} is not in the zone {zone!r}"
    MAIL_FROM_REGION = (
        "not possible in {region}: nobody knows which MX record SES asks for there",
        "remove `mailFrom` for this domain",
    )
    LABEL_SENDS = "{name!r} sends mail itself, a MAIL FROM domain must not"

    # Settings that are perhaps not intended

    NO_STANDBY = (
        "no generation after {generation} is published, the next rotation has to wait for DNS: "
        "{add}"
    )
    NOT_PUBLISHED = "not published, so it has no record in DNS: add {generation} to `published`"
