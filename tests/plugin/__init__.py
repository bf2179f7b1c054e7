"""The plugin for programs in every language, without an engine, which `make languages` has."""
