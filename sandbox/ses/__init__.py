"""
Amazon SES v2, emulated: strict where SES is strict, lenient where SES is lenient.

What is not known of SES is a switch in `switches`, and the tests run it both ways.
"""
