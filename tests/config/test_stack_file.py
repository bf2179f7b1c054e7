"""A stack file is edited without touching a line that need not change."""

from itertools import pairwise
from pathlib import Path

import pytest

from byodkim_provider.config.stack_file import diff, edited, load, stack_file
from byodkim_provider.errors import InvalidSettings
from tests.support.cases import cases

KEY = "ses-byodkim:domains"
PATH = ("config", KEY)

FILE = """\
# yaml-language-server: $schema=schema.json
encryptionsalt: v1:Q/msPft+dbU=:v1:yKNS4vSRwvyaYxqj:L2rqOinflH12DadZVcW07g==
config:
  aws:region:   eu-west-1   # where
  "ses-byodkim:domains":
    # The newsletter.
    Example.COM:   # spelled as in the logo
      tags: { team: 'newsletter',   cost: "12" }
      generation:   2   # since June
      # why they stay
      published:
        - 1
        - 2   # signs
      # of our own
      overlapDays: 0   # for the leak
      keys:
        1: { selector: "one",   privateKey: { secure: v1:abc==   } }
        2:
          selector: two
          privateKey:
            secure: >-
              v1:def
              ghi==

    example.org: { published: [1, 2], tags: {a: b}, generation: 1, overlapDays: 0, protect: true }
    example.net:
      generation: "4"
"""


def replaced(*pairs):
    text = FILE
    for old, new in pairs:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


SINCE = ("generation:   2   # since", "generation: 3     # since")
LISTED = "      published:\n        - 1\n        - 2   # signs\n"
OVERRIDE = "      overlapDays: 0   # for the leak\n"
FLOW = "{ published: [1, 2], tags: {a: b}, generation: 1, overlapDays: 0, protect: true }"
GONE = {"published": None, "overlapDays": None}
COME = "generation: 5\n      published: [5, 6]\n      overlapDays: 0\n"


@cases(
    ("changes", "after"),
    {
        "keys go": (
            {"Example.COM": {"generation": 3, **GONE}},
            replaced(SINCE, (LISTED, ""), (OVERRIDE, "")),
        ),
        "a list in one line": (
            {"Example.COM": {"generation": 3, "published": [3, 4], "overlapDays": 0}},
            replaced(SINCE, (LISTED, "      published: [3, 4]\n")),
        ),
        "flow": (
            {"example.org": {"generation": 2, **GONE}},
            replaced((FLOW, "{tags: {a: b}, generation: 2, protect: true}")),
        ),
        "keys come": (
            {"example.net": {"generation": 5, "published": [5, 6], "overlapDays": 0}},
            replaced(('generation: "4"\n', COME)),
        ),
        "two domains": (
            {"example.net": {"generation": 5}, "Example.COM": {"generation": 3}},
            replaced(('generation: "4"', "generation: 5"), SINCE),
        ),
        "nothing": ({"example.net": GONE}, FILE),
    },
)
def test_edits(changes, after):
    """A line that changes is laid out anew; comments and all other lines stay, byte for byte."""
    assert edited(FILE, PATH, changes) == after


IN_LINES = " {generation: 1,\n  published: [1,\n   2]}\n"
INDENTED = "\n     generation: {}\n     published:{}\n     # mail\n     tags: {{}}\n"
MIXED = "\n            generation: {}\n\n    # below\n    a.example: {{}}\n"
ALIAS = "\n      tags: {n: &one 1}\n      generation: "
MERGED = "\n      <<: &one {generation: 1}\n"
NEW = "\n      generation: 2\n      published: [2, 3]"


@cases(
    ("before", "after"),
    {
        "flow": (" {generation: 1}", " {generation: 2, published: [2, 3]}"),
        "flow with a list": (
            " {generation: 1, published: [1]}",
            " {generation: 2, published: [2, 3]}",
        ),
        "flow in lines": (IN_LINES, " {generation: 2, published: [2, 3]}\n"),
        "no last line end": ("\n      generation: 1", NEW),
        "Windows": ("\r\n      generation: 1\r\n", f"{NEW}\n".replace("\n", "\r\n")),
        "indented by one": (INDENTED.format(1, "\n     - 1"), INDENTED.format(2, " [2, 3]")),
        "mixed indentation": (MIXED.format(1), MIXED.format("2\n            published: [2, 3]")),
        "the alias of a number": (f"{ALIAS}*one\n", f"{ALIAS}2\n      published: [2, 3]\n"),
        "merged": (f"{MERGED}    a.example: *one\n", f"{MERGED}{NEW[1:]}\n    a.example: *one\n"),
        "an aliased number": (
            "\n      generation: &one 1\n    a.example: {generation: *one}\n...\n",
            f"{NEW}\n    a.example: {{generation: &one 1}}\n...\n",
        ),
    },
)
def test_shapes(before, after):
    """
    However the file is laid out, what is added fits in, and an alias is replaced by what it
    becomes.
    """
    newline = "\r\n" if "\r\n" in before else "\n"
    start = "---\nconfig:\n  ses-byodkim:domains:\n    example.com:".replace("\n", newline)
    changes = {"example.com": {"generation": 2, "published": [2, 3]}}
    assert edited(start + before, PATH, changes) == start + after


