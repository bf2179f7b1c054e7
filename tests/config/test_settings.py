"""If this fails, a stack file means something else than is written, or a mistake is not named."""

import json
import shlex
from pathlib import Path

import botocore
import pytest
import yaml
from jsonschema import Draft202012Validator

from byodkim_provider.config import settings
from byodkim_provider.config.json_schema import json_schema
from byodkim_provider.config.problems import secret_command
from byodkim_provider.dkim import keys
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.property_types import line
from tests.support.cases import cases, written_out
from tests.support.testdata import KEY_1, KEY_2

REGION = "eu-west-1"

PRIVATE_KEYS = {"first": KEY_1, "second": KEY_2}
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"
SLOTS = {"provider": "route53", "zone": "keys.example.net", "cname": "ses"}
LONG_ZONE = ".".join(["z" * 59] * 2)
LONG_DOMAIN = LONG_ZONE.replace("z", "d")
"""With a domain as long, the name of a slot has 255 octets."""


def load(config, region=REGION):
    return settings.load(config, default_region=region)


def one(domain, **stack):
    """A stack with the one domain `example.com`."""
    return {"domains": {"example.com": domain}, "privateKeys": PRIVATE_KEYS, **stack}


def supplied(selector, private_key="first"):
    return {"selector": selector, "privateKey": private_key}


def problems(config, region=REGION):
    with pytest.raises(InvalidSettings) as caught:
        load(config, region)
    return list(caught.value.problems)


# -- what is read -----------------------------------------------------------------------


SMALLEST = """
generation: 2
  name: example.com, generation: 2, published: [1, 2, 3], regions: [eu-west-1], warnings: [],
    dns: [{provider: route53, from_generation: 1, ttl: 300}], key_store: {provider: state},
    key_bits: 2048, overlap_days: 10, rotate_after_days: 180, dns_check: authoritative,
    dns_wait_seconds: 120, dns_resolvers: [], adopt: false, accept_unsigned_window: false,
    retired: false, protect: false
"""
EVERYTHING = """
generation: 2, published: [4, 2, 2], regions: [us-gov-west-1, eu-west-1], keyBits: 1024,
    overlapDays: 0, rotateAfterDays: 90, dnsCheck: 'off', dnsWaitSeconds: 0,
    dnsResolvers: ['127.0.0.1:5353', '[2001:db8::53]:53', '[2001:db8::53]'], protect: true,
    dns: {provider: route53, zone: Example.com., ttl: 60}, configurationSet: news-letter_1,
    mailFrom: {label: a, onMxFailure: reject}, tags: {team: mail, Kosten stelle: 42 é+@}
  name: example.com, generation: 2, published: [2, 4], regions: [us-gov-west-1, eu-west-1],
    warnings: [], dns: [{provider: route53, from_generation: 1, zone: example.com, ttl: 60}],
    key_store: {provider: state}, key_bits: 1024, overlap_days: 0, rotate_after_days: 90,
    dns_check: 'off', dns_wait_seconds: 0, mail_from: {label: a, on_mx_failure: reject},
    dns_resolvers: ['127.0.0.1:5353', '[2001:db8::53]:53', '[2001:db8::53]'],
    configuration_set: news-letter_1, tags: {team: mail, Kosten stelle: 42 é+@},
    adopt: false, accept_unsigned_window: false, retired: false, protect: true
"""


@pytest.mark.parametrize("text", [SMALLEST, EVERYTHING], ids=["smallest", "everything"])
def test_read(text):
    """What is written is what is read; everything else has its documented default."""
    [(written, [read])] = written_out(text).values()
    (domain,) = load(one(written)).domains
    shown = domain.model_dump(mode="json", exclude_none=True, exclude={"keys"})
    assert shown == yaml.safe_load(f"{{{read}}}")
    assert domain.keys == {}


def test_keys_read():
    """A supplied key is found by its name; the verification has its documented defaults."""
    keys_written = {"2": supplied("s2"), "4": supplied("s4", "second")}
    loaded = load(one({"generation": 2, "published": [2, 4], "keys": keys_written}))
    (domain,) = loaded.domains
    assert {number: key.selector for number, key in domain.keys.items()} == {2: "s2", 4: "s4"}
    assert (domain.keys[2].private_key, domain.keys[2].signing_key) == (KEY_1, keys.load(KEY_1))
    assert loaded.verification.model_dump() == {"timeout_minutes": 30, "on_timeout": "warn"}


