"""The Pulumi engine, the project as it runs in the sandbox, and stand-ins for two plugins."""
