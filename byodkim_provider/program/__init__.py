"""
Code that runs in a Pulumi program: the component of a domain, its arguments, and the stack's
configuration.

It may declare resources and read the stack's files. It never runs in the plugin process.
"""
