"""
Advice is tested by following it: a test does what a hint says, and nothing else, and comes out
right.
"""
