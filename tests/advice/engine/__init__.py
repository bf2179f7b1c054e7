"""Advice that needs the real engine."""
