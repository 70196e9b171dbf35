"""The optimizers on any function."""