STORED = """
generation: 2, keys: {2: {selector: s2, privateKey: first}}
generation: 2, dns: [manual, {provider: route53, zone: keys.example.net, cname: ses, \
fromGeneration: 3}]
generation: 3, dns: {provider: manual, panel: godaddy}, tags: {team: mail}, retired: true,
    keyStore: {provider: secretsManager, kmsKeyId: alias/mail}, regions: [us-east-1, eu-west-1],
    mailFrom: {label: bounce, onMxFailure: reject}, overlapDays: 0, dnsCheck: 'off',
    dnsResolvers: ['127.0.0.1:53']
"""


@pytest.mark.parametrize("written", [row[0] for row in written_out(STORED).values()])
def test_stored(written):
    """A command reads from the state what the program had in its settings, and no private key."""
    [domain] = load(one(written)).domains
    stored = json.loads(json.dumps(domain.stored()), parse_int=float)  # as Pulumi keeps numbers
    assert "MII" not in str(stored)
    read = settings.from_stored(stored)
    selectors = {number: key.selector for number, key in domain.keys.items()}
    assert {number: key.selector for number, key in read.keys.items()} == selectors
    without = {"keys": {}, "warnings": ()}
    assert read.model_copy(update=without) == domain.model_copy(update=without)


def test_stored_with_a_new_region():
    """A command reads a Region that the botocore of the program knows, and its own does not."""
    [domain] = load(one({"generation": 2})).domains
    read = settings.from_stored(domain.stored() | {"regions": ["eu-west-9"]})
    assert read.regions == ("eu-west-9",)


def test_stored_with_an_own_provider():
    """A program's own DNS provider is known by its label; the default of `dns` is not used."""
    [domain] = load(one({"generation": 2})).domains
    read = settings.from_stored(domain.stored(["acme"]))
    assert [one.provider for one in read.dns] == ["acme"]


def test_domains_sorted_by_normalised_name():
    """
    Domains come in the order of their normalised names; none is a stack whose last domain has left.
    """
    loaded = load(
        {"domains": {"Z.example": {"generation": 1}, "bücher.example.": {"generation": 1}}}
    )
    assert [domain.name for domain in loaded.domains] == ["xn--bcher-kva.example", "z.example"]
    assert load({"domains": {}, "defaults": {"keyBits": 1024}}).domains == ()


DEFAULTS = """
domains:
  a.example: {generation: 1}
  b.example: {generation: 1, overlapDays: 20, tags: {b: '2'}, protect: false}
  c.example: {generation: 1, tags: null, regions: [eu-north-1]}
defaults: {overlapDays: 5, tags: {a: '1'}, protect: true, regions: [us-east-1]}
verification: {timeoutMinutes: 0, onTimeout: fail}
"""


def test_defaults_hold_unless_a_domain_says_otherwise():
    """
    A domain takes from `defaults` what it does not write itself, and replaces maps as a whole.
    """
    loaded = load(yaml.safe_load(DEFAULTS), region=None)
    read = [(one.overlap_days, one.tags, one.protect, one.regions) for one in loaded.domains]
    assert read == [
        (5, {"a": "1"}, True, ("us-east-1",)),
        (20, {"b": "2"}, False, ("us-east-1",)),
        (5, None, True, ("eu-north-1",)),
    ]
    assert loaded.verification.model_dump() == {"timeout_minutes": 0, "on_timeout": "fail"}


SPELLINGS = """
published: ['2', 3.0]
  published: [2, 3]
protect: 'yes'
  protect: true
protect: 'true'
  protect: true
dnsCheck: false
  dns_check: 'off'
tags: {}
  tags: {}
configurationSet: null
  configuration_set: null
"""


@cases(("written", "expected"), written_out(SPELLINGS))
def test_spellings(written, expected):
    """A value that `pulumi config set`, JSON or YAML 1.1 spells another way means the same."""
    (domain,) = load(one({"generation": 2, **written})).domains
    read = domain.model_dump(mode="json")
    assert read | yaml.safe_load(expected[0]) == read


PROVIDERS = """
dns: manual
  [{provider: manual}]
dns: {}
  [{}]
dns: {provider: manual, panel: godaddy}
  [{provider: manual, panel: godaddy}]
dns: [cloudflare, {provider: route53, ttl: 60}]
  [{provider: cloudflare}, {provider: route53, ttl: 60}]
dns: {assumeRole: 'arn:aws-us-gov:iam::123456789012:role/path/dns', externalId: 'a:7f'}
  [{assume_role: 'arn:aws-us-gov:iam::123456789012:role/path/dns', external_id: 'a:7f'}]
"""


