"""A network together with its preparation: it takes raw tables and answers in the target's own terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ..layers.scaling import Standardize
from ..losses import Loss
from ..models.sequential import Sequential
from ..training import History
from .errors import TableError
from .outliers import far_from_training
from .preparation import Preparation
from .scores import Scores, scores
from .table import NO_FILE, Table, table_of
from .target import Target, with_target


class Evaluation(NamedTuple):
    """How good a model is on the rows of a table."""

    rows: int
    model: Scores
    baseline: Scores
    """Scores of an answer that sees no inputs: the mean of the training rows, or their most frequent class."""
    notes: tuple[str, ...]


@final
@dataclass(frozen=True, eq=False)
class TableModel:
    """What `train` returns, `gdcore.save` saves and `gdcore.load` loads.

    Its methods take a `Table`, a data frame or a mapping of columns.

    Attributes
    ----------
    preparation : Preparation
    target : Target
    net : Sequential
        Its first layer scales the inputs; for a regression its last one restores the units of the target.
    baseline : float
        The answer that sees no inputs: the mean of the training targets, or the number of the most frequent class.
    facts : dict
        How it was trained, by name: numbers, texts and dicts of scores.
    history : History

    Examples
    --------
    >>> import gdcore as gd, gdcore.tables
    >>> sizes = [40, 60, 80, 100, 120, 140, 160, 180, 200, 220]
    >>> table = gd.tables.Table.from_columns({"size": sizes, "price": [2.5 * size + 10 for size in sizes]})
    >>> settings = gd.tables.Settings(task="regression", hidden=(), rate=0.1, validation=0, epochs=500)
    >>> model = gd.tables.train(table, "price", settings)
    >>> model.predict(gd.tables.Table.from_columns({"size": [50]})).round(1)
    array([135.])
    """

    preparation: Preparation
    target: Target
    net: Sequential
    baseline: float
    facts: dict[str, Any] = field(default_factory=dict)
    history: History = field(default_factory=History)

    def predict(self, table: Table) -> NDArray[Any]:
        """Return the prediction for each row (n,): numbers, or classes as texts.

        Raises
        ------
        TableError
            For a column or a value that is missing.
        """
        return self.named(self.answers(self.preparation.transform(table_of(table)).X))

    def predict_proba(self, table: Table) -> NDArray[np.float64]:
        """Return the probability of each class, shape (n, number of classes).

        Raises
        ------
        TableError
            For a regression, and for a loss without probabilities.
        """
        return self.probabilities(self.preparation.transform(table_of(table)).X)

    def evaluate(self, table: Table) -> Evaluation:
        """Return the scores on the rows whose targets are known, beside those of the baseline."""
        table = table_of(table)
        kept, notes = with_target(table, self.target.name)
        inputs = self.preparation.transform(kept)
        y = self.target.encode(kept)
        return self.scored(inputs.X, y, table.notes + notes + inputs.notes + self.far(kept, inputs.X) + self.seen(kept))

    def seen(self, table: Table) -> tuple[str, ...]:
        """Return what to tell of a table that has the name and the number of rows of the one of the training."""
        rows = (self.facts.get("rows", 0), self.facts.get("rows", 0) + self.facts.get("validation_rows", 0))
        name = str(self.facts.get("source", ""))
        if name == NO_FILE or PurePath(name).name != PurePath(table.source).name or len(table) not in rows:
            return ()
        return (
            f"the model was trained on a file of this name and of as many rows, {name}: on rows that it has not seen "
            "it may be worse",
        )

    def far(self, table: Table, X: NDArray[np.float64]) -> tuple[str, ...]:
        """Return what to tell of a table's numbers that are far from those of the training; X holds its inputs."""
        scaling = self.net.layers[0]
        return far_from_training(table, self.preparation, X, scaling) if isinstance(scaling, Standardize) else ()

    def scored(self, X: NDArray[Any], y: NDArray[Any], notes: tuple[str, ...] = ()) -> Evaluation:
        """Return the scores on inputs (n, n_inputs) and encoded targets (n,)."""
        trivial = np.full(len(y), self.baseline)
        return Evaluation(len(y), scores(self.target, y, self.answers(X)), scores(self.target, y, trivial), notes)

    def answers(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the answers (n,) to inputs: numbers, or the numbers of classes."""
        rows = X.astype(self.net.dtype)
        if self.target.task == "regression":
            if getattr(self.net.trained_loss, "target", "") == "nonnegative":
                return np.exp(self.net.predict(rows)[:, 0].astype(np.float64))
            return self.net.predict(rows)[:, 0].astype(np.float64)
        found = self.net.classify(rows)
        return (found > 0).astype(np.int64) if self.net.out_features == 1 else found

    def named(self, answers: NDArray[Any]) -> NDArray[Any]:
        """Return answers as the target has them: numbers as they are, classes by their texts."""
        return answers if self.target.task == "regression" else np.array(self.target.classes)[answers]

    def probabilities(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return class probabilities of inputs; see `predict_proba`."""
        if self.target.task == "regression":
            raise TableError(f"{self.target.name!r} is a number, which has no class probabilities: leave --proba out")
        if not isinstance(self.net.trained_loss, Loss) or self.net.trained_loss.target == "sign":
            raise TableError("a loss of margins has no probabilities: leave --proba out, or train by cross_entropy")
        return self.net.predict_proba(X.astype(self.net.dtype)).astype(np.float64)

    def network_targets(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return encoded targets as the network's loss takes them."""
        return for_loss(getattr(self.net.trained_loss, "target", ""), y)

    def __repr__(self) -> str:
        return f"TableModel({self.target.name!r} from {len(self.preparation.features)} columns, {self.net!r})"


def for_loss(kind: str, y: NDArray[Any]) -> NDArray[Any]:
    """Return encoded targets (n,) as a loss of that kind of target takes them: -1 or 1 for margins.

    Examples
    --------
    >>> for_loss("sign", np.array([0, 1]))
    array([-1,  1])
    """
    return 2 * y - 1 if kind == "sign" else y
