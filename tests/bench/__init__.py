"""
What a run costs, measured: `make bench`. Counts that must not grow are asserted in
`test_counts.py`.
"""
