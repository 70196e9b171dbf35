"""Measures gdcore beside other libraries: `gdcore bench` from a wheel, `python -m benchmarks` in the repository.

    problem -> workload -> library (in a process of its own) -> task -> runs in turn -> row -> table

`measure.measure` times any call in this process.
"""

from .command import main

__all__ = ["main"]
