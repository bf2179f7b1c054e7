"""
Keeps private keys outside of the stack's state: in AWS Secrets Manager.

It may read, write and delete secrets that carry our tags. No Pulumi.
"""
