"""
Programs in TypeScript, Go and YAML, whose compilers and SDKs take minutes: `make languages` runs
them.
"""
