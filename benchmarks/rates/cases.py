"""Random cases: a data set, a network, a loss, an optimizer and a batch size, drawn from a seed.

Design
------
- Every data set comes equally often, and every optimizer; the rest is drawn for each case.
- The initial weights are not the case's: each of its runs draws others.
"""

from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from typing import Any, final

import numpy as np

import gdcore as gd
from gdcore.optimizers import Optimizer

from .data import SOURCES, Data, Source

SEED = 0
CASES = 200
GRID = 11
"""Rates that are tried for the best one, half a decade apart."""

LOSSES: dict[str, tuple[str, ...]] = {
    "real": ("mse", "mse", "mae", "huber", "log_cosh", "quantile"),
    "count": ("poisson",),
    "two": ("bce", "bce", "hinge", "squared_hinge", "cross_entropy"),
    "class": ("cross_entropy",),
}
HIDDEN: tuple[tuple[int, ...], ...] = ((), (), (8,), (32,), (128,), (32, 32), (64, 64), (16, 16, 16, 16))
ACTIVATIONS = ("relu", "tanh", "gelu", "silu", "elu", "sigmoid", "leaky_relu", "softplus", "selu")
OPTIMIZERS: tuple[tuple[Optimizer, float], ...] = (
    (gd.SGD(), 1e-5),
    (gd.SGD(momentum=0.9), 1e-5),
    (gd.SGD(momentum=0.9, nesterov=True), 1e-5),
    (gd.SGD(), 1e-5),
    (gd.Adam(), 1e-5),
    (gd.AdamW(), 1e-5),
    (gd.RMSprop(), 1e-5),
    (gd.SGD(momentum=0.9), 1e-5),
    (gd.Adagrad(), 1e-4),
    (gd.NAdam(), 1e-5),
    (gd.RAdam(), 1e-5),
    (gd.Adamax(), 1e-5),
    (gd.Adadelta(), 1e-3),
    (gd.Lion(), 1e-6),
)
"""Each with the lowest rate of the grid; the highest one is 100,000 times that."""
BATCHES = (32, 32, 32, 8, 128)


@final
@dataclass(frozen=True)
class Case:
    """What is trained.

    Attributes
    ----------
    number : int
    source : Source
    hidden : tuple of int
        Widths.
    activation, loss : str
    optimizer : Optimizer
        Its rate is not used.
    lowest : float
        Of the grid.
    batch_size : int
    """

    number: int
    source: Source
    hidden: tuple[int, ...]
    activation: str
    loss: str
    optimizer: Optimizer
    lowest: float
    batch_size: int

    @property
    def label(self) -> str:
        net = "-".join(map(str, self.hidden)) + f" {self.activation}" if self.hidden else "linear"
        return f"{self.source.name}; {net}; {self.loss}; {optimizer_name(self.optimizer)}; {self.batch_size}"

    @property
    def rates(self) -> np.ndarray:
        """The grid, shape (GRID,)."""
        return np.geomspace(self.lowest, 1e5 * self.lowest, GRID)

    def data(self) -> Data:
        """Inputs and targets, in the loss's form."""
        X, y = read(self.source)
        if self.source.kind != "two" or self.loss == "cross_entropy":
            return Data(X, y)
        return Data(X, (2.0 * y - 1 if "hinge" in self.loss else y.astype(np.float64))[:, None])

    def net(self, seed: int) -> gd.Sequential:
        """With the initial weights of a seed."""
        X, y = self.data()
        widths = [X.shape[1], *self.hidden, int(y.max()) + 1 if y.ndim == 1 else 1]
        return gd.MLP(widths, self.activation, seed=seed)

    def at(self, rate: float) -> Optimizer:
        """The optimizer with a rate."""
        return replace(self.optimizer, learning_rate=rate)  # type: ignore[type-var]  # each is a dataclass


@cache
def read(source: Source) -> Data:
    """A data set, read once."""
    return source.read()


def optimizer_name(optimizer: Optimizer) -> str:
    """Its class and, of momentum, the kind."""
    name = type(optimizer).__name__
    if isinstance(optimizer, gd.SGD) and optimizer.momentum:
        name += f" {'Nesterov ' if optimizer.nesterov else 'momentum '}{optimizer.momentum:g}"
    return name


def draw(seed: int = SEED, cases: int = CASES) -> list[Case]:
    """So many cases."""
    rng = np.random.default_rng(seed)

    def pick(options: Any) -> Any:
        return options[rng.integers(len(options))]

    drawn = []
    for number in range(cases):
        if number % len(OPTIMIZERS) == 0:
            rules = rng.permutation(len(OPTIMIZERS))
        source = SOURCES[number % len(SOURCES)]
        optimizer, lowest = OPTIMIZERS[rules[number % len(OPTIMIZERS)]]
        drawn.append(
            Case(
                number,
                source,
                pick(HIDDEN),
                pick(ACTIVATIONS),
                pick(LOSSES[source.kind]),
                optimizer,
                lowest,
                pick(BATCHES),
            )
        )
    return drawn


def missing() -> set[str]:
    """Packages that data sets need and that are not installed."""
    return {source.needs for source in SOURCES if find_spec(source.needs) is None}
