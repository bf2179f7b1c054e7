"""If this fails, a command reads another stack file than Pulumi, or shows a secret of it."""

from pathlib import Path

import pytest

from byodkim_provider.config.stack_file import load, stack_file
from byodkim_provider.errors import InvalidSettings
from tests.support.cases import cases

KEY = "ses-byodkim:domains"

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


@cases(
    ("text", "problem"),
    {
        "cut off": ("config: {\n", "line 2: expected the node content, but found '<stream end>'"),
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