@cases(("written", "expected"), written_out(PROVIDERS))
def test_dns(written, expected):
    """A provider is a name, an object with its own options, or an entry of a list."""
    (domain,) = load(one({"generation": 1} | written)).domains
    read = [dns.model_dump(exclude_unset=True) for dns in domain.dns]
    assert read == yaml.safe_load(expected[0])


@pytest.mark.parametrize("written", ["secretsManager", {"provider": "secretsManager"}])
def test_key_store(written):
    """A store is a name or an object, and a domain's wins over that of `defaults`."""
    domains = {"a.test": {"generation": 1}, "b.test": {"generation": 1, "keyStore": "state"}}
    loaded = load({"domains": domains, "defaults": {"keyStore": written}})
    stores = [domain.key_store.provider for domain in loaded.domains]
    assert stores == ["secretsManager", "state"]


MAIL_FROM = """
regions: [eu-west-1], mailFrom: {label: bounce}
  bounce.example.com
regions: [us-east-1, eu-west-1], mailFrom: bounce
  bounce.example.com
  bounce-eu-west-1.example.com
regions: [eu-west-1, us-east-1], mailFrom: {label: bounce, zone: Bounce.example.com.}
  bounce.example.com
  us-east-1.bounce.example.com
regions: [eu-west-1], mailFrom: null
"""


@cases(("written", "names"), written_out(MAIL_FROM))
def test_mail_from(written, names):
    """One MAIL FROM domain a Region; a retired one keeps them."""
    (domain,) = load(one({"generation": 1, "retired": True} | written)).domains
    regions = written["regions"]
    assert list(domain.mail_from_domains.items()) == list(zip(regions, names, strict=False))


S1 = {"1": supplied("s1")}
SUPPLIED_KEYS = """
keys: {1: {selector: s1, privateKey: first}, 2: {selector: s2, privateKey: second}}
  [1, 2]
keys: {1: {selector: s1, privateKey: first}}
  [1]
  keys: no generation after 1 is published, the next rotation has to wait for DNS: add a key `2`
keys: {1: {selector: s1, privateKey: first}}, published: [1]
  [1]
  keys: no generation after 1 is published, the next rotation has to wait for DNS: add 2 to
    `published`
keys: {2: {selector: s2, privateKey: second}}, published: [1, 2]
  [1, 2]
keys: {1: {selector: s1, privateKey: first}, 7: {selector: s2, privateKey: second}}, \
published: [1, 2]
  [1, 2]
  keys["7"]: not published, so it has no record in DNS: add 7 to `published`
"""


@cases(("written", "expected"), written_out(SUPPLIED_KEYS))
def test_supplied_keys(written, expected):
    """
    With `keys`, what they have is published by default; what is written and they lack is generated.
    """
    (domain,) = load(one({"generation": 1} | written)).domains
    published, *warnings = expected
    assert list(domain.published) == yaml.safe_load(published)
    assert list(domain.warnings) == [f'domains["example.com"].{line}' for line in warnings]


# -- what is refused --------------------------------------------------------------------
# A row is what is written, and below it the problems of that; one that fits stands behind an arrow.

