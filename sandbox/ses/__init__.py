"""
Amazon SES v2, emulated: strict where SES is strict, lenient where it is; the unknown is a switch.
"""
