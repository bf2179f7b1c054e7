"""
AWS, DNS and mail on one machine, for `make demo` and the tests. The product knows nothing of it.

It listens on loopback only and writes to temporary folders only.
"""