TEXT_IN_DOMAIN = """
generation: null ⇒ generation: must be a whole number, not null
generation: 0 ⇒ generation: must be at least 1, not 0
generation: two ⇒ generation: must be a whole number, not 'two'
generation: true ⇒ generation: must be a whole number, not true
overlapDays: 1.5 ⇒ overlapDays: must be a whole number, not 1.5
generation: 0, published: [1] ⇒ generation: must be at least 1, not 0
published: [1, 3] ⇒ published: must contain generation 2, which signs, not [1, 3]
published: [] ⇒ published: must contain generation 2, which signs, not []
published: [0, 2] ⇒ published[0]: must be at least 1, not 0
published: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21]
  published: must have at most 20 generations, not 21
generation: 1000000000000001 ⇒ generation: must be at most 1000000000000000, not 1000000000000001
published: 2 ⇒ published: must be a list, not 2
mailFrom: a.b ⇒ mailFrom: must be one label like 'bounce', in lower case, not 'a.b'
mailFrom: 5 ⇒ mailFrom: must be a map, not 5
mailFrom: {onMxFailure: reject} ⇒ mailFrom.label: required
mailFrom: {label: b, onMxFailure: rejct}
  mailFrom.onMxFailure: must be 'useDefault' or 'reject', not 'rejct', did you mean 'reject'?
regions: [eu-west-1, cn-north-1], mailFrom: b
  mailFrom: not possible in cn-north-1: nobody knows which MX record SES asks for there
mailFrom: {label: b, zone: c.example.com}
  mailFrom.zone: 'b.example.com' is not in the zone 'c.example.com'
overlapDays: 366 ⇒ overlapDays: must be at most 365, not 366
overlapDays: 10d ⇒ overlapDays: must be a whole number, not '10d'
keyBits: 4096 ⇒ keyBits: must be at most 2048, not 4096
keyStore: vault ⇒ keyStore: must be 'state' or 'secretsManager', not 'vault'
keyStore: null ⇒ keyStore: must be a map, not null
keyStore: {kmsKeyId: alias/mail} ⇒ keyStore.provider: required
keyStore: {provider: secretsManager, kmskeyid: alias/mail}
  keyStore.kmskeyid: unknown key, did you mean 'kmsKeyId'?
keyStore: {provider: secretsManager, recoveryWindowDays: 7}
  keyStore.recoveryWindowDays: unknown key, expected one of provider, kmsKeyId
dnsWaitSeconds: 3601 ⇒ dnsWaitSeconds: must be at most 3600, not 3601
rotateAfterDays: 0 ⇒ rotateAfterDays: must be at least 1, not 0
protect: maybe ⇒ protect: must be true or false, not 'maybe'
regions: [] ⇒ regions: must not be empty
regions: eu-west-1 ⇒ regions: must be a list, not 'eu-west-1'
dns: 53 ⇒ dns: must be a map, not 53
dns: [] ⇒ dns: must not be empty
dns: {ttl: -1} ⇒ dns.ttl: must be at least 0, not -1
dns: [{ttl: 5m}] ⇒ dns[0].ttl: must be a whole number, not '5m'
dns: {TTL: 60} ⇒ dns.TTL: unknown key, did you mean 'ttl'?
dns: {zoneId: /hostedzone/Z1}
  dns.zoneId: must be a zone's id like 'Z0123456789ABC', or 32 hex digits at Cloudflare, not \
'/hostedzone/Z1'
dns: {zone: example.com, zoneId: Z1} ⇒ dns.zoneId: give the name of the zone or its ID, not both
dns: {zone: 5} ⇒ dns.zone: must be text, not 5
dns: {zone: example .com}
  dns.zone: 'example .com' is not a bare domain, expected a domain such as 'example.com'
dns: {zone: ample.com} ⇒ dns.zone: 'ample.com' does not hold 'example.com'
dnsCheck: always ⇒ dnsCheck: must be 'authoritative' or 'off', not 'always'
configurationSet: news letter
  configurationSet: must be 1 to 64 letters, digits, '-' or '_', not 'news letter'
tags: [team] ⇒ tags: must be a map, not a list
tags: {team: 42} ⇒ tags["team"]: must be text, not 42
tags: {team: a&b}
  tags["team"]: must be a name of 1 to 128 and a value of at most 256 letters, digits, blanks \
and _.:/=+-@, not 'team=a&b'
tags: {'byodkim:owner': me} ⇒ tags["byodkim:owner"]: names that begin with 'byodkim:' are reserved
tags: {'AWS:x': me} ⇒ tags["AWS:x"]: names that begin with 'AWS:' are reserved
keys: {'2': s1} ⇒ keys["2"]: must be a map, not 's1'
keys: {'2': {privateKey: first}} ⇒ keys["2"].selector: required
keys: {'2': {selector: s}} ⇒ keys["2"].privateKey: required
keys: {'2': {selector: s, privatekey: first}}
  keys["2"].privatekey: unknown key, did you mean 'privateKey'?
overlapdays: 3 ⇒ overlapdays: unknown key, did you mean 'overlapDays'?
overlap_days: 3 ⇒ overlap_days: unknown key, did you mean 'overlapDays'?
region: eu-west-1 ⇒ region: unknown key, did you mean 'regions'?
retired: true, adopt: true ⇒ retired: can't be true with adopt: an adopted identity stays in SES
dns: [{externalId: corp}, {externalId: corp 7}]
  dns[1].externalId: must be 2 to 1224 letters, digits and _+=,.@:/-, not 'corp 7'
dns: rfc2136
  dns.keyName: required with rfc2136
  dns.server: required with rfc2136
dns: {provider: rfc2136, server: ns1..example.com, keyName: by..odkim}
  dns.keyName: must be a name like 'byodkim', not 'by..odkim'
  dns.server: must be an address, or a name like 'ns1.example.com', without a port, not \
'ns1..example.com'
dns: {provider: rfc2136, server: "192.0.2.1:53", keyName: byodkim}
  dns.server: must be an address, or a name like 'ns1.example.com', without a port, not \
'192.0.2.1:53'
dns: {provider: cpanel, server: attacker.example, port: 443}
  dns.port: is an option of rfc2136, not of cpanel
  dns.server: is an option of rfc2136, not of cpanel
dns: {provider: godaddy, ttl: 300} ⇒ dns.ttl: must be 600 to 86400 at godaddy, not 300
dns: {provider: rfc2136, server: ns1.example.com, keyName: \
Zm9vYmFyYmF6cXV1eHh5enp5QUJDREVGR0hJSktMTU5PUA==}
  dns.keyName: must be a name like 'byodkim', not 48 characters
dns: {provider: rfc2136, server: ns1.example.com,
    keyName: Zm9vYmFyYmF6cXV1eHh5enp5QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNk}
  dns.keyName: must be a name like 'byodkim', not 64 characters
dns: {provider: rfc2136, server: 'secret "q1w2e3r4t5y6u7i8==";', keyName: byodkim}
  dns.server: must be an address, or a name like 'ns1.example.com', without a port, not 28 \
characters
dns: {provider: cloudflare, credentials: 'eu-west-1-campaigns!'}
  dns.credentials: must be a name under dnsCredentials like 'godaddy', unlike a secret, not
    'eu-west-1-campaigns!'
dns: {provider: cloudflare, credentials: v1x0cTEx4Q6VCs2tLxhq-kEJPbCmhdYsnzD6zmZo}
  dns.credentials: must be a name under dnsCredentials like 'godaddy', unlike a secret, not 40 \
characters
dns: {provider: cloudflare, credentials: 0123456789abcdef0123456789abcdef01234}
  dns.credentials: must be a name under dnsCredentials like 'godaddy', unlike a secret, not 37 \
characters
dns: {provider: godaddy, credentials: QBz3yVmx8tVWUfoYhBUBcN}
  dns.credentials: must be a name under dnsCredentials like 'godaddy', unlike a secret, not 22 \
characters
dns: {provider: godaddy, credentials: GoDaddy-production-2026}
  dns.credentials: must be a name under dnsCredentials like 'godaddy', unlike a secret, not 23 \
characters
dns: {provider: cloudflare, credentials: 0123456789abcdef0123456789abcdef}
  dns.credentials: must be a name under dnsCredentials like 'godaddy', unlike a secret, not 32 \
characters
dns: {provider: wix, keyName: byodkim} ⇒ dns.keyName: is an option of rfc2136, not of wix
dns: {provider: cloudflare, panel: godaddy} ⇒ dns.panel: is an option of manual, not of cloudflare
dns: {provider: cloudflare, ttl: 30} ⇒ dns.ttl: must be 60 to 86400 at cloudflare, not 30
dns: [manual, {zone: example.org}] ⇒ dns[1].zone: 'example.org' does not hold 'example.com'
mailFrom: ccccccccccccccccccccccccccccccccc
  mailFrom: must be one label like 'bounce', in lower case, not 'ccccccccccccccccccccccccccccccccc'
regions: [eu-west-1, eu-west-1] ⇒ regions: 'eu-west-1' is listed twice
dnsResolvers: [dns.example]
  dnsResolvers[0]: must be an address like '1.1.1.1', '1.1.1.1:53' or '[::1]:53', with a port of \
1 to 65535,
    not 'dns.example'
dnsResolvers: [1.1.1.1, 1.1.1.1] ⇒ dnsResolvers: '1.1.1.1' is listed twice
configurationSet: nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn
  configurationSet: must be 1 to 64 letters, digits, '-' or '_', not 65 characters
keys: [{selector: s1, privateKey: first}] ⇒ keys: must be a map, not a list
keys: {'1': {selector: s1, privateKey: first}} ⇒ keys: must hold a key for generation 2, which signs
keys: {new: {selector: s1, privateKey: first}} ⇒ keys["new"]: must be a whole number, not 'new'
keys: {'0': {selector: s1, privateKey: first}} ⇒ keys["0"]: must be at least 1, not '0'
keys: {'2': {selector: s2, privateKey: frist}}
  keys["2"].privateKey: 'frist' is not in privateKeys, did you mean 'first'?
keys: {'2': {selector: s2, privateKey: mail2026}}
  keys["2"].privateKey: 'mail2026' is not in privateKeys, set it with `pulumi config set --secret \
--path
    'privateKeys["mail2026"]'`
keys: {'2': {selector: s2, privateKey: 5}}
  keys["2"].privateKey: must be a name in privateKeys like 'mail2026', not 5
keys: {'2': {selector: s.2, privateKey: first}}
  keys["2"].selector: 's.2' must be the one label before '._domainkey': 1 to 63 lower-case \
letters, digits and hyphens, with no hyphen at either end
keys: {'2': {selector: s, privateKey: first}, '3': {selector: s, privateKey: second}}
  keys["3"].selector: 's' belongs to generation 2 already
keys: {'2': {selector: s2, privateKey: first}, '3': {selector: s3, privateKey: first}}
  keys["3"].privateKey: is the key of generation 2 already
dns: [{assumeRole: 'arn:aws:iam::1:role/dns'}, {assumeRole: 'arn:aws:iam::123456789012:role/dns*'}]
  dns[0].assumeRole: must be a role like 'arn:aws:iam::123456789012:role/dns', not \
'arn:aws:iam::1:role/dns'
  dns[1].assumeRole: must be a role like 'arn:aws:iam::123456789012:role/dns', not
    'arn:aws:iam::123456789012:role/dns*'
dns: [manual, {provider: route53, fromGeneration: 3}]
  dns: zones with the same cname, or without, have the same `fromGeneration`: leave it out, move \
the name
    servers (with cname the CNAMEs), then drop one
dns: [manual, {provider: route53, fromGeneration: 3},
    {provider: route53, zone: keys.example.net, cname: ses, fromGeneration: 5}]
  dns: zones with the same cname, or without, have the same `fromGeneration`: leave it out, move \
the name
    servers (with cname the CNAMEs), then drop one
dns: [{provider: route53, zone: keys.example.net, cname: ses},
    {provider: route53, zone: keys.example.org, cname: ses, fromGeneration: 4}]
  dns: zones with the same cname, or without, have the same `fromGeneration`: leave it out, move \
the name
    servers (with cname the CNAMEs), then drop one
generation: 2, published: [1, 2, 4], dns: {provider: route53, zone: keys.example.net, cname: ses}
  published: generations 1 and 4 share the selector 'ses1': publish at most 3 in a row
generation: 3, published: [3, 4], keys: {'3': {selector: ses3, privateKey: first}},
    dns: [route53, {provider: route53, zone: keys.example.net, cname: ses, fromGeneration: 4}]
  keys["3"].selector: is a selector of cname too: take another cname
overlapDays: 1, dns: {provider: route53, zone: keys.example.net, cname: ses}
  overlapDays: must be 0 or at least 2 with cname, whose records are remembered for up to a day
dns: {provider: manual, panel: godady}
  dns.panel: must be one of route53, cloudflare, godaddy, dreamhost, hostgator, wix, namecheap, \
namescouk,
    other, not 'godady'
keyStore: {provider: secretsManager, kmsKeyId: mail}
  keyStore.kmsKeyId: must be a KMS key's ARN or id, or an alias like 'alias/mail', not 'mail'
dns: {provider: rfc2136, server: ns1 .example.com, port: 0, keyName: a key, keyAlgorithm: hmac-md5,
    credentials: my secret!}
  dns.credentials: must be a name under dnsCredentials like 'godaddy', unlike a secret, not 'my \
secret!'
  dns.keyAlgorithm: must be one of hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512, not \
'hmac-md5'
  dns.keyName: must be a name like 'byodkim', not 'a key'
  dns.port: must be at least 1, not 0
  dns.server: must be an address, or a name like 'ns1.example.com', without a port, not 'ns1 \
.example.com'
configurationSet: "news\\n"
  configurationSet: must be 1 to 64 letters, digits, '-' or '_', not 5 characters
generation: .nan ⇒ generation: must be a whole number, not nan
tags: {'': x}
  tags[""]: must be a name of 1 to 128 and a value of at most 256 letters, digits, blanks \
and _.:/=+-@, not '=x'
"""

