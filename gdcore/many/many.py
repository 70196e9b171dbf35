"""`Many`, the models that `fit_many` has trained.

Design
------
- All parameters are one flat vector, model by model: for models of one size `params` is a matrix, and an engine trains
  its rows in place. A model as a `Sequential` is made when it is asked for, with a copy of its row.
- Questions about all models (losses, stops) are answered from arrays, without making models.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base import checks
from ..base.calls import explains_calls
from ..base.later import later
from ..base.optional import data_frame
from ..losses import CustomLoss, Loss
from ..losses.base import name_of
from ..models.sequential import Sequential, restore
from ..training.history import History
from . import checks as many_checks
from .answers import losses_of, mean_std, outputs_of, quantiles
from .jobs import Shape
from .records import Records


@final
class Many(Sequence[Sequential]):
    """Many trained models, made by `gdcore.fit_many`; a sequence of `Sequential`.

    Attributes
    ----------
    params : ndarray, shape (n_models, n_params)
        All parameters; only for models of one size.
    ids : ndarray or None
        The models' ids, ascending, if they were trained by ``groups=``.
    seeds : list of int
        Of the models' initial weights, shuffling and dropout.
    losses : list of Loss or callable
        What each model was trained with.
    epochs : ndarray of int, shape (n_models,)
        Number of epochs that each model has run.
    stop_reasons : list of str
        Why each model's fit ended.
    diverged : ndarray of bool, shape (n_models,)
        Which models met NaN or infinity; they keep the parameters of their last good step.
    columns : dict of str to ndarray, shape (n_models, longest run)
        The histories: "loss", "val_loss", "learning_rate", …, the metrics by their names; NaN behind a model's end.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> X = np.linspace(-1, 1, 32)[:, None]
    >>> line = gd.LinearModel(1)
    >>> many = gd.fit_many(line, X, 2 * X + 1, "mse", seeds=range(3), optimizer=gd.SGD(0.5), epochs=50)
    >>> len(many), many.params.shape, many.predict(X).shape, many.columns["loss"].shape
    (3, (3, 2), (3, 32, 1), (3, 50))
    >>> many[1].predict([[0.5]]).round(2)
    array([[2.]], dtype=float32)
    """

    def __init__(
        self,
        shapes: list[Shape],
        vector: NDArray[Any],
        records: Records,
        losses: list[Loss | CustomLoss],
        seeds: list[int],
        ids: NDArray[Any] | None = None,
    ) -> None:
        self.shapes, self.vector, self.records = shapes, vector, records
        self.losses, self.seeds, self.ids = losses, seeds, ids
        self._ends = np.cumsum([shape.stack.n_params for shape in shapes]).tolist()

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, i: Any) -> Any:
        """Return model i as a `Sequential` with a copy of its parameters; for a slice, a `Many` of some."""
        if isinstance(i, slice):
            return self.select(np.arange(len(self))[i])
        number = self._number(i)
        shape, loss = self.shapes[number], self.losses[number]
        return restore(shape.layers, self.seeds[number], shape.dtype, self.params_of(number), loss, shape.feature_names)

    def __iter__(self) -> Iterator[Sequential]:
        return (self[i] for i in range(len(self)))

    def _number(self, i: object) -> int:
        many_checks.not_an_id(i)
        number, n = checks.integer("the number of a model", i, -len(self)), len(self)
        if number >= n:
            raise IndexError(f"there is no model {number}; they are numbered from 0 to {n - 1}")
        return number % n

    def params_of(self, i: int) -> NDArray[Any]:
        """Return a view of the parameters of model i, shape (n_params,)."""
        end: int = self._ends[self._number(i)]
        found: NDArray[Any] = self.vector[end - self.shapes[i].stack.n_params : end]
        return found

    @property
    def params(self) -> NDArray[Any]:
        """The parameters of all models, shape (n_models, n_params)."""
        if len({shape.stack.n_params for shape in self.shapes}) > 1:
            raise ValueError("the models have different numbers of parameters: take many.params_of(i) of each")
        return self.vector.reshape(len(self), -1)

    @property
    def columns(self) -> dict[str, NDArray[np.float64]]:
        """The histories' columns by their names, shape (n_models, longest run) each."""
        return self.records.columns

    @property
    def epochs(self) -> NDArray[np.int64]:
        """Number of epochs that each model has run."""
        return self.records.epochs

    @property
    def stop_reasons(self) -> list[str]:
        """Why each model's fit ended."""
        return self.records.stop_reasons

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Which models met NaN or infinity."""
        return self.records.diverged

    def history(self, i: int) -> History:
        """Return the history of model i."""
        i = self._number(i)
        return replace(self.records.history(i), loss_name=name_of(self.losses[i]))

    def of(self, group: object) -> Sequential:
        """Return the model of a group, by its id."""
        found: Sequential = self[int(many_checks.known_ids(np.asarray([group]), self.ids)[0])]
        return found

    @explains_calls
    def predict(self, X: ArrayLike | Sequence[ArrayLike], *, groups: ArrayLike | None = None) -> Any:
        """Return the outputs of all models.

        Parameters
        ----------
        X : array_like (n, in_features), array (n_models, n, in_features) or list of arrays
            Inputs of all models, or of each.
        groups : array_like, shape (n,), optional
            Ids: each row of X is answered by the model of its group alone.

        Returns
        -------
        ndarray, shape (n_models, n, out_features)
            For a list of arrays of different lengths, a list of arrays (n_i, out_features); with `groups`, an array
            (n, out_features).
        """
        numbers = None if groups is None else many_checks.known_ids(groups, self.ids)
        return outputs_of(self.shapes, self.params_of, X, numbers)

    @explains_calls
    def predict_mean_std(self, X: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return mean and standard deviation of the models' outputs, shape (n, out_features) each.

        Parameters
        ----------
        X : array_like, shape (n, in_features)
            The deviation is that of a sample: squares are divided by n_models - 1.
        """
        return mean_std(self.predict(X))

    @explains_calls
    def quantile(self, X: ArrayLike, q: float | Sequence[float]) -> NDArray[Any]:
        """Return quantiles of the models' outputs, such as the ends of an interval.

        Parameters
        ----------
        X : array_like, shape (n, in_features)
        q : float or sequence of float
            In [0, 1].

        Returns
        -------
        ndarray, shape (n, out_features), or (len(q), n, out_features)
        """
        return quantiles(self.predict(X), q)

    @explains_calls
    def loss(
        self, X: Any, y: Any, loss: str | Loss | CustomLoss | None = None, *, sample_weight: Any = None
    ) -> NDArray[np.float64]:
        """Return the mean loss of each model, without penalties, shape (n_models,).

        Parameters
        ----------
        X, y, sample_weight
            As in `gdcore.fit_many`: shared, or for each model.
        loss : str, Loss or callable, optional
            By default what each model was trained with.
        """
        return losses_of(self.shapes, self.params_of, X, y, sample_weight, self.losses if loss is None else loss)

    @explains_calls
    def best(self, by: str = "auto") -> int:
        """Return the number of the model whose last epoch has the lowest value; diverged ones do not count.

        Parameters
        ----------
        by : str, default "auto"
            A column: "val_loss", "loss", …; "auto" is "val_loss" if there is one, else "loss". Of a metric that is
            better if it is greater, the highest value counts.
        """
        values = self.values(by)
        values = np.where(self.diverged, np.nan, values)
        if np.isnan(values).all():
            raise ValueError(f"no model has a value of {by}: all have diverged, or none has run an epoch")
        greater = many_checks.greater_is_better(by)
        return int(np.nanargmax(values) if greater else np.nanargmin(values))

    def values(self, by: str = "auto") -> NDArray[np.float64]:
        """Return a column's value at the end of each model's fit, shape (n_models,); `by` as in `best`."""
        name = ("val_loss" if "val_loss" in self.columns else "loss") if by == "auto" else by
        if name not in self.columns:
            raise checks.unknown_name("column", name, tuple(self.columns))
        return self.records.last(name)

    @explains_calls
    def select(self, indices: ArrayLike | Iterable[int]) -> Many:
        """Return some of the models, with copies of their parameters and histories.

        Parameters
        ----------
        indices : array_like
            Numbers of models, or a mask (n_models,).
        """
        given = many_checks.numbers_of_models(indices, len(self))
        rows = np.array([self._number(i) for i in given], np.int64)
        vector = np.concatenate([self.params_of(i) for i in rows]) if len(rows) else self.vector[:0].copy()
        return Many(
            [self.shapes[i] for i in rows],
            vector,
            self.records.select(rows),
            [self.losses[i] for i in rows],
            [self.seeds[i] for i in rows],
            None if self.ids is None else self.ids[rows],
        )

    def table(self) -> dict[str, NDArray[Any]]:
        """Return a row per model as columns: ids, seeds, epochs, the last value of each history's column, the ends."""
        known = {} if self.ids is None else {"group": self.ids}
        ends = {name: self.records.last(name) for name in self.columns if name != "seconds"}
        seconds = {"seconds": np.nansum(self.columns["seconds"], axis=1)}
        return {
            **known,
            "seed": np.array(self.seeds, np.uint64),
            "epochs": self.epochs,
            **ends,
            **seconds,
            "diverged": self.diverged,
            "stop_reason": np.array(self.stop_reasons, object),
        }

    def to_frame(self) -> Any:
        """Return `table` as a pandas DataFrame.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return data_frame(self.table(), "to_frame")

    @explains_calls
    def save(self, path: str | PathLike[str]) -> None:
        """Save all models and their histories as one file, which `gdcore.load` reads.

        Parameters
        ----------
        path : str or path-like
        """
        later("io", "save")(self, path)

    def __reduce__(self) -> tuple[Any, ...]:
        return Many, (self.shapes, self.vector, self.records, self.losses, self.seeds, self.ids)

    def __repr__(self) -> str:
        shapes = list(dict.fromkeys(self.shapes))
        which = f"{shapes[0].name}" if len(shapes) == 1 else f"{len(shapes)} shapes"
        parts = [f"{len(self)} models of {which}", f"epochs={_span(self.epochs)}"]
        for name in ("loss", "val_loss"):
            if name in self.columns:
                parts.append(f"{name}={_span(self.records.last(name))}")
        if self.diverged.any():
            parts.append(f"{int(self.diverged.sum())} diverged")
        return f"Many({', '.join(parts)})"


def _span(values: NDArray[Any]) -> str:
    """Return the lowest and the highest value, for a repr."""
    known = values[~np.isnan(values.astype(np.float64))]
    if not len(known):
        return "nan"
    low, high = known.min(), known.max()
    return f"{low:.4g}" if low == high else f"{low:.4g}…{high:.4g}"