@cases(
    "domains",
    {
        "an alias": "    example.net: &one\n      generation: 1\n    example.com: *one\n",
        "aliased": "    example.com: &one\n      generation: 1\n    example.net: *one\n",
    },
)
def test_refused(domains):
    """What can't be edited without changing something else is left to the person."""
    text = f"config:\n  ses-byodkim:domains:\n{domains}    a.example: {{generation: 1}}\n"
    change = {"generation": 2, "published": None}
    with pytest.raises(InvalidSettings) as refused:
        edited(text, PATH, {"example.com": change, "a.example": change})
    assert str(refused.value) == (
        'domains["example.com"]: can\'t be edited alone (an alias, or an unusual layout?), '
        "edit the stack file by hand"
    )


def test_refused_within_itself():
    """So is a file with an alias that stands within what it repeats: Pulumi takes none."""
    text = f"encryptionsalt: &a [*a]\nconfig:\n  {KEY}:\n    example.com: {{generation: 1}}\n"
    with pytest.raises(InvalidSettings, match="is not valid YAML"):
        edited(text, PATH, {"example.com": {"generation": 2}})


@cases(
    ("text", "problem"),
    {
        "cut off": ("config: {\n", "line 2: expected the node content, but found '<stream end>'"),
        "twice": ("config:\n  a: MIIEsecret\n  a: MIIEother\n", "line 3: a duplicate key"),
        "a control character": ("config: \x07", "is not valid YAML"),
    },
)
def test_no_stack_file(text, problem):
    """What is wrong with a file is said without quoting it: it may hold a key."""
    with pytest.raises(InvalidSettings) as refused:
        load(text)
    assert refused.value.problems == (problem,)


def test_load():
    """Encrypted values stay what they are, numbers are numbers."""
    config = load(FILE)["config"]
    assert config["aws:region"] == "eu-west-1"
    assert config[KEY]["Example.COM"]["keys"][2]["privateKey"] == {"secure": "v1:def ghi=="}


DIFF = """\
--- stacks/Pulumi.dev.yaml
+++ stacks/Pulumi.dev.yaml
@@ -1,4 +1,5 @@
 config:
   ses-byodkim:domains:
     example.com:
-      generation: 1
\\ No newline at end of file
+      generation: 2
+      published: [1, 2]
\\ No newline at end of file
"""


def test_diff():
    """The difference is one that `patch` takes, with the end of a file that has no line end."""
    before = "config:\n  ses-byodkim:domains:\n    example.com:\n      generation: 1"
    after = edited(before, PATH, {"example.com": {"generation": 2, "published": [1, 2]}})
    assert diff(before, after, "stacks/Pulumi.dev.yaml") == DIFF


def test_diff_of_others():
    """A terminal obeys nothing that somebody wrote near an edit, and no secret there is shown."""
    secret, token = "wJalrXUtnFEMI/K7MDENG", "a2VlcCB0aGlz"
    below = (
        f"  aws:secretKey: {secret}\n"
        f"  other:token: {{value: '{token}'}}\n"
        '  ses-byodkim:privateKeys: {one: "first line\\nlast line"} # \u202elast line\u2028\n'
    )
    before = f"config:\n  {KEY}:\n    example.com: {{generation: 1}}\n{below}"
    shown = diff(before, before.replace(": 1", ": 2"), "Pulumi.dev.yaml")
    assert [line for line in shown.split("\n") if not line.isprintable()] == []
    assert shown.endswith(
        "   aws:secretKey: [secret]\n"
        "   other:token: {value: '[secret]'}\n"
        r'   ses-byodkim:privateKeys: {one: "[secret]\n[secret]"} # \u202e[secret]\u2028' + "\n"
    )


@pytest.mark.parametrize(
    ("leaf", "repeated"),
    [("x", "[{}]"), ("{k: 1}", "{{list: [{}]}}"), ("{k: 1}", "{{<<: [{}], k{depth}: 1}}")],
    ids=["lists", "maps", "merged maps"],
)
def test_aliases_of_aliases(leaf, repeated):
    """A few lines that are millions of values are refused before anything holds these."""
    names = [f"a{depth}" for depth in range(30)]
    lines = [f"a0: &a0 {leaf}"]
    for depth, (before, name) in enumerate(pairwise(names)):
        lines.append(
            f"{name}: &{name} " + repeated.format(", ".join([f"*{before}"] * 9), depth=depth)
        )
    with pytest.raises(InvalidSettings, match="has more than 200000 keys and values"):
        load("\n".join(lines))


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        (None, "/p/Pulumi.dev.yaml"),
        ("stacks", "/p/stacks/Pulumi.dev.yaml"),
        ("/etc", "/p/etc/Pulumi.dev.yaml"),
        ("../up", "/p/../up/Pulumi.dev.yaml"),
    ],
)
def test_folder_of_stack_files(folder, file):
    """The folder is where Pulumi takes it to be: an absolute one is within the project, too."""
    assert Path(file) == stack_file(
        Path("/p/Pulumi.yaml"), {"stackConfigDir": folder}, "org/project/dev"
    )
