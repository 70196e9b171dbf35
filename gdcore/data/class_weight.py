"""Class weights, which multiply the sample weights in the loss but not in metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..losses import CustomLoss, Loss
from . import checks as data_checks
from .samples import Samples

ClassWeight = Mapping[int, float] | Literal["balanced"]


def class_weighted(data: Samples, class_weight: ClassWeight, loss: Loss | CustomLoss, n_out: int) -> Samples:
    """Return samples whose weights are multiplied by those of their classes.

    Parameters
    ----------
    data : Samples
        Samples with labels, or with one target of 0 and 1, or of -1 and 1.
    class_weight : mapping or "balanced"
        Class -> weight >= 0; a class that is not named has weight 1. "balanced" gives each class that occurs the same
        share of the whole weight: n / (number of classes * samples of the class), or the same with sums of sample
        weights.
    loss : Loss or callable
    n_out : int
        Outputs of the model.

    Raises
    ------
    TypeError, ValueError
        For targets that are not classes, and for a class that does not exist.

    References
    ----------
    King, Zeng (2001), "Logistic regression in rare events data".

    Examples
    --------
    >>> from gdcore.losses import CrossEntropy
    >>> labels = np.array([0, 0, 0, 1])
    >>> data = Samples(np.ones((4, 1)), None, labels, None, labels)
    >>> class_weighted(data, "balanced", CrossEntropy(), 2).weight.round(3)
    array([0.667, 0.667, 0.667, 2.   ])
    """
    found = with_factors(data, class_factors(data, class_weight, loss, n_out), loss, n_out)
    assert found.weight is not None
    data_checks.some_weight(found.weight.any())
    data_checks.sum_in_range("class_weight", found.weight)
    return found


def with_factors(data: Samples, factors: Mapping[int, float], loss: Loss | CustomLoss, n_out: int) -> Samples:
    """Return samples whose weights are multiplied by the factors of their classes, 1 where there is none."""
    numbers, known = _classes(data, loss, n_out)
    of_class = np.ones(known[-1] - known[0] + 1)
    for label, factor in factors.items():
        of_class[label - known[0]] = factor
    with np.errstate(over="ignore"):
        weight = (_own_weights(data) * of_class[numbers - known[0]]).astype(data.X.dtype)
    return data._replace(weight=weight)


def class_factors(data: Samples, class_weight: ClassWeight, loss: Loss | CustomLoss, n_out: int) -> dict[int, float]:
    """Return the weights of classes, computing "balanced" ones from these samples; see `class_weighted`.

    Examples
    --------
    >>> from gdcore.losses import CrossEntropy
    >>> labels = np.array([0, 0, 0, 1])
    >>> class_factors(Samples(np.ones((4, 1)), None, labels, None, labels), "balanced", CrossEntropy(), 2)[1]
    2.0
    """
    return factors_of(class_sums(data, loss, n_out), class_weight)


class ClassSums(NamedTuple):
    """The possible classes, and the sum of the weights of each of them, which follow one another by 1."""

    known: range
    weight: NDArray[np.float64]

    def joined(self, other: ClassSums) -> ClassSums:
        """Return the sums of both parts of the data."""
        return self._replace(weight=self.weight + other.weight)


def class_sums(data: Samples, loss: Loss | CustomLoss, n_out: int) -> ClassSums:
    """Return the weight of each class in these samples."""
    numbers, known = _classes(data, loss, n_out)
    length = known[-1] - known[0] + 1
    return ClassSums(known, np.bincount(numbers - known[0], _own_weights(data), length).astype(np.float64))


def factors_of(sums: ClassSums, class_weight: ClassWeight) -> dict[int, float]:
    """Check class weights and return them as a dict, computing "balanced" ones from the classes' sums."""
    known, weight_of_class = sums
    if not (isinstance(class_weight, str) and class_weight == "balanced"):
        return data_checks.class_weights(class_weight, known)
    counted = weight_of_class > 0
    present = weight_of_class[counted]
    factors = present.sum() / (len(present) * present)
    return dict(zip((np.flatnonzero(counted) + known[0]).tolist(), factors.tolist(), strict=True))


def _classes(data: Samples, loss: Loss | CustomLoss, n_out: int) -> tuple[NDArray[np.int64], range]:
    """Return the class of each sample (n,), and the possible classes."""
    kind = loss.target if isinstance(loss, Loss) else None
    if kind == "class" and data.labels is not None:
        return data.labels, range(n_out)
    target = data_checks.one_column_of_classes(data.target, kind)
    return target.astype(np.int64), range(2) if kind == "unit" else range(-1, 2, 2)


def _own_weights(data: Samples) -> NDArray[np.float64]:
    """Return the weights (n,) before class weights."""
    return np.ones(len(data.X)) if data.weight is None else data.weight.astype(np.float64)
