"""Tests of the source itself: layers, sizes and words."""
