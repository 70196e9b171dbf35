"""The full table of problems: those of `gdcore bench`, large ones, odd shapes, and the headlines of other libraries."""

from gdcore.bench.problems import PROBLEMS as SHIPPED
from gdcore.bench.problems import Problem

HEADLINES = (
    Problem("4-32-16-4", (4, 32, 16, 4), 10_000, 10_000, 1e-3, 32, optimizer="adam"),
    Problem("40-100-100-10", (40, 100, 100, 10), 1, 256, 0.02, 1, activation="relu"),
    Problem("8-1", (8, 1), 1, 256, 0.002, 1),
)
"""SimpleChains.jl's (10,000 rows as one batch, Adam), mlpfile's (one row, relu), and a linear model of one row."""

SHAPES = (
    Problem("20-1", (20, 1), 1, 256, 0.002, 1),
    Problem("4-8-2", (4, 8, 2), 1, 8192, 1e-4, 1),
    Problem("40-100-100-10 tanh", (40, 100, 100, 10), 1, 1024, 0.2, 1),
    Problem("3-5-2", (3, 5, 2), 16, 32_768, 1e-3, 1),
    Problem("4-8-1", (4, 8, 1), 16, 32_768, 3e-4, 1),
    Problem("12-24-24-4", (12, 24, 24, 4), 32, 16_384, 0.005, 1),
    Problem("20-20-20-20", (20, 20, 20, 20), 24, 12_288, 1.0, 1),
    Problem("2-16-16-1", (2, 16, 16, 1), 64, 32_768, 3e-4, 1),
    Problem("10-17-17-3", (10, 17, 17, 3), 64, 32_768, 0.002, 1),
    Problem("8-40-40-1", (8, 40, 40, 1), 128, 16_384, 0.002, 1),
    Problem("1-50-50-50-1", (1, 50, 50, 50, 1), 256, 8192, 0.002, 1),
    Problem("1000-900-1100-50", (1000, 900, 1100, 50), 400, 1600, 2.0, 2),
)
"""Widths and batches that fill no vector evenly, single rows, and a large net of odd widths."""

LONG_EPOCHS = (
    Problem("1-1 long", (1, 1), 2, 65_536, 5e-5, 1),
    Problem("8-1 long", (8, 1), 1, 65_536, 2e-5, 1),
    Problem("20-1 long", (20, 1), 1, 65_536, 2e-5, 1),
    Problem("20-1 logistic long", (20, 1), 1, 65_536, 1e-4, 1, loss="binary_cross_entropy"),
)
"""What SGDRegressor and SGDClassifier are made for: one `partial_fit` of so many rows that its checks cost nothing."""

PROBLEMS = (
    Problem("1-1", (1, 1), 2, 2048, 1e-3, 1),
    *SHIPPED,
    Problem("784-512-512-10", (784, 512, 512, 10), 256, 1024, 0.2, 2),
    Problem("1024-1024-1024-1024", (1024, 1024, 1024, 1024), 512, 1024, 8.0, 2),
    *HEADLINES,
    *SHAPES,
    *LONG_EPOCHS,
)

WIDTHS = tuple(Problem("10-w-w-10", (10, w, w, 10), 128, 1024, 1e-3, 2, optimizer="adam") for w in range(40, 51))
"""Around the width at which PyTorch begins to share a small network out to every core."""


def layer(name: str, batch: int, n_in: int, n_out: int, dtype: str = "float32") -> Problem:
    """One layer, for its products."""
    return Problem(name, (n_in, n_out), batch, batch, 0.1, 1, dtype=dtype)


def layers(problem: Problem) -> list[Problem]:
    """The layers of a network, each by itself."""
    pairs = zip(problem.widths, problem.widths[1:], strict=False)
    return [layer("layers", problem.batch, *pair) for pair in pairs]
