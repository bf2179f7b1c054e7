"""The plugin `byodkim`, as the engine starts it."""

from byodkim_provider.plugin.servicer import main

main()
