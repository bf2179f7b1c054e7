"""TXT values and names in the forms that the APIs of DNS hosts use."""

from __future__ import annotations

from byodkim_provider.dkim import records


def joined(text: str) -> str:
    """
    The value in *text*, which is one piece or quoted strings.

    >>> joined('"v=DKIM1; " "p=MIIB"')
    'v=DKIM1; p=MIIB'
    >>> joined('v=DKIM1; p=MIIB')
    'v=DKIM1; p=MIIB'
    """
    try:
        return records.parse_quoted(text)
    except ValueError:
        return text


def relative(name: str, zone: str) -> str:
    """
    *name* without the *zone* that holds it; "@" for the zone itself.

    >>> relative("s1._domainkey.mail.example.com", "example.com")
    's1._domainkey.mail'
    """
    return "@" if name == zone else name.removesuffix(f".{zone}")