NOT_A_NAME = (
    'keys["2"].privateKey: must be the name of a key in privateKeys, not the key: set it with '
    "`pulumi config "
    "set --secret --path 'privateKeys[\"NAME\"]'`, and make another one if somebody may have "
    "read this"
)
NO_REGION = (
    f"regions[0]: 'us-east-9' is not a Region that botocore {botocore.__version__} knows, "
    "did you mean 'us-east-2'?"
)
TAG = "a name of 1 to 128 and a value of at most 256 letters, digits, blanks and _.:/=+-@"
LONG_TAG = f'tags["(129 characters)"]: must be {TAG}, not 130 characters'


IN_DOMAIN = {
    **written_out(TEXT_IN_DOMAIN.replace(" ⇒ ", "\n  ")),
    "no generation": ({}, ["generation: required, it says which key signs"]),
    "48 tags": (
        {"tags": {f"t{n}": "" for n in range(48)}},
        ["tags: must be at most 47 with those of aws:defaultTags, not 48"],
    ),
    "long tag": ({"tags": {"t" * 129: ""}}, [LONG_TAG]),
    "long value": (
        {"tags": {"a": "x" * 257}},
        [f'tags["a"]: must be {TAG}, not 259 characters'],
    ),
    "key in place of its name": ({"keys": {"2": supplied("s2", KEY_1)}}, [NOT_A_NAME]),
    "a Region that is none": ({"regions": ["us-east-9", "eu-west-1"]}, [NO_REGION]),
}


