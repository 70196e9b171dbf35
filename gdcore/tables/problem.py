"""A training on a table, stage by stage: rows and columns, the network, the rate, the fit.

Design
------
- The preparation is learned from the training rows alone: scores on held-out rows are those of rows never seen.
- An interrupted fit ends with the best parameters so far, which the callback `_Best` keeps: a criterion restores
  nothing after an exception.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..base.calls import explains_calls
from ..diagnosis import find_learning_rate
from ..layers.dense import Dense
from ..layers.target import ScaledTarget
from ..losses import LOSSES
from ..models.sequential import Sequential
from ..optimizers import Optimizer
from ..optimizers.full_batch import get_method
from ..training import Callback, EarlyStopping, EpochEnd, History
from ..training.errors import DivergedError
from .errors import TableError, counted, shown
from .kinds import code_note
from .model import TableModel, for_loss
from .numbers import figure
from .outliers import outlying
from .preparation import Preparation
from .scores import Scores, baseline_of, is_better
from .settings import Settings
from .table import Table, table_of
from .target import Target, with_target

FAR = 2.0**13
"""Numbers that lie so many standard deviations from 0 would keep few digits in float32: the model is of float64."""

ROSE = 10.0
"""A training that leaves the loss of its own rows this many times as high as it found it has diverged, unless its
scores are better than the baseline's all the same. A loss may be negative: its size is what counts."""

FAR_WORSE = 1.5
"""So has a regression whose loss rose at all and whose error is above this many times the baseline's."""

FEWEST, FEWEST_JUDGED = 10, 2
"""With fewer rows to learn from, or to validate on, a note tells that the model, or its scores, say little."""


class Rows(NamedTuple):
    """Inputs (n, n_inputs) and encoded targets (n,)."""

    X: NDArray[np.float64]
    y: NDArray[Any]


