"""Definitions in plain Python, written apart from what they judge."""
