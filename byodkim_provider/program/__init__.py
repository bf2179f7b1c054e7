"""
What a Pulumi program reads of its own stack: the configuration, and whether its secrets are encrypted.

It runs in the program, never in the plugin process. It declares no resource.
"""
