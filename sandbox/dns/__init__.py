"""Name servers for the zones of the sandbox."""
