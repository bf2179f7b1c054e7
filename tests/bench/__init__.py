"""
What a run costs, measured in engine's prices: `make bench`. Counts that must not grow are asserted
in `test_counts.py`.
"""
