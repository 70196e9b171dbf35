"""The full table of problems: those of `gdcore bench`, the large ones, and the headlines of other libraries."""

from gdcore.bench.problems import PROBLEMS as SHIPPED
from gdcore.bench.problems import Problem

HEADLINES = (
    Problem("4-32-16-4", (4, 32, 16, 4), 10_000, 10_000, 1e-3, 32, optimizer="adam"),
    Problem("40-100-100-10", (40, 100, 100, 10), 1, 256, 0.02, 1, activation="relu"),
    Problem("8-1", (8, 1), 1, 256, 0.002, 1),
)
"""SimpleChains.jl's (10,000 rows as one batch, Adam), mlpfile's (one row, relu), and a linear model of one row."""

LONG_EPOCHS = (
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
