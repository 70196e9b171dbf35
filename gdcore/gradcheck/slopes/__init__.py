"""Slopes of any function from differences of its values."""
