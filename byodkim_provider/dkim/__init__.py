"""
Keys, TXT records and generations, as RFC 6376 and SES define them.

Values in, values out: no network, no clock, no Pulumi, no AWS.
"""