@cases(("written", "expected"), IN_DOMAIN)
def test_refused_in_a_domain(written, expected):
    """Each mistake in a domain is one line with its path, what was expected and what was seen."""
    domain = written if "generation" in written or not written else {"generation": 2, **written}
    assert [f'domains["example.com"].{line}' for line in expected] == problems(one(domain))


TEXT_IN_STACK = """
domains: {example.com: {generation: 1, mailFrom: b}, b.example.com: {generation: 1}}
  domains["example.com"].mailFrom.label: 'b.example.com' sends mail itself, a MAIL FROM domain \
must not
domains: null ⇒ domains: must not be empty
domains: [] ⇒ domains: must not be empty
dnsCredentials: {wix: {token: x}} ⇒ domains: must not be empty
domain: {example.com: {generation: 1}}
  domain: unknown key, did you mean 'domains'?
domains: [example.com] ⇒ domains: must be a map, not a list
domains: {localhost: {generation: 1}}
  domains["localhost"]: 'localhost' is not a bare domain, expected a domain such as 'example.com'
domains: {Example.com: {generation: 1}, example.com.: {generation: 1}}
  domains["example.com."]: is the same domain as 'Example.com'
domains: {bücher.example: {generation: 1}, xn--bcher-kva.example: {generation: 2}}
  domains["xn--bcher-kva.example"]: is the same domain as 'bücher.example'
domains: {example.com: null} ⇒ domains["example.com"].generation: required, it says which key signs
domains: {example.com: 2} ⇒ domains["example.com"]: must be a map, not 2
domains: {example.com: {generation: 1}}, default: {} ⇒ default: unknown key, did you mean \
'defaults'?
domains: {example.com: {generation: 1}}, defaults: {dns: {ttl: -1}}
  defaults.dns.ttl: must be at least 0, not -1
domains: {example.com: {generation: 1, retired: true}}, defaults: {adopt: true}
  domains["example.com"].retired: can't be true with adopt: an adopted identity stays in SES
domains: {example.com: {generation: 1}}, verification: {quick: true}
  verification.quick: unknown key, expected one of timeoutMinutes, onTimeout
domains: {example.com: {generation: 1}}, verification: {timeoutMinutes: 4321}
  verification.timeoutMinutes: must be at most 4320, not 4321
domains: {example.com: {generation: 1}}, verification: {onTimeout: retry}
  verification.onTimeout: must be 'warn' or 'fail', not 'retry'
domains: {example.com: {generation: 1}}, verification: fail ⇒ verification: must be a map, not \
'fail'
"""

