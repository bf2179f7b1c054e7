"""
What runs in a Pulumi program: the component of one domain, its arguments, and what it reads of its own stack.

It may declare resources and read the stack's files. It never runs in the plugin process.
"""
