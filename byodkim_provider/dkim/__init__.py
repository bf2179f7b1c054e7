"""
Keys, TXT records and generations, as RFC 6376 and SES define them, and a secret that holds a key.

Values in, values out: no network, no clock, no Pulumi.
"""
