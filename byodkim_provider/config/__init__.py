"""
The contents of a stack file: valid keys, their values and defaults, and error messages.

It reads and edits text. It reaches no network, and does not import Pulumi.
"""
