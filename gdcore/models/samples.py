"""Samples as a model takes them: names of features compared, targets in the model's units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from .. import checks
from ..batches import Samples, take_samples
from ..losses import CustomLoss, Loss
from .names import check_names

if TYPE_CHECKING:
    from .sequential import Sequential


def model_samples(
    model: Sequential, X: object, y: Any, sample_weight: object, loss: Loss | CustomLoss, dtype: str | None = None
) -> Samples:
    """`gdcore.batches.take_samples` for a model, in its own precision or another one.

    Raises
    ------
    TypeError, ValueError
        For what does not fit the model or the loss.
    """
    check_names(model.feature_names, X)
    if model.target_scale is not None:
        y = model.target_scale.standardized(y, loss)
    return take_samples(
        X, y, sample_weight,
        n_in=model.in_features, n_out=model.out_features, dtype=model.dtype if dtype is None else dtype, loss=loss,
        lowest=model._lowest,
    )  # fmt: skip


def inputs_of(model: Sequential, X: object) -> NDArray[Any]:
    """X (n, in_features) in the model's precision, its columns those that the model was fitted on."""
    check_names(model.feature_names, X)
    return checks.inputs(X, model.in_features, model.dtype, model._lowest)


def own_targets(model: Sequential, data: Samples) -> NDArray[Any]:
    """What metrics compare the predictions with: labels (n,), targets (n, k) in the units of y, or y as it came."""
    if data.labels is not None:
        return data.labels
    values: NDArray[Any] = data.y if data.target is None else data.target
    return values if model.target_scale is None else model.target_scale.restored(values)
