"""
First contact with the real SES: the product's main job there, and a prober of what is not documented.

boto3, DNS and mail only. Against the sandbox, waiting moves the sandbox's clock; against AWS, it waits.
What it may touch, and what it refuses to, is in `safety`. How to run it is in docs/reference/real-ses.md.
"""
