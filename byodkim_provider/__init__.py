"""Bring your own DKIM to Amazon SES with Pulumi."""
