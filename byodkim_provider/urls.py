"""The host of a URL, as every reader of it would read it."""

import re


def host_of(url: str) -> str:
    """
    The host of *url*, in lower case; "" if it has none, or if not everybody reads the same one.

    urllib3, with which botocore connects, ends a host at a backslash, and others only at the `@`
    after it.
    """
    # Imported here: who only checks settings or asks DNS needs nothing of HTTP.
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    if not re.fullmatch(r"[!-~]+", url) or re.search(r"[@\\]", url):
        return ""
    try:
        return (parse_url(url).host or "").strip("[]")
    except LocationParseError:
        return ""


def is_local(url: str) -> bool:
    """Whether the host of *url* is this computer."""
    return host_of(url) in ("127.0.0.1", "localhost", "::1")
