"""Measures gdcore beside every peer: `python -m benchmarks`."""
