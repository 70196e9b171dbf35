"""Fits on real data sets, scored on rows that were held out: `python -m benchmarks real`."""
