"""
Mail sent through the sandbox's SES, a sink that receives it, and the verdict of a DKIM verifier.
"""
