"""
The documentation is followed: its stack files are loaded and its commands are run as they stand.
"""
