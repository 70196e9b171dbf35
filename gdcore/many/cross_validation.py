"""`cross_validate`: a model for each fold, trained on the other folds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base import checks
from ..base.calls import explains_calls
from ..base.defaults import DEFAULTS
from ..base.not_arrays import refuse_source
from ..data.class_weight import ClassWeight
from ..layers.stack import Model
from ..losses import CustomLoss, Loss, get_loss
from ..metrics import Metrics
from ..optimizers import Optimizer
from ..optimizers.full_batch import FullBatch
from ..training.stopping.base import StopSpec
from . import checks as many_checks
from .data import n_rows, numbers_of_groups
from .fit_many import fit_many
from .many import Many

STREAM = 0xF01D
"""Seeds the folds together with the seed."""


@final
@dataclass(frozen=True, eq=False, repr=False)
class CrossValidation:
    """What `gdcore.cross_validate` returns.

    Attributes
    ----------
    many : Many
        A model for each fold.
    test_rows : list of ndarray
        Rows that each model was not trained on.
    values : dict of str to ndarray, shape (n_folds,)
        "val_loss" and the metrics ("val_r2", …) on these rows, after each model's last epoch.
    n_rows : int
        Number of rows that were cross-validated.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> X = np.linspace(-1, 1, 40)[:, None]
    >>> found = gd.cross_validate(gd.LinearModel(1), X, 3 * X, "mse", folds=4, optimizer=gd.SGD(0.3), epochs=30)
    >>> found.values["val_loss"].shape, bool(found.mean["val_loss"] < 1e-4)
    ((4,), True)
    """

    many: Many
    test_rows: list[NDArray[np.int64]]
    values: dict[str, NDArray[np.float64]]
    n_rows: int

    @property
    def mean(self) -> dict[str, float]:
        """The mean of each value over the folds."""
        return {name: float(np.mean(found)) for name, found in self.values.items()}

    @property
    def std(self) -> dict[str, float]:
        """The standard deviation of each value over the folds, with n_folds - 1 in the denominator."""
        return {name: float(np.std(found, ddof=1)) if len(found) > 1 else 0.0 for name, found in self.values.items()}

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return outputs for the rows of the same X, each by the model that was not trained on it.

        Returns
        -------
        ndarray, shape (n, out_features)
            NaN for rows that no fold has tested; of several models, the mean.

        Raises
        ------
        ValueError
            If X has another number of rows than were cross-validated.
        """
        rows = checks.plain_array("X", X)
        many_checks.rows_of_folds(n_rows(rows), self.n_rows)
        shape = self.many.shapes[0].stack
        total, times = np.zeros((len(rows), shape.out_features)), np.zeros(len(rows))
        for model, test in zip(self.many, self.test_rows, strict=True):
            total[test] += model.predict(rows[test])
            times[test] += 1
        found = np.where(times[:, None] > 0, total / np.maximum(times, 1)[:, None], np.nan)
        return found.astype(shape.dtype)

    def __repr__(self) -> str:
        values = [f"{name}={self.mean[name]:.4g} ± {self.std[name]:.2g}" for name in self.values]
        return f"CrossValidation({', '.join([f'{len(self.many)} folds', *values])})"


