"""
The dynamic resources: one per file, with its provider.

The provider translates between Pulumi's plain values and the packages below, and runs in the plugin process.
It decides nothing that could be decided without Pulumi.
"""
