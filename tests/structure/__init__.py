"""
Tests of the source itself: layers, sizes, words, and the picture in
docs/explanation/architecture.md.
"""
