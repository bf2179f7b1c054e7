"""
Where a private key is kept other than in the stack's state: AWS Secrets Manager.

It may read, write and delete secrets that carry our tags. No Pulumi.
"""
