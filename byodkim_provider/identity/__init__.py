"""
The life of an SES identity: what is stored, which call comes when, whose it is, and whether it is
verified.

`Services` holds everything that a call may touch: SES, the resolver, the clock. No Pulumi.
"""
