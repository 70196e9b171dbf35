"""The full table of problems: those of `gdcore bench`, the large ones, and the headlines of other libraries."""

from gdcore.bench.problems import PROBLEMS as SHIPPED
from gdcore.bench.problems import Problem

HEADLINES = (
    Problem("4-32-16-4", (4, 32, 16, 4), 10_000, 10_000, 1e-3, 32, optimizer="adam"),
    Problem("40-100-100-10", (40, 100, 100, 10), 1, 256, 0.02, 1, activation="relu"),
)
"""SimpleChains.jl's (10,000 rows as one batch, Adam) and mlpfile's (one row, relu)."""

PROBLEMS = (
    Problem("1-1", (1, 1), 2, 2048, 1e-3, 1),
    *SHIPPED,
    Problem("784-512-512-10", (784, 512, 512, 10), 256, 1024, 0.2, 2),
    Problem("1024-1024-1024-1024", (1024, 1024, 1024, 1024), 512, 1024, 8.0, 2),
    *HEADLINES,
)
