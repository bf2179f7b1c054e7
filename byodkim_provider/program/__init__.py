"""
Code that runs in a Pulumi program: the component of a domain, its arguments, and the stack's
configuration.

It declares resources and may read the stack's files. It runs in a Python program, or in the plugin
for other languages, and never in the process of dynamic providers.
"""
