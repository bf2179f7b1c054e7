"""
Checks the rule by which the domains of this project are split over stacks: by their first letter or
digit.

The stack `0-h` has the domains that begin with a digit, or with a letter from `a` to `h`: digits
sort before letters. So everybody knows which file a domain is in, and no domain is in two stacks.
Run it in the folder of `Pulumi.yaml`, in CI before `pulumi up`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from byodkim_provider.config import stack_file

__all__ = ["misplaced"]


def misplaced(folder: Path) -> list[str]:
    """One line for each domain below *folder* that is in another stack than the rule says."""
    problems = []
    for file in sorted(folder.glob("Pulumi.*.yaml")):
        first, _, last = file.stem.removeprefix("Pulumi.").partition("-")
        domains = stack_file.load(file.read_text(encoding="utf-8"))["config"]["ses-byodkim:domains"]
        problems += [
            f"{file.name}: {domain} does not begin with a letter or digit from {first} to {last}"
            for domain in domains
            if not first <= domain[0].lower() <= last
        ]
    return problems


if __name__ == "__main__":
    sys.exit("\n".join(misplaced(Path("stacks"))) or 0)