@final
class Problem:
    """What is to be learned from a table; nothing is trained yet.

    Parameters
    ----------
    table : Table
    target : str
        The column to predict. Rows without a value there are left out.
    settings : Settings, optional
    validation : Table, optional
        Rows to validate on, instead of a share of the table.

    Raises
    ------
    TableError
        For a table that cannot be learned from; the message says where and what to do.
    """

    def __init__(
        self, table: Table, target: str, settings: Settings | None = None, validation: Table | None = None
    ) -> None:
        settings = Settings() if settings is None else settings
        table = table_of(table)
        self.settings, self.notes = settings, list(table.notes)
        self.rows_read = len(table)
        self.table = self._with_target(table, target)
        self.target = Target.of(self.table, target, settings.task)
        held_out = self._held_out() if validation is None else None
        train = self.table if held_out is None else self.table.rows(np.flatnonzero(~held_out))
        self.preparation = Preparation.of(train, target, settings.forced, settings.impute, self.table)
        codes = [code_note(self.table, one, settings.forced) for one in self.preparation.features]
        self.notes += [note for note in codes if note]
        self.training_table = train
        inputs = self.preparation.transform(self.table)
        self.notes += inputs.notes + self._outliers(inputs.X)
        learned = slice(None) if held_out is None else ~held_out
        self.training = Rows(inputs.X[learned], self.target.encode(train))
        self.validation = self.validation_table = None
        if held_out is not None:
            self.validation_table = self.table.rows(np.flatnonzero(held_out))
            self.validation = Rows(inputs.X[held_out], self.target.encode(self.validation_table))
        elif validation is not None:
            given = table_of(validation, "validation")
            self.validation_table = self._with_target(given, target, f"{given.source}: ")
            self.validation = self._rows(self.validation_table)
        self.notes += self._classes_not_there() + self._few_rows()
        self.loss = settings.loss_for(self.target)
        self.kind = LOSSES.find(self.loss).target
        if self.kind == "nonnegative" and (self.training.y < 0).any():
            raise TableError(f"the loss {self.loss} needs targets >= 0, and {target!r} has negative ones: take mse")
        self.net = self._network()
        n = len(self.training.X)
        self.batch_size, self.epochs = settings.batch(n), settings.most_epochs(n)

    def find_rate(self) -> tuple[Optimizer, str]:
        """Return the optimizer with its rate, and what chose that."""
        named = get_method(self.settings.optimizer)
        if not isinstance(named, Optimizer):
            raise TableError(f"the optimizer {self.settings.optimizer} needs all rows at once: take adam or sgd")
        optimizer: Any = named
        if self.settings.rate is not None:
            return replace(optimizer, learning_rate=self.settings.rate), "as given"
        X, y = self.network_rows(self.training)
        test = find_learning_rate(
            self.net, X, y, self.loss, optimizer, high=1.0, batch_size=self.batch_size, seed=self.settings.seed
        )
        if test.suggestion is None:
            return optimizer, "the default, since the range test found no rate that lowered the loss"
        return replace(optimizer, learning_rate=float(f"{test.suggestion:.2g}")), "by the range test"

    def fit(self, optimizer: Optimizer, chosen: str = "as given", progress: bool = False) -> TableModel:
        """Train the network and return it with its preparation and its scores.

        A KeyboardInterrupt ends the fit with the best parameters so far, and `facts["interrupted"]` is True; one before
        the first epoch has ended is passed on.

        Raises
        ------
        DivergedError
            Where training meets NaN or infinity. Also where the scores are no better than the baseline's and the loss
            of the training rows rose by more than 9 times its size before, or, in a regression, rose at all and left a
            root mean squared error above 1.5 times the baseline's.
        """
        X, y = self.network_rows(self.training)
        held_out = None if self.validation is None else self.network_rows(self.validation)
        best = _Best(self.net)
        before = self.net.loss(X, y, self.loss)
        interrupted = False
        try:
            history = self.net.fit(
                X,
                y,
                self.loss,
                optimizer=optimizer,
                epochs=self.epochs,
                batch_size=self.batch_size,
                validation_data=held_out,
                stop=() if held_out is None else EarlyStopping(self.settings.patience),
                callbacks=best,
                progress=progress,
                seed=self.settings.seed,
            )
        except KeyboardInterrupt:
            if best.params is None:
                raise
            history, interrupted = best.history, True
            self.net.params = best.params
            history.stop_reason = (
                f"interrupted after {counted(history.epochs, 'epoch')}; the parameters of epoch {best.epoch}, "
                "the best so far, were kept"
            )
        model = TableModel(
            self.preparation, self.target, self.net, baseline_of(self.target, self.training.y), {}, history
        )
        model.facts.update(self._facts(model, optimizer, chosen, interrupted))
        after = self.net.loss(X, y, self.loss)
        if self._made_worse(before, after, model.facts["scores"], model.facts["baseline_scores"]):
            raise self._diverged(before, after, optimizer, history)
        return model

    def network_rows(self, rows: Rows) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return rows as the network and its loss take them."""
        return rows.X.astype(self.net.dtype), for_loss(self.kind, rows.y)

    def _facts(self, model: TableModel, optimizer: Any, chosen: str, interrupted: bool) -> dict[str, Any]:
        judged = self.training if self.validation is None else self.validation
        found = model.scored(*judged)
        return {
            "source": self.table.source,
            "rows": len(self.training.X),
            "validation_rows": 0 if self.validation is None else len(self.validation.X),
            "optimizer": optimizer.name,
            "learning_rate": float(optimizer.learning_rate),
            "rate_chosen": chosen,
            "batch_size": self.batch_size,
            "epochs": model.history.epochs,
            "seed": self.settings.seed,
            "stop_reason": model.history.stop_reason,
            "interrupted": interrupted,
            "scored_on": "training rows" if self.validation is None else "validation rows",
            "scores": found.model,
            "baseline_scores": found.baseline,
            "version": __version__,
        }

    def _made_worse(self, before: float, after: float, model: Scores, trivial: Scores) -> bool:
        """Return whether the loss rose so far, and the scores are such, that the training has diverged."""
        if is_better(self.target, model, trivial):
            return False
        if not after - before <= (ROSE - 1) * abs(before):  # NaN too
            return True
        name = "root_mean_squared_error"
        return self.target.task == "regression" and after > before and model[name] > FAR_WORSE * trivial[name]

    def _diverged(self, before: float, after: float, optimizer: Any, history: History) -> DivergedError:
        steps = -(-len(self.training.X) // self.batch_size) * history.epochs
        return DivergedError(
            f"training diverged: the loss rose from {figure(before)} to {after:.4g} at learning_rate "
            f"{optimizer.learning_rate:g}, and the scores are no better than the baseline's; pass a smaller rate",
            history.epochs,
            0,
            "the loss",
            steps,
            history,
        )

    def _with_target(self, table: Table, target: str, file: str = "") -> Table:
        kept, notes = with_target(table, target)
        self.notes += [file + note for note in notes]
        return kept

    def _rows(self, table: Table) -> Rows:
        inputs = self.preparation.transform(table)
        self.notes += [f"{table.source}: {note}" for note in inputs.notes]
        return Rows(inputs.X, self.target.encode(table))

    def _classes_not_there(self) -> list[str]:
        """Return what to tell of classes without a row to learn from, or to validate on."""
        notes = []
        for rows, what in ((self.training, "to learn from"), (self.validation, "to validate on")):
            if rows is not None and self.target.task == "classification":
                there = np.bincount(rows.y, minlength=len(self.target.classes))
                lacking = [name for name, n in zip(self.target.classes, there.tolist(), strict=True) if not n]
                if lacking:
                    none = "so no answer can be right" if rows is self.training else "so the scores say nothing of it"
                    notes.append(f"{self.target.name}: no row of {shown(lacking)} {what}, {none}")
        return notes

    def _outliers(self, X: NDArray[np.float64]) -> tuple[str, ...]:
        """Return what to tell of numbers far from all others, among the inputs and the targets of all rows."""
        places = {name: i for i, name in enumerate(self.preparation.inputs)}
        columns = {one.name: X[:, places[one.name]] for one in self.preparation.features if one.kind == "number"}
        if self.target.task == "regression":
            columns[self.target.name] = self.target.encode(self.table)
        return tuple(note for name, values in columns.items() for note in outlying(self.table, name, values))

    def _few_rows(self) -> list[str]:
        """Return what to tell of fewer rows than anything can be learned from, or judged by."""
        notes = []
        n = len(self.training.X)
        if n < FEWEST:
            notes.append(
                f"{counted(n, 'row')} to learn from: with fewer than {FEWEST} the answers to new rows are guesses, "
                "so add more"
            )
        if self.validation is not None and len(self.validation.X) < FEWEST_JUDGED:
            notes.append(
                f"{counted(len(self.validation.X), 'row')} to validate on: the scores of fewer than {FEWEST_JUDGED} "
                "say nothing, so add rows, or hold out a larger share by --validation"
            )
        return notes

    def _held_out(self) -> NDArray[np.bool_] | None:
        """Return which rows are held out; of each class the same share."""
        share, n = self.settings.validation, len(self.table)
        if not share:
            return None
        rng = np.random.default_rng(self.settings.seed)
        y = self.target.encode(self.table)
        order = rng.permutation(n)
        if self.target.task == "classification":
            order = order[np.argsort(y[order], kind="stable")]
        taken = np.floor((np.arange(n) + 1) * share + 0.5) > np.floor(np.arange(n) * share + 0.5)
        found = np.zeros(n, np.bool_)
        found[order[taken]] = True
        if not found.any() or found.all():
            raise TableError(
                f"{self.table.source} has {counted(n, 'row')}, too few to hold out {share:g} of them: pass "
                "--validation 0, or a file to validate on"
            )
        return found

    def _network(self) -> Sequential:
        X, y, settings = self.training.X, self.training.y, self.settings
        scaling = self.preparation.scaling(X)
        std = np.array(scaling.std)
        dtype = "float64" if (np.abs(X).max(axis=0) > FAR * std).any() else "float32"
        outputs = self.target.width if self.kind == "class" else 1
        widths = (X.shape[1], *settings.hidden)
        layers: list[Any] = [scaling]
        layers += [Dense(a, b, settings.activation) for a, b in pairwise(widths)]
        layers.append(Dense(widths[-1], outputs))
        if self.kind == "real":
            layers.append(ScaledTarget.from_data(y))
        return Sequential(*layers, seed=settings.seed, dtype=dtype)


@final
class _Best(Callback):
    """Keeps the parameters of the best epoch, and the history of a fit that is interrupted."""

    def __init__(self, net: Sequential) -> None:
        self.net = net
        self.value, self.epoch = np.inf, 0
        self.params: NDArray[Any] | None = None
        self.history = History()

    def on_epoch_end(self, state: EpochEnd) -> None:
        value = state.values.get("val_loss", state.loss)
        if value < self.value:
            self.value, self.epoch, self.params = value, state.epoch, state.params.copy()

    def on_fit_end(self, history: History) -> None:
        self.history = history


@explains_calls
def train(table: Table, target: str, settings: Settings | None = None, validation: Table | None = None) -> TableModel:
    """Train a network to predict a column of a table from the others.

    Parameters
    ----------
    table : Table, data frame or mapping of columns
        Columns are typed from the data: numbers, dates, categories. Those that say nothing are left out.
    target : str
        The column to predict.
    settings : Settings, optional
    validation : Table, optional
        Rows to validate on, instead of a share of the table; a data frame or a mapping too.

    Returns
    -------
    TableModel

    Raises
    ------
    TableError
        For a table that cannot be learned from.
    DivergedError
        Where training meets NaN or infinity, or raises the loss and scores no better than the baseline: see
        `Problem.fit`.

    Examples
    --------
    >>> import gdcore as gd, gdcore.tables
    >>> table = gd.tables.Table.from_columns({"x": [1.0, 2.5] * 50, "kind": ["oak", "elm"] * 50})
    >>> gd.tables.train(table, "kind").facts["scores"]["accuracy"]
    1.0
    """
    problem = Problem(table, target, settings, validation)
    return problem.fit(*problem.find_rate())
