"""
How a TXT record gets into DNS from a Pulumi program: one provider a file, one small interface.

It may declare resources. It sends no request to a DNS host itself: the resources do.
"""