@explains_calls
def cross_validate(
    net: Model,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss | CustomLoss | None = None,
    *,
    folds: Any = 5,
    groups: ArrayLike | None = None,
    seed: int = 0,
    sample_weight: ArrayLike | None = None,
    class_weight: ClassWeight | None = None,
    optimizer: str | Optimizer | FullBatch = DEFAULTS.optimizer,
    epochs: int | None = None,
    batch_size: int = DEFAULTS.batch_size,
    l1: float = DEFAULTS.l1,
    l2: float = DEFAULTS.l2,
    metrics: Metrics = (),
    stop: StopSpec | Iterable[StopSpec] = (),
    executor: Any = None,
    threads: int | None = None,
    progress: bool = False,
) -> CrossValidation:
    """Train a model for each fold on the other folds, and measure it on its own.

    Parameters
    ----------
    net, X, y, loss, sample_weight, class_weight
        As in `gdcore.fit_many`, shared by all models.
    folds : int, splitter, or sequence of (train, test), default 5
        A number of folds, which are drawn with the seed, for labels without groups the same share of each class; an
        object with ``split(X, y, groups)``, as scikit-learn's are; or pairs of index arrays.
    groups : array_like, shape (n,), optional
        An id for each row. With a number of folds, the rows of a group are all in one fold, and the folds are of about
        equal size; a splitter is given them; pairs of index arrays take none.
    seed : int, default 0
        Of the folds and of the first model; the others have those that follow.
    optimizer, epochs, batch_size, l1, l2, metrics, stop, executor, threads, progress
        As in `gdcore.fit_many`. A criterion that watches "val_loss" sees the fold on which the model is measured.

    Returns
    -------
    CrossValidation

    Raises
    ------
    TypeError, ValueError
        As `gdcore.fit_many`; for more folds than rows or groups, and for groups beside pairs of index arrays.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(90, 2))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> net = gd.Sequential(gd.Dense(2, 2))
    >>> found = gd.cross_validate(net, X, y, "cross_entropy", folds=3, metrics="accuracy", epochs=5)
    >>> found.values["val_accuracy"].shape, found.predict(X).shape
    ((3,), (90, 2))
    """
    refuse_source("X", X)
    if loss is None:
        raise many_checks.missing_loss()
    kind = get_loss(loss)
    checks.integer("seed", seed, 0, 2**63)
    labels = isinstance(kind, Loss) and kind.target == "class"
    pairs = _pairs(folds, X, y, groups, seed, labels)
    train, test = zip(*pairs, strict=True)
    many = fit_many(
        net,
        X,
        y,
        kind,
        seeds=range(seed, seed + len(pairs)),
        rows=train,
        validation_rows=test,
        sample_weight=sample_weight,
        class_weight=class_weight,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
        l1=l1,
        l2=l2,
        metrics=metrics,
        stop=stop,
        executor=executor,
        threads=threads,
        progress=progress,
    )
    values = {name: many.values(name) for name in many.columns if name.startswith("val_")}
    n = n_rows(X)
    return CrossValidation(many, many_checks.index_arrays("folds", test, n), values, n)


def _pairs(folds: Any, X: Any, y: Any, groups: Any, seed: int, labels: bool) -> list[tuple[Any, Any]]:
    """Return index arrays (train, test) of each fold."""
    n = n_rows(X)
    if isinstance(folds, int | np.integer):
        count = many_checks.number_of_folds(folds, n)
        if groups is not None:
            fold_of = _fold_of_groups(groups, n, count, seed)
        else:
            fold_of = _fold_of(n, count, seed, checks.plain_array("y", y) if labels else None)
        return [(np.flatnonzero(fold_of != i), np.flatnonzero(fold_of == i)) for i in range(count)]
    split = None if isinstance(folds, str) else getattr(folds, "split", None)
    if split is None:
        pairs = many_checks.pairs_of_rows(folds)
        many_checks.no_groups_beside_pairs(groups)
        return pairs
    return many_checks.pairs_of_rows(split(X, y, groups))


def _fold_of(n: int, folds: int, seed: int, labels: NDArray[Any] | None) -> NDArray[np.int64]:
    """Return the fold of each row (n,): of sizes that differ by one at most, with the same share of each class."""
    order = np.random.default_rng((seed, STREAM)).permutation(n)
    if labels is not None and labels.ndim == 1:
        order = order[np.argsort(labels[order], kind="stable")]
    found = np.empty(n, np.int64)
    found[order] = np.arange(n) % folds
    return found


def _fold_of_groups(groups: Any, n: int, folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each row (n,): rows of a group in one, the largest groups first, each into the smallest fold.

    Groups of the same size are taken in an order drawn with the seed.
    """
    ids, number_of = numbers_of_groups(groups, n)
    many_checks.enough_groups(len(ids), folds)
    sizes = np.bincount(number_of, minlength=len(ids))
    order = np.random.default_rng((seed, STREAM)).permutation(len(ids))
    found, totals = np.empty(len(ids), np.int64), np.zeros(folds, np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        found[group] = np.argmin(totals)
        totals[found[group]] += sizes[group]
    return found[number_of]
