"""
Bad input at every door: whatever comes in, out comes a value or an error that was meant.

`python -m tests.fuzz --cases N` puts N of them, `test_fuzz` a few in each run of the suite. What
once went wrong stays in a target's regressions. No network, no waiting.
"""