IN_SLOTS = {"generation": 1, "published": [1], "dns": [SLOTS, {**SLOTS, "zone": LONG_ZONE}]}
LONG_NAME = (
    f"domains[\"{LONG_DOMAIN}\"].dns: 'ses1._domainkey.{LONG_DOMAIN}.{LONG_ZONE}' has 255 octets, "
    "expected at most 253: take a shorter zone"
)

IN_STACK = {
    "long second zone": ({"domains": {LONG_DOMAIN: IN_SLOTS}}, [LONG_NAME]),
    **written_out(TEXT_IN_STACK.replace(" ⇒ ", "\n  ")),
    "no domains": ({}, ["domains: must not be empty"]),
    "long name of a key": (
        {
            "dnsCredentials": {"vT3kQ9".ljust(40, "x"): {"token": "t"}},
            "domains": {"a.example": {"generation": 1}},
        },
        [
            "dnsCredentials: must be a name under dnsCredentials like 'godaddy', unlike a secret, "
            "not something else"
        ],
    ),
}


@cases(("config", "expected"), IN_STACK)
def test_refused_in_a_stack(config, expected):
    """Each mistake around and between domains is one line with its path."""
    assert expected == problems(config)


NOT_SET = "aws:region: required for a.example, example.com, without `regions`"
NOT_A_REGION = f"is not a Region that botocore {botocore.__version__} knows"
NOT_KNOWN = f"{NOT_A_REGION}, did you mean"


