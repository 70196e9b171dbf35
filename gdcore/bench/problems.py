"""What is measured: networks, batches and data, with the same numbers for every library.

Design
------
- A problem is a record of plain values, so it travels to a library's process as JSON and stands beside its results.
- The samples are a whole number of batches: every step of every library has the same shape.
- The targets are a smooth function plus noise, so gradients neither vanish nor blow up while the clock runs.
- The losses are compared while they still fall fast: a rate 1 % off, or the first or last batch left out, shows.
- The initial parameters are those of a gdcore model of a fixed seed. Every library gets a copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ..datasets import load_digits
from ..models import MLP, Sequential

SEED = 3
NOISE = 0.01
LONG_EPOCH = 10_000
"""Tables name epochs of more steps than this; for them the cost of a call beside its steps is negligible."""


@final
@dataclass(frozen=True)
class Problem:
    """One network and how it is trained.

    Attributes
    ----------
    name : str
        Unique in a table of problems.
    widths : tuple of int
        Features of the input, of each hidden layer and of the output.
    batch, samples : int
        Rows of a batch and of the data; samples is a multiple of batch.
    learning_rate : float
    epochs : int
        The libraries' losses are compared after this many.
    activation : str, default "tanh"
        Of the hidden layers.
    loss, optimizer : str
        By default "mean_squared_error" and "sgd", as gdcore names them.
    data : {"synthetic", "digits"}
    dtype : str, default "float32"
    shuffle : bool, default False
    dropout, l2, clip_norm : float, default 0
        Of the hidden layers; of the weights; of the gradient, 0 for none.
    """

    name: str
    widths: tuple[int, ...]
    batch: int
    samples: int
    learning_rate: float
    epochs: int
    activation: str = "tanh"
    loss: str = "mean_squared_error"
    optimizer: str = "sgd"
    data: str = "synthetic"
    dtype: str = "float32"
    shuffle: bool = False
    dropout: float = 0.0
    l2: float = 0.0
    clip_norm: float = 0.0

    @property
    def steps(self) -> int:
        """Number of steps of one epoch."""
        return self.samples // self.batch

    @property
    def n_params(self) -> int:
        """Number of weights and biases."""
        return sum((n_in + 1) * n_out for n_in, n_out in zip(self.widths, self.widths[1:], strict=False))

    def forward_flops(self, rows: int) -> int:
        """Return the floating-point operations of the forward pass's products for this many rows.

        Examples
        --------
        >>> PROBLEMS[0].widths, PROBLEMS[0].forward_flops(32)
        ((1, 16, 1), 2048)
        """
        return 2 * rows * sum(n_in * n_out for n_in, n_out in zip(self.widths, self.widths[1:], strict=False))

    @property
    def step_flops(self) -> int:
        """The same of a training step: forward, a gradient per weight, and one per input but the data's."""
        return 3 * self.forward_flops(self.batch) - 2 * self.batch * self.widths[0] * self.widths[1]

    @property
    def options(self) -> str:
        """What a step does besides forward, loss, backward and update."""
        return ", ".join(name for name in ("shuffle", "dropout", "l2", "clip_norm") if getattr(self, name))

    @property
    def network(self) -> str:
        """The layers in a table's first column."""
        return ("digits " if self.data == "digits" else "") + "-".join(map(str, self.widths))

    @property
    def label(self) -> str:
        """Layers, batch and what is not the default."""
        parts = [self.network, f"{self.batch:,}"]
        parts += [self.activation] if self.activation != "tanh" else []
        parts += ["logistic"] if self.loss == "binary_cross_entropy" else []
        parts += [self.optimizer] if self.optimizer != "sgd" else []
        parts += [self.dtype] if self.dtype != "float32" else []
        parts += [self.options] if self.options else []
        parts += [f"{self.samples:,}/epoch"] if self.steps > LONG_EPOCH else []
        return ", ".join(parts)


@final
@dataclass(frozen=True)
class Workload:
    """A problem with its numbers.

    Attributes
    ----------
    problem : Problem
    X : ndarray, shape (samples, widths[0])
    y : ndarray
        Targets (samples, widths[-1]), or labels (samples,), int64.
    weights, biases : tuple of ndarray
        Initial parameters, (n_in, n_out) and (n_out,) per layer. All but labels in the problem's precision.
    """

    problem: Problem
    X: NDArray[Any]
    y: NDArray[Any]
    weights: tuple[NDArray[Any], ...]
    biases: tuple[NDArray[Any], ...]


def initial_model(problem: Problem) -> Sequential:
    """Return the gdcore model whose parameters every library starts from."""
    return MLP(problem.widths, problem.activation, dropout=problem.dropout, seed=SEED, dtype=problem.dtype)


def make_workload(problem: Problem) -> Workload:
    """Return data and initial parameters of a problem, equal in every process.

    Raises
    ------
    ValueError
        Where the data have fewer samples than the problem asks for.

    Examples
    --------
    >>> work = make_workload(PROBLEMS[0])
    >>> work.X.shape, work.y.shape, [weight.shape for weight in work.weights]
    ((4096, 1), (4096, 1), [(1, 16), (16, 1)])
    """
    X, y = _digits(problem) if problem.data == "digits" else _synthetic(problem)
    views = [view.copy() for _, view in initial_model(problem).parameters()]
    return Workload(problem, X, y, tuple(views[0::2]), tuple(views[1::2]))


def _digits(problem: Problem) -> tuple[NDArray[Any], NDArray[Any]]:
    samples, digits = problem.samples, load_digits(seed=SEED)
    if samples > len(digits.X):
        raise ValueError(f"samples must be <= {len(digits.X)}, the digits' training set, got {samples}")
    return digits.X[:samples].astype(problem.dtype), digits.y[:samples]


def _synthetic(problem: Problem) -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(SEED)
    n_in, n_out = problem.widths[0], problem.widths[-1]
    X = rng.standard_normal((problem.samples, n_in))
    y = np.tanh(X @ rng.standard_normal((n_in, n_out)) / np.sqrt(n_in))
    y += NOISE * rng.standard_normal(y.shape)
    if problem.loss == "binary_cross_entropy":
        y = y > 0
    return X.astype(problem.dtype), y.astype(problem.dtype)


PROBLEMS = (
    Problem("1-16-1", (1, 16, 1), 32, 4096, 0.03, 1),
    Problem("8-32-32-1", (8, 32, 32, 1), 32, 4096, 0.03, 1),
    Problem("64-128-64-10", (64, 128, 64, 10), 64, 2048, 0.2, 2),
    Problem("784-128-10", (784, 128, 10), 64, 2048, 0.1, 2),
    Problem(
        "digits",
        (64, 128, 10),
        64,
        1408,
        1e-3,
        2,
        activation="relu",
        loss="cross_entropy",
        optimizer="adam",
        data="digits",
    ),
)
"""The problems that `gdcore bench` measures."""
