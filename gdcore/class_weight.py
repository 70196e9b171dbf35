"""Classes that count more: their weights become the samples'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from . import checks_fit
from .batches import Samples
from .losses import CustomLoss, Loss

ClassWeight = Mapping[int, float] | Literal["balanced"]


def class_weighted(data: Samples, class_weight: ClassWeight, loss: Loss | CustomLoss, n_out: int) -> Samples:
    """Samples whose weights are multiplied by those of their classes.

    Parameters
    ----------
    data : Samples
        With labels, or with one target of 0 and 1, or of -1 and 1.
    class_weight : mapping or "balanced"
        Class -> weight >= 0, 1 for a class that is not named. "balanced" gives each class that occurs the same share of
        the whole weight: n / (number of classes * samples of the class), with sample weights their sums.
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
    kind = loss.target if isinstance(loss, Loss) else None
    dtype = data.X.dtype
    if kind == "class" and data.labels is not None:
        numbers: Any = data.labels
        known = range(n_out)
    else:
        target = checks_fit.one_column_of_classes(data.target, kind)
        numbers = target.astype(np.int64)
        known = range(2) if kind == "unit" else range(-1, 2, 2)
    own = np.ones(len(numbers)) if data.weight is None else data.weight.astype(np.float64)
    present, index = np.unique(numbers, return_inverse=True)
    if class_weight == "balanced":
        mass = np.bincount(index, own)
        counted = mass > 0
        factors = np.where(counted, mass.sum() / (counted.sum() * np.where(counted, mass, 1)), 1.0)
    else:
        given = checks_fit.class_weights(class_weight, known)
        factors = np.array([given.get(int(label), 1.0) for label in present])
    weight = (own * factors[index]).astype(dtype)
    checks_fit.some_weight(weight)
    return data._replace(weight=weight)
