"""Beside ours: `plain`, which users would write without it, and `price`, the engine's own price."""
