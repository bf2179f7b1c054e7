"""
README's picture of a terminal is drawn from what a run printed, and loads nothing from elsewhere.
"""

import re

from tests.docs.screenshot import PICTURE, WIDTH, draw, shown

PRINTED = f"""\
── pulumi up ──
 +  a resource of another part created
── pulumi up, while mail is sent ──
@ updating....
 +  pulumi-python:dynamic/byodkim:DkimKey news.example.net/3 creating (0s)
 +  pulumi-python:dynamic/byodkim:DkimKey news.example.net/3 created (0.06s)
 ~  {"long " * 40}
──────
every identity verified: yes
"""


def test_shown():
    """The parts that it is about, without what is no news; a long line is cut."""
    lines = [line.plain for line in shown(PRINTED)]
    assert lines[:2] == [
        "── pulumi up, while mail is sent ──",
        " +  pulumi-python:dynamic/byodkim:DkimKey news.example.net/3 created (0.06s)",
    ]
    assert (len(lines[2]), lines[2][-1]) == (WIDTH, "…")
    assert lines[3:] == ["──────", "every identity verified: yes"]


def test_picture():
    """
    It shows the facts with which a demo ends well, and has no address that a browser would load.
    """
    drawn = PICTURE.read_text(encoding="utf-8")
    words = re.sub(r"<[^>]+>|&#160;", " ", drawn)
    assert len(re.findall(r"yes", words)) == 4
    assert not re.search(r"url\(http|href=|@font-face", drawn + draw(shown(PRINTED)))
