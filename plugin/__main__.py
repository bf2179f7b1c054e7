"""The plugin `byodkim`, as the engine starts it."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 # whoever has an older one is told so
    found = "{}.{}".format(*sys.version_info)
    sys.exit(f"byodkim: the plugin needs Python 3.11 or later, and {sys.executable} is {found}")

from byodkim_provider.plugin.servicer import main

main()
