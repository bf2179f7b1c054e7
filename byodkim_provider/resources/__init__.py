"""
The dynamic resources: one per file, what a program declares, and its provider in the file beside it.

The provider (`dkim_key_provider.py`) translates between Pulumi's plain values and the packages below, and
decides nothing that could be decided without Pulumi. Only the plugin process loads it: a program imports
neither AWS nor DNS for a resource.
"""
