"""Checks of what a report is asked for; each error says what to pass."""

from __future__ import annotations

from typing import Any

from ..base.checks import short
from ..data.samples import Source
from ..losses import CustomLoss, Loss


def nothing_without_model(X: object, y: object, validation_data: object) -> None:
    """Check that no data came without the model that they are for."""
    if X is not None or y is not None or validation_data is not None:
        raise TypeError("history.report got data and no model: pass history.report(path, model, X, y)")


def both_or_none(X: object, y: object, validation_data: object) -> None:
    """Check that X and y are both missing, and nothing that needs them is there."""
    if X is not None or y is not None:
        raise TypeError(f"history.report got {'X without y' if y is None else 'y without X'}: pass both, or neither")
    if validation_data is not None:
        raise TypeError("history.report got validation_data without X and y: pass the training data too")


def table_alone(y: object, validation_data: object) -> None:
    """Check that a table has come without targets of its own: it has their column."""
    if y is not None or validation_data is not None:
        raise TypeError("history.report takes y and validation_data from the table of a TableModel: leave them out")


def known_loss(loss: Loss | CustomLoss | None) -> Loss | CustomLoss:
    """Check and return the loss that a model was trained with."""
    if loss is None:
        raise ValueError("model does not say by which loss it was trained: pass the trainer in its place")
    return loss


def pair(value: Any) -> tuple[Any, Any]:
    """Check and return (X, y)."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise TypeError(f"validation_data must be (X, y), got {short(value)}")
    return value


def arrays_only(X: object) -> None:
    """Refuse data that are read block by block."""
    if isinstance(X, Source):
        raise TypeError("a report looks at rows in memory, got a source: pass some of its rows as arrays")
