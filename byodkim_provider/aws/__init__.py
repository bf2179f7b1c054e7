"""
Calls of AWS: SES, Secrets Manager, Route 53 and STS, with one client a service and Region, and their errors.

It may touch AWS and nothing else. It makes no decision: what a response means is decided by the caller.
"""
