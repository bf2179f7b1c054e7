"""
First contact with the real SES: the product's main job there, and questions that AWS's documents
leave open.

Read `__main__` first: it runs from its first line to its last. `safety` has what it may touch, and
what it refuses to. How to run it is in docs/reference/real-ses.md.
"""
