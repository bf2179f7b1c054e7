"""
The contents of a stack file: valid keys, their values and defaults, and error messages.

It takes text and values, and opens no file. It reaches no network, and does not import Pulumi.
"""
