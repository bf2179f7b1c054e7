"""
Calls to AWS (SES, Secrets Manager, Route 53, STS), with one client per service and Region, and
their errors.

It may call AWS and nothing else. It makes no decisions: the caller decides what a response means.
"""
