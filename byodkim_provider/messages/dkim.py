"""What is wrong with a domain, a selector or a key."""

from typing import Final

from byodkim_provider.messages import Table

_DOMAIN: Final = ", expected a domain such as 'example.com'"
_BARE: Final = "write the bare domain, for example `example.com`"
_REGISTERED: Final = "write the domain as it is registered, for example `example.com`"
_COPY: Final = "copy the key file again, whole: `pulumi config set … < key.pem`"
_OTHER_FILE: Final = "take the other file, or the one block that is asked for"
_NEW: Final = "make another key: `openssl genrsa 2048`"


class DkimMessages(Table):
    # Domains

    BARE = "{text!r} is not a bare domain" + _DOMAIN, _BARE
    EMAIL = (
        "{text!r} is an e-mail address, which inherits the DKIM of its domain" + _DOMAIN,
        "write the part after the `@`",
    )
    WILDCARD = (
        "{text!r} is a wildcard, and an identity covers the sub-domains of its domain anyway"
        + _DOMAIN,
        "write the domain without `*.`",
    )
    TOO_LONG = "{length} characters are too many" + _DOMAIN, _REGISTERED
    LABEL = (
        (
            "{text!r}: between its dots a domain has letters, digits and hyphens, with no hyphen "
            "at either end"
        ),
        _REGISTERED,
    )

    # Selectors and records

    SELECTOR_TOO_LONG = "{length} characters are too many, expected at most 63"
    SELECTOR_LABEL = (
        "{text!r} must be the one label before '._domainkey': 1 to 63 lower-case letters, digits "
        "and hyphens, with no hyphen at either end"
    )
    NAME_OCTETS = "{name!r} has {length} octets, expected at most 253: take a shorter zone"
    NOT_IN_ZONE = (
        "{name!r} is not in the zone {zone!r}",
        "correct the zone: the domain must be in it",
    )

    # What is expected of a key: parts of the texts below

    PRIVATE_EXPECTED = (
        "expected an RSA private key (PKCS#1 or PKCS#8), as PEM or as base64 of its DER"
    )
    PUBLIC_EXPECTED = "expected an RSA public key, as `openssl rsa -in KEY -pubout` writes it"

    # Keys

    EMPTY_KEY = "is empty, {expected}", _COPY
    NOT_BASE64 = "is not base64, {expected}", _COPY
    UNREADABLE = "is not a {half} key that can be read ({reason}), {expected}", _COPY
    OTHER_BLOCK = "is another kind of PEM block ({block}), or not whole, {expected}", _OTHER_FILE
    PUBLIC = "is a public key, {expected}", _OTHER_FILE
    SEVERAL = "holds {count} keys, expected one", _OTHER_FILE
    ENCRYPTED = (
        "is encrypted, expected a key without passphrase (`openssl rsa -in FILE -out NEW` takes "
        "it off)"
    )
    PEM_IN_BASE64 = (
        "is base64 of a whole PEM file, expected the PEM itself (`openssl base64 -d -A -in "
        "FILE`), or base64 of its DER"
    )
    NOT_RSA = "is not an RSA key, {expected}", _NEW
    EXPONENT = "has the public exponent {exponent}, expected {expected} (openssl genrsa)", _NEW
    BITS = "must be {least} to {most} bits, not {bits}", _NEW

    # Generations

    TOO_MANY = "must have at most {most} generations, not {count}"
    SIGNING_NOT_PUBLISHED = "must contain generation {generation}, which signs, not {published}"

    # Records of keys

    OTHER_VALUE = (
        "{name!r} is in DNS already, with another value: {found}",
        (
            "nothing was changed in DNS; a selector never gets a second key: give this key "
            "another selector and another generation, since mail may be signed with the one that "
            "stands there"
        ),
    )
    NO_VALUE = (
        "{name!r}: what may stand in its slot is not known",
        (
            "nothing was changed in DNS; correct what has stopped the identities, and run `pulumi "
            "up` again"
        ),
    )
    OTHER_KEY = (
        "{name!r} is in DNS already, with another key: {found}",
        (
            "nothing was changed in DNS. A slot gets its next key as the key of a standby: raise "
            "`generation` by one at a time, or keep in `published` the generation whose key has "
            "the slot; before `retired: true`, take a generation without a record out of "
            "`published`. If another stack has this selector, remove the entry, run `pulumi up`, "
            "which removes its keys, and add the entry with another `cname`. Otherwise send a "
            "mail. If it passes DKIM with this selector, the state is older than the record: "
            "import a newer state, or this one again, and run `pulumi up` without `--refresh`. If "
            "it fails, somebody, or a run that was killed, has changed the record: delete it, and "
            "run `pulumi up --refresh`"
        ),
    )
    OTHER_SELECTOR = (
        "{domain}: selector: this generation has a key already, with {before}, not {after}",
        (
            "a key keeps its selector; list both DNS providers, and set `fromGeneration` at the "
            "new one to a generation that has no key yet"
        ),
    )
    NOT_PUBLISHED = "none of them publishes generation {generation}: set `fromGeneration: 1` at one"
    PLAIN_MOVE = (
        "zones with the same cname, or without, have the same `fromGeneration`: leave it out, move "
        "the name servers (with cname the CNAMEs), then drop one"
    )
    TWO_SELECTORS = (
        "without the same cname a key would need two selectors: set `fromGeneration: {free}` at "
        "the new one"
    )
    SUPPLIED = "with cname its selector would be {selector!r}: leave the key out, one is generated"
    OF_SLOT = "is a selector of cname too: take another cname"
    SHARED = (
        "generations {first} and {generation} share the selector {selector!r}: publish at most "
        "{slots} in a row"
    )
    OWN_ZONE = (
        "holds {domain!r} itself: with cname the records stand in another zone, such as one "
        "called keys below it"
    )
    ZONE = "required with cname: the zone that holds the records, like 'keys.example.net'"
    OVERLAP = (
        "must be 0 or at least {least} with cname, whose records are remembered for up to a day"
    )
    TTL = "must be at most {most} with cname, whose records change"


