"""How much of what can be learned a model has learned, and whether its inputs tell anything about the targets.

Design
------
- What can be learned is the difference between the losses of the best constant and of the ideal outputs. The share of
  it that was learned is R2 for mean_squared_error, and the explained share of the deviance for poisson.
- A loss like that of a constant is a fault only if the inputs tell more. Two cheap models decide this, each of which
  predicts a row from the others: least squares, and the mean of the nearest rows. They cost a few products, and are
  fitted only if a rule needs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from ..data.samples import Samples
from ..losses import Loss
from ..objective.ideal import best_constant, ideal_outputs, raw_loss

Vector = NDArray[np.float64]

MAX_ROWS = 500
"""The two models are fitted to at most this many rows, drawn once; the cost grows with their square."""
MIN_ROWS = 20
"""With fewer rows no share can be told from chance, and there is no answer."""
NEAREST = 5
RIDGE = 1.0
"""This is added to the sums of squares of the standardized columns."""
CHANCE = 8.0
"""A share counts only if it exceeds this number divided by the number of rows; less could be chance."""
SEED = 0


@final
@dataclass(frozen=True)
class Learning:
    """Losses without penalties, and the shares of what can be learned that were learned.

    Attributes
    ----------
    constant_loss, ideal_loss : float
        Of the best constant outputs, and of the best outputs for each row.
    share : float
        What the outputs have taken off the first, over what the second would; NaN where there is nothing to learn.
    column_shares : ndarray, shape (k,)
        The same for each output; of cross_entropy, whose outputs have one loss, `share` alone, shape (1,).
    """

    constant_loss: float
    ideal_loss: float
    share: float
    column_shares: Vector


def learning_of(data: Samples, loss: Loss, outputs: Vector) -> Learning:
    """Return what raw outputs (n, k) have learned of the targets.

    Examples
    --------
    >>> from gdcore.losses import MeanSquaredError
    >>> target = np.array([[1.0], [3.0]])
    >>> found = learning_of(Samples(target, target, None, None, target), MeanSquaredError(), target / 2)
    >>> found.constant_loss, found.share
    (1.0, -0.25)
    """
    whole = _shares(data, loss, outputs)
    if loss.whole_rows or outputs.shape[1] == 1:
        return Learning(*whole, np.array([whole[2]]))
    assert data.target is not None
    columns = [
        _shares(data._replace(target=data.target[:, i : i + 1]), loss, outputs[:, i : i + 1])[2]
        for i in range(outputs.shape[1])
    ]
    return Learning(*whole, np.array(columns))


def _shares(data: Samples, loss: Loss, outputs: Vector) -> tuple[float, float, float]:
    k = outputs.shape[1]
    ideal = raw_loss(data, loss, ideal_outputs(data, loss, k))[0]
    constant = raw_loss(data, loss, np.broadcast_to(best_constant(data, loss, k), outputs.shape))[0]
    room = constant - ideal
    if not room > 1e-9 * abs(constant):
        return constant, ideal, np.nan
    return constant, ideal, (constant - raw_loss(data, loss, outputs)[0]) / room


def share_of_variance(loss: Loss, share: float) -> float:
    """Convert a share of the loss learned to a rough share of squared error; it is larger if the loss grows linearly
    with the error.

    Examples
    --------
    >>> from gdcore.losses import MeanAbsoluteError, MeanSquaredError
    >>> share_of_variance(MeanSquaredError(), 0.75), share_of_variance(MeanAbsoluteError(), 0.5)
    (0.75, 0.75)
    """
    return share if loss.kink not in ("residual", "bent") or share <= 0 else 1 - (1 - share) ** 2


@final
@dataclass(frozen=True)
class Teachable:
    """Shares of the targets' variance that two simple models explain, each row from the others, beyond chance.

    Attributes
    ----------
    line, neighbours : ndarray, shape (k,)
        Of least squares, and of the mean of the nearest rows; of classes one number for all of them.
    """

    line: Vector
    neighbours: Vector

    @property
    def best(self) -> Vector:
        """The larger of the two shares, for each output."""
        return np.maximum(self.line, self.neighbours)

    @property
    def share(self) -> float:
        """The share that the better model explains, averaged over outputs; 0 if it explains nothing."""
        return max(float(self.line.mean()), float(self.neighbours.mean()), 0.0)


def teachable(inputs: Vector, data: Samples, loss: Loss) -> Teachable | None:
    """Return what the inputs (n, in_features) tell about the targets; None if there are too few rows.

    Examples
    --------
    >>> from gdcore.losses import MeanSquaredError
    >>> x = np.linspace(-1, 1, 100)[:, None]
    >>> found = teachable(x, Samples(x, x**2, None, None, x**2), MeanSquaredError())
    >>> found.line.item() < 0.05, found.neighbours.item() > 0.9
    (True, True)
    """
    rows = np.flatnonzero(np.ones(len(inputs)) if data.weight is None else data.weight)
    if len(rows) < MIN_ROWS:
        return None
    if len(rows) > MAX_ROWS:
        rows = np.random.default_rng(SEED).choice(rows, MAX_ROWS, replace=False)
    if data.labels is not None:
        Y = np.eye(int(data.labels.max()) + 1)[data.labels[rows]]
    else:
        assert data.target is not None
        Y = data.target[rows].astype(np.float64)
    Y = np.log1p(Y) if loss.target == "nonnegative" else Y
    X, Y = _standardized(inputs[rows]), _centred(Y)
    chance = CHANCE / len(rows)
    sums = (lambda a: np.atleast_1d(a.sum())) if loss.target == "class" else (lambda a: a.sum(axis=0))
    size = np.maximum(sums(Y**2), np.finfo(float).tiny)
    line = 1 - sums(_left_by_line(X, Y) ** 2) / size
    near = _centred(_mean_of_nearest(X, Y))
    neighbours = sums(near * Y) ** 2 / size / np.maximum(sums(near**2), np.finfo(float).tiny)
    return Teachable(line - chance, neighbours - chance)


def _centred(A: Vector) -> Vector:
    """Return the columns with mean 0 and largest size 1, so that no square overflows."""
    A = A / np.maximum(np.abs(A).max(axis=0), np.finfo(float).tiny)
    return np.asarray(A - A.mean(axis=0))


def _standardized(X: Vector) -> Vector:
    """Return the columns that vary, scaled to deviation 1."""
    X = _centred(X)
    deviation = X.std(axis=0)
    varies = deviation > 1e-9
    return np.asarray(X[:, varies] / deviation[varies])


def _left_by_line(X: Vector, Y: Vector) -> Vector:
    """Return each row's residual from the least squares fit to the other rows, shape of Y."""
    left, values, _ = np.linalg.svd(X, full_matrices=False)
    kept = left * (values**2 / (values**2 + RIDGE))
    own = (kept * left).sum(axis=1) + 1 / len(X)
    return np.asarray((Y - kept @ (left.T @ Y)) / np.maximum(1 - own, 1 / len(X))[:, None])


def _mean_of_nearest(X: Vector, Y: Vector) -> Vector:
    """Return the mean target of each row's nearest other rows, shape of Y."""
    squares = (X**2).sum(axis=1)
    distance = squares[:, None] + squares - 2 * (X @ X.T)
    np.fill_diagonal(distance, np.inf)
    nearest = np.argpartition(distance, NEAREST, axis=1)[:, :NEAREST]
    return np.asarray(Y[nearest].mean(axis=1))
