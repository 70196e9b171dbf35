"""Slopes of any function from its differences."""
