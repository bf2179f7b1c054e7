"""What goes wrong with a record at a DNS host."""

from typing import Final

from byodkim_provider.messages import Table

_COMPARE: Final = (
    "compare `zone` {zone!r}, `keyName` and `keyAlgorithm` with the configuration of {where}; set "
    "the secret by {setting}"
)
_SET: Final = "set it by {setting}"
_ADDRESS: Final = (
    "correct the host's address or the proxy's (HTTPS_PROXY), and run the same command again"
)
_REMOVE: Final = "remove it, or give the key another selector"


class RecordMessages(Table):
    # What was changed at a DNS host, and the next step: parts of a hint

    NOTHING_CHANGED = "nothing was changed in DNS"
    PERHAPS_CHANGED = "the record may have been changed"
    NEW_KEY = "{means}, and set it by {setting}"
    SET_BY = (
        "the environment variable {variable}, which wins, or by {command}, and run the same "
        "command again; "
        "`pulumi refresh` and `pulumi destroy` read the configuration with `--run-program` only: "
        "without it, and without the variable, they use the {key} of the last `pulumi up`"
    )

    # Records at a DNS host

    REFUSED = "{where}: {reason}", "{state}{advice}"
    UNCONFIRMED = "{where}: {reason}", "{state}; the same command checks, and goes on from there"
    INTERRUPTED = "{where}: interrupted", "{state}; the same command checks, and goes on from there"
    NO_SECRET = "{name}: no {key} is given: {setting}", "set the credential, as the line says"
    UNTRIED = (
        "dns: {provider} is not yet run against the real service: check the record in its panel, "
        "and report how it went"
    )


class HostMessages(Table):
    # DNS hosts

    NO_SECRET = "no {key} is given", _SET
    SECRET = "the {key} has characters outside printable ASCII", _SET
    URL = "the url is not of the form 'https://USER:TOKEN@SERVER:2083'", _SET
    FORBIDDEN = "{said}", "{step}"
    SAID = "DreamHost answers: {said}"
    PANEL_SAID = (
        "cPanel answers: {said}",
        "does the account have the zone editor, and the zone {zone!r}?",
    )
    HTTP = "{status}{said}"
    REDIRECT = "{status}, a redirect, which is not followed"
    BUSY = "asked too often: {said} (wait {seconds:.0f} s)"
    TROUBLE = "trouble at the host: {said}"
    NO_TLS = "only https keeps the secret on its way", _ADDRESS
    NO_PROOF = "the host does not prove who it is (TLS)", _ADDRESS
    ADDRESS = "the address of the API is invalid, or a proxy's", _ADDRESS
    STAND_IN = "{variable} is for a stand-in on this computer alone", "unset it"
    TLS_FAILED = "no answer: the TLS connection failed"
    NO_ANSWER = "no answer: {reason}"
    NOT_JSON = "a response that is not JSON, perhaps the sign-in page of a network"
    TOO_LONG = "a response of more than {most} MiB"
    FOREIGN = "a response that is not as the host documents it, or a bug here ({error})"
    OTHER_VALUE = "a TXT record with another value is there already", _REMOVE
    OTHER_KEY = (
        "another key stands in the slot already",
        (
            "two stacks with one domain take two prefixes (`cname`); if a run of this stack was "
            "killed, and no mail is signed with that key, remove it"
        ),
    )
    STILL_LISTED = "the host removed the record and still lists it"
    NOT_LISTED = "the host took the record and does not list it yet"
    NAME_CHANGED = "the name was changed meanwhile"
    ZONE_CHANGED = "the zone was changed meanwhile"
    CNAME = "a CNAME record is there, and nothing can stand beside it", _REMOVE
    NO_ZONE = (
        "the token may read {count} zones called {zone!r}",
        (
            "set `zone` to the zone that holds the domain, or of several `zoneId` to the one whose "
            "name servers the registrar names; the token needs {permissions}"
        ),
    )
    NO_SOA = "the panel shows no SOA record of the zone", "is it the zone's primary server?"
    NOT_AUTHORITATIVE = (
        "the server is not authoritative for the name",
        "is the zone served there, and is the name not delegated away from it?",
    )
    OTHER_ZONE = (
        "the server has the name in the zone {there!r}",
        "set `zone`, which is {zone!r} now",
    )
    NO_ANSWER_FROM = "no answer from {where}: {reason}"
    NOT_SIGNED = "the answer is not signed with the key"
    NOT_BASE64 = "the secret of the TSIG key is not base64", _SET
    KEY = (
        "the server does not know the TSIG key {name!r}, has another secret for it, or another "
        "time",
        _COMPARE,
    )
    CLOCKS = "the clocks of this computer and of the server differ by minutes", "set them right"
    FAILED = "the server answers {rcode}"
    RCODE = (
        "the server answers {rcode}: perhaps it has no such zone, or does not allow this key",
        _COMPARE,
    )