@cases(
    ("region", "expected"),
    {
        "not set": (None, NOT_SET),
        "empty": ("", NOT_SET),
        "no Region": (
            "Ireland",
            f"aws:region: 'Ireland' {NOT_A_REGION}, expected one like 'eu-west-1'",
        ),
        "mistyped": ("us-eest-1", f"aws:region: 'us-eest-1' {NOT_KNOWN} 'us-west-1'?"),
    },
)
def test_no_region(region, expected):
    """Domains without Regions need a good `aws:region`, which is said once."""
    domains = {"example.com": {"generation": 1}, "a.example": {"generation": 1}}
    assert problems({"domains": domains}, region) == [expected]


PRIME = 2**1023 + 9157  # as long as one, in a number's place

MISPLACED = """
keys: {1: KEY}
keys: {1: {selector: KEY, privateKey: s1}}
keys: {1: {selector: S, privateKey: KEY}}
keys: {1: {selector: s, privateKey: KEY, dkim: 1}}
keys: {1: {selector: s, privateKey: {pem: KEY}}}
keys: KEY
generation: KEY
regions: [KEY]
configurationSet: KEY
dns: {zone: KEY}
dns: KEY
dnsResolvers: [KEY]
protect: KEY
"""


@pytest.mark.parametrize("private_key", [PEM, KEY_1, PRIME], ids=["PEM", "base64", "number"])
@pytest.mark.parametrize("text", MISPLACED.strip().splitlines())
def test_no_error_quotes_a_key(text, private_key):
    """
    Wherever a key lands by mistake, no part of it gets into the error or what Python prints below
    it.
    """
    misplaced = yaml.safe_load(text.replace("KEY", json.dumps(private_key)))
    with pytest.raises(InvalidSettings) as caught:
        load(one({"generation": 1} | misplaced))
    assert caught.value.__suppress_context__
    middle = str(private_key)[len(str(private_key)) // 3 :][:16]
    assert middle not in repr(caught.value)
    assert KEY_1[100:116] not in repr(load(one({"generation": 1, "keys": S1}))), "nor into settings"


HOSTILE = "a'$(touch pwned)'"


@pytest.mark.parametrize("name", ["mail2026", HOSTILE, "`id`", 'b"; id; "', "c\\'"])
def test_command_to_paste(name):
    """Whoever pastes the command that a message shows runs that command, and no other one."""
    for steps in (("privateKeys", name), ("dnsCredentials", "godaddy", name)):
        *words, path = shlex.split(secret_command(steps).strip("`"))
        assert words == ["pulumi", "config", "set", "--secret", "--path"]
        assert line(steps, "") == f"{path}: "


# -- the JSON Schema --------------------------------------------------------------------

SCHEMA = Path(__file__).parents[2] / "stacks" / "schema.json"


def test_schema_is_in_step():
    """`stacks/schema.json` is what the settings say now: `make schema` writes it."""
    assert json_schema() == json.loads(SCHEMA.read_text())


@cases(
    ("domain", "good"),
    {
        "good": ({"generation": 1, "keyStore": "state"}, True),
        "no generation": ({}, False),
        "unknown key": ({"generation": 1, "overlapdays": 3}, False),
    },
)
def test_schema(domain, good):
    """An editor marks what the program would refuse, and nothing in a good stack file."""
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    config = {"ses-byodkim:domains": {"example.com": domain}, "aws:region": REGION}
    assert Draft202012Validator(schema).is_valid({"config": config}) == good


NOT_SHOWN = "not something else"


@cases(
    ("written", "problem"),
    {
        "text": ("gd_pat_secret", f"dnsCredentials: must be a map, {NOT_SHOWN}"),
        "text for one": (
            {"godaddy": "x"},
            f'dnsCredentials["godaddy"]: must be a map, {NOT_SHOWN}',
        ),
        "number": ({"x": {"token": 5}}, f'dnsCredentials["x"].token: must be text, {NOT_SHOWN}'),
    },
)
def test_dns_credentials(written, problem):
    """
    What opens DNS hosts has names of the user's choice; what is none by name is refused unseen.
    """
    good = {"godaddy": {"token": "gd_pat_secret"}, "office": {"secret": "c2VjcmV0"}}
    assert len(load(one({"generation": 1}, dnsCredentials=good)).domains) == 1
    assert problems(one({"generation": 1}, dnsCredentials=written)) == [problem]
