"""
The domains in a Python program of one's own, by dynamic resources; each waits for its verification.
"""

import json
import os
from pathlib import Path

from pydantic.alias_generators import to_snake

from byodkim_provider import ByodkimDomain, ByodkimDomainArgs

for domain, inputs in json.loads(Path(os.environ["BENCH_DOMAINS"]).read_text()).items():
    arguments = {to_snake(name): value for name, value in inputs.items()}
    ByodkimDomain(domain, ByodkimDomainArgs(domain=domain, **arguments))
