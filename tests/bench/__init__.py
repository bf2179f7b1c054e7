"""Counts of requests, resources, bytes and modules that must not grow."""
