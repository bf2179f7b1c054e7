"""Stack files, `aws:` settings, states: what people write, and what Pulumi hands on."""

import json
from typing import Any, Final

import yaml
from hypothesis import strategies as st

from byodkim_provider.aws.settings import REFUSED, ROLE_OPTIONS, read_settings
from byodkim_provider.config import settings, stack_file
from tests.fuzz.target import Target, refusals
from tests.fuzz.values import mutated, mutated_text, texts, words
from tests.support.testdata import pem

CONFIGURATIONS: Final[list[dict[str, Any]]] = yaml.safe_load("""
- domains: {example.com: {generation: 1}}
- domains: {example.com: {generation: 1, dns: {provider: route53, ttl: 60}}}
  defaults: &all
    overlapDays: 10
    regions: [eu-west-1, us-east-1]
    dns: [{provider: route53, zoneId: Z1, ttl: 300}, {provider: manual, panel: wix}]
    keyBits: 2048
    configurationSet: newsletter
    tags: {team: mail}
    adopt: true
    dnsCheck: "off"
    dnsResolvers: [1.1.1.1, "[::1]:53"]
    dnsWaitSeconds: 60
    rotateAfterDays: 90
  verification: {timeoutMinutes: 10, onTimeout: fail}
- domains:
    example.com: {<<: *all, generation: 2, published: [1, 2, 3]}
    example.net: {generation: 1, dns: cloudflare}
- domains: {mail.example.com: {generation: 1, keys: {"1": {selector: s1, privateKey: own},
    "2": {selector: s2, privateKey: x}}}}
  privateKeys: {}
""")
CONFIGURATIONS[-1]["privateKeys"]["own"] = pem("rsa1024.pkcs8")


def put_settings(config: Any) -> None:
    if isinstance(config, dict):  # the program makes it
        with refusals():
            settings.load(config, default_region="eu-west-1")


AWS: Final[list[dict[str, Any]]] = yaml.safe_load("""
- {profile: mail, allowedAccountIds: ["123456789012"], defaultTags: {tags: {team: mail}}}
- {accessKey: AKIA, secretKey: secret, token: token, forbiddenAccountIds: ["123456789012"]}
- endpoints: [{sesv2: "http://127.0.0.1:1", route53: "http://[::1]", sts: "https://example.com"}]
- assumeRoles:
  - roleArn: arn:aws:iam::123456789012:role/x
    policyArns: [arn:aws:iam::aws:policy/x]
    tags: {team: mail}
    transitiveTagKeys: [team]
""")
for option in ROLE_OPTIONS:
    AWS[-1]["assumeRoles"][0].setdefault(option, "text")
AWS.append(dict.fromkeys(REFUSED, "true"))


def put_aws(values: Any) -> None:
    """As Pulumi hands them on: texts, objects as JSON."""

    def get(name: str) -> str | None:
        value = values.get(name.removeprefix("aws:"))
        return value if value is None or isinstance(value, str) else json.dumps(value)

    if isinstance(values, dict):
        with refusals():
            read_settings(get)


def _stack_file(config: dict[str, Any], flow: bool | None) -> str:
    ours = {f"ses-byodkim:{name}": value for name, value in config.items()}
    whole = {"encryptionsalt": "v1:salt:v1:text", "config": {"aws:region": "eu-west-1", **ours}}
    return yaml.safe_dump(whole, sort_keys=False, default_flow_style=flow)


STACK_FILES: Final = tuple(
    _stack_file(config, flow) for config in CONFIGURATIONS for flow in (None, False, True)
)

YAML_PIECES: Final = (
    *(
        "&a ",
        "<<: *a",
        "!!binary |",
        "? ",
        ": ",
        "- ",
        "|\n",
        ">-\n",
        "\t",
        "\r\n",
        "\n  ",
        "\u2028",
    ),
    *("\ufeff", "{secure: v1:x}", "&a [*a]", "!!set {a}", "!!omap [a: 1]"),
    *words(
        "*a !!python/object:os.system %TAG --- ... { } [ ] ' \" # !< 1_000 0o17 2001-01-01 "
        ".inf 0b1 1:30:00"
    ),
)


def put_stack_file(text: str) -> None:
    """It is read, as `byodkim rotate` does."""
    with refusals():
        stack_file.domains_in(stack_file.load(text), "ses-byodkim")


TARGETS = (
    Target(
        "settings",
        mutated(CONFIGURATIONS),
        put_settings,
        regressions=(
            {"domains": {"1" * 5000: {"generation": 1}}},
            {"domains": {"example.com": {"generation": 1, "\x1b[2J": 1}}},
        ),
        weight=8,
    ),
    Target(
        "aws settings",
        mutated(AWS),
        put_aws,
        regressions=({"assumeRoles": [{"\x1f": None}]}, {"allowedAccountIds": ["1" * 5000]}),
        weight=8,
    ),
    Target(
        "stack files",
        st.one_of(mutated_text(STACK_FILES, st.one_of(st.sampled_from(YAML_PIECES), texts)), texts),
        put_stack_file,
        regressions=(
            "config: {ses-byodkim:domains: {1e999: null}}",
            "1" * 5000,
            "[" * 5000,
            "2001-99-99",
            "0b",
        ),
        weight=3,
    ),
)
