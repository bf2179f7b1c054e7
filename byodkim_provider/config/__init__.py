"""
What may stand in a stack file: its keys, their values and defaults, and what is wrong with them.

It reads and edits text. It reaches no network, and does not import Pulumi.
"""