class SeenMessages(Table):
    """
    What a server answers in place of the record, or what has happened to it; and its
    misconfiguration, a key of `FIXES`.
    """

    def __init__(self, text: str, misconfiguration: str = "wrong-value") -> None:
        super().__init__(text)
        self.misconfiguration = misconfiguration

    NO_RECORD = "no TXT record", "no-txt"
    PRIVATE_KEY = "a private key, with which anyone can sign now: make a new key", "private-key"
    SEVERAL = "{number} TXT records, {right} with this key, expected one", "several-records"
    SEVERAL_WRONG = (
        "{number} TXT records, none with this key, expected one",
        "several-wrong-records",
    )
    ANOTHER_KEY = "another key (fingerprint {fingerprint}…)", "another-key"
    NO_KEY = "no key: the record is for something other than DKIM, or revokes one", "another-key"
    OTHER_VALUE = (
        "a value that is not this key as verifiers read it: it is cut or damaged, lacks p=, or has "
        "quotes, line breaks or other text in it"
    )

    ZONE_TWICE = "the panel added the zone twice", "wrong-name"
    NO_SUB_DOMAIN = "the sub-domain is missing from the name", "sub-domain-missing"
    WRONG_NAME = "the name is not selector, '_domainkey' and domain", "wrong-name"


FIXES: Final = {
    "no-txt": (
        "add the record in the zone {zone}, at exactly this name; if the panel shows it there, "
        "see that it was saved"
    ),
    "wrong-value": (
        "replace {value!r} as a whole with a copy of the right value: {value_rule}; if it is cut "
        "then, the panel can't hold it: make a key of 1024 bits with a new selector"
    ),
    "another-key": (
        "replace {value!r}; but if anything still needs what stands there, leave that record, "
        "and take a new selector for this key: a selector never gets a second one"
    ),
    "private-key": (
        "delete the record{there} at once, then {new_key}: whoever has read this one can sign as "
        "you; only the public key belongs in DNS"
    ),
    "several-records": (
        "delete every TXT record at this name but one with this key: which one a verifier "
        "takes is undefined"
    ),
    "several-wrong-records": "delete every TXT record at this name, then add one, {value_rule}",
    "wrong-name": (
        "change {name!r} of the record{there}: selector and '._domainkey' once each, with its "
        "underscore, {name_rule}"
    ),
    "sub-domain-missing": (
        "add a record with the sub-domain in {name!r}; delete the one{there} only if nothing "
        "signs for {zone} with it"
    ),
    "cname": (
        "delete the {other} record at this name, then add the {kind} record: a name with a "
        "CNAME has nothing else"
    ),
    "wrong-target": (
        "change {target_field!r} of the CNAME record at this name to {target}: {target_rule}"
    ),
    "proxied": (
        "switch the proxy of this record off (at Cloudflare 'Proxy status: DNS only'); or if "
        "it is no CNAME, delete it and add the CNAME record"
    ),
    "served-elsewhere": (
        "add the record in the zone {zone}, at the host whose name servers serve it"
    ),
    "servers-differ": (
        "wait some minutes and run this again; if it stays so, ask the provider why not all of its "
        "name servers have the record"
    ),
}
"""How to fix each misconfiguration, by its code, for who types the record in."""

_AGAIN: Final = "run `pulumi up --refresh`, which writes the record again: this stack keeps it"
_REFRESH: Final = (
    f"{_AGAIN}; if the run refuses because another value is there, delete that one and run it again"
)

KEPT_FIXES: Final = FIXES | {
    "no-txt": (
        f"{_AGAIN}; if the run changes nothing, its host has the record already: wait, some "
        "hosts take hours to show one; or the name servers of {zone} are not that host's"
    ),
    "wrong-value": _REFRESH,
    "another-key": _REFRESH,
    "several-records": (
        f"{_AGAIN}; in Route 53, for a generated key, that removes the other values too; if "
        "others still stand beside it then, delete them: which one a verifier takes is "
        "undefined"
    ),
    "several-wrong-records": _REFRESH,
    "wrong-name": _REFRESH,
    "sub-domain-missing": _REFRESH,
    "cname": (
        "delete the {other} record at this name, then run `pulumi up --refresh`, which writes "
        "the record again"
    ),
    "wrong-target": _REFRESH,
    "proxied": _REFRESH,
    "served-elsewhere": (
        "have {zone} served where the stack keeps the record: by NS records in the zone above "
        "it, or at the registrar; or say in `dns` of the stack file who serves {zone}, and run "
        "`pulumi up`"
    ),
}
"""The same where a stack keeps the record. What is not named here has one fix for both."""
