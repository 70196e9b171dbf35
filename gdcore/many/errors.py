"""What `fit_many` raises and warns of beyond ValueError and TypeError."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .many import Many


class ModelsDivergedWarning(RuntimeWarning):
    """Some of many models met NaN or infinity; they keep the parameters of their last good step.

    `Many.diverged` tells which, and `Many.stop_reasons` where it happened.

    Examples
    --------
    >>> import warnings, numpy as np, gdcore as gd
    >>> line = gd.LinearModel(1, bias=False, weight_init="ones", dtype="float64")
    >>> rates = gd.SGD(np.array([0.1, 9.0]))
    >>> with warnings.catch_warnings(record=True) as given:
    ...     warnings.simplefilter("always")
    ...     many = gd.fit_many(line, [[1.0]], [0.0], "mse", optimizer=rates, epochs=999)
    >>> many.diverged, given[0].category.__name__
    (array([False,  True]), 'ModelsDivergedWarning')
    """


class InterruptedFits(KeyboardInterrupt):
    """Ctrl-C within `gdcore.fit_many`: the models as they are, in `many`.

    Each model has the parameters of its last whole step; `many.epochs` and `many.stop_reasons` tell how far it came.

    Attributes
    ----------
    many : Many

    Examples
    --------
    >>> import gdcore as gd
    >>> def interrupts(end):
    ...     raise KeyboardInterrupt
    >>> try:
    ...     many = gd.fit_many(gd.LinearModel(1), [[1.0]], [1.0], "mse", n_models=3, stop=interrupts)
    ... except gd.InterruptedFits as error:
    ...     many = error.many
    >>> many.epochs
    array([0, 0, 0])
    """

    def __init__(self, many: Many) -> None:
        done = sum("interrupted" not in reason for reason in many.stop_reasons)
        begun = int(np.count_nonzero(many.epochs)) - done
        part = f", {begun} in part" if begun > 0 else ""
        super().__init__(f"{done} of {len(many)} models are trained{part}: they are in the error's attribute many")
        self.many = many


class SweepBorderWarning(UserWarning):
    """The best point of a `gdcore.sweep` lies at the border of its grid: a better one may lie beyond.

    Examples
    --------
    >>> import warnings, gdcore as gd
    >>> with warnings.catch_warnings(record=True) as given:
    ...     warnings.simplefilter("always")
    ...     rates = {"learning_rate": [0.001, 0.01]}
    ...     found = gd.sweep(gd.LinearModel(1), [[1.0]], [1.0], "mse", grid=rates, seeds=2, epochs=3)
    >>> print(given[0].message)
    the best point lies at the border of the grid, learning_rate=0.01: add values beyond
    """
