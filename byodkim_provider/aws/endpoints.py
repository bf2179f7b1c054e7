"""
Where calls to AWS go: which hosts are AWS's own, and what may be called without TLS.

Strings in, messages out. A private key is in the call that sends it to SES, and a session token in each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from byodkim_provider.aws.regions import dns_suffixes
from byodkim_provider.messages import Message
from byodkim_provider.messages.aws import AwsProblem
from byodkim_provider.urls import host_of, is_local

SERVICES: Final = {
    "sesv2": ("SES", "email", "AWS_ENDPOINT_URL_SESV2"),
    "route53": ("Route 53", "route53", "AWS_ENDPOINT_URL_ROUTE_53"),
    "secretsmanager": ("Secrets Manager", "secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER"),
    "sts": ("STS", "sts", "AWS_ENDPOINT_URL_STS"),
}
"""By pulumi-aws's name: AWS's name, the first label of its hosts, the variable that redirects it."""

_OF_AWS: Final = re.compile(
    rf"(?P<vpce>vpce-[a-z0-9-]+[.])?({'|'.join(label for _, label, _ in SERVICES.values())})(-fips)?"
    r"([.]([a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}|aws(-[a-z]+)*-global|us-gov))?(?(vpce)[.]vpce)[.](?P<suffix>.+)"
)
"""
A service's own host, in a Region or not, or a VPC endpoint of the service.

Below the same domains anybody has hosts: of API Gateway, EC2, load balancers, buckets, and VPC endpoints
with `vpce-svc-…` in the place of the service.
"""


def url_problem(url: str) -> Message | None:
    """What is wrong with the *url* of a service; None if it may be called there."""
    scheme = url.partition("://")[0].lower()
    if scheme not in ("http", "https") or not host_of(url):
        return AwsProblem.URL()
    return AwsProblem.URL() if scheme == "http" and not is_local(url) else None


def is_of_aws(url: str) -> bool:
    """Whether *url* is at a host of AWS's own service, or at a VPC endpoint of it."""
    found = _OF_AWS.fullmatch(host_of(url))
    return found is not None and found["suffix"] in dns_suffixes()


def redirection_warnings(endpoints: Mapping[str, str], environment: Mapping[str, str]) -> Iterator[Message]:
    """
    A message for each service whose calls leave this machine and do not go to AWS.

    >>> print(*redirection_warnings({"sts": "https://sts.example.net"}, {}))
    aws: STS is redirected to sts.example.net, which is not AWS and gets what AWS would get
    """
    if environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        environment = {}
    for service, (name, _, variable) in SERVICES.items():
        url = endpoints.get(service) or environment.get(variable) or environment.get("AWS_ENDPOINT_URL") or ""
        if url and not is_of_aws(url) and not is_local(url):
            yield AwsProblem.REDIRECTED(service=name, host=host_of(url))
