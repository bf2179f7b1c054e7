"""
The life of an SES identity: what is stored, which call comes when, whose it is, and whether it is verified.

Everything outside comes in as an `Outside`: SES, the resolver, the clock. No Pulumi.
"""
