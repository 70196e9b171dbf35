"""Checks of what a model is asked beside its arrays: losses that are known, validation data, names. See checks.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .checks import inside, plain_array, short
from .losses import CustomLoss, Loss
from .not_arrays import full_name

FEW = 20
"""Distinct integers that are taken for labels of classes, at the most."""


def given_loss(loss: str | Loss | CustomLoss | None, y: object) -> str | Loss | CustomLoss:
    """A loss; where there is none, the error names those that go with y."""
    if loss is None:
        raise TypeError(
            "fit needs a loss: loss='mse' for numbers, 'bce' for 0 and 1, 'cross_entropy' for class labels; "
            f"y looks like {_looks_like(y)}"
        )
    return loss


def _looks_like(y: object) -> str:
    try:
        array = plain_array("y", y)
    except ValueError:
        return short(y)
    if array.ndim not in (1, 2) or array.size == 0:
        return short(y)
    if array.dtype.kind in "OUS":
        return "names of classes: pass np.unique(y, return_inverse=True)[1] as y"
    if array.dtype.kind not in "biuf":
        return short(y)
    values = np.unique(array)
    if array.ndim == 2 and array.shape[1] > 1:
        share = array.dtype.kind != "b" and (values >= 0).all() and np.allclose(array.sum(axis=1), 1)
        kind = "probabilities of classes, which 'cross_entropy' takes too"
        return kind if share else f"rows of {array.shape[1]} numbers"
    if np.isin(values, (0, 1)).all():
        return "0 and 1"
    if len(values) <= FEW and array.dtype.kind != "f" and (values == np.arange(len(values))).all():
        return f"class labels 0 … {len(values) - 1}"
    if values.tolist() == [-1, 1]:
        return "-1 and 1, which 'hinge' takes too"
    return f"numbers from {values[0]:.4g} to {values[-1]:.4g}"


def known_loss(loss: Loss | CustomLoss | None, call: str) -> Loss | CustomLoss:
    """The loss that a model was trained with."""
    if loss is None:
        raise ValueError(f"{call} goes by the loss, but this model was not trained: call fit first, or pass loss=")
    return loss


def probabilities(loss: Loss | CustomLoss) -> Loss:
    """A loss whose outputs are logits of probabilities."""
    if isinstance(loss, Loss) and loss.target in ("class", "unit"):
        return loss
    margins = isinstance(loss, Loss) and loss.target == "sign"
    says = "its outputs are margins: ask classify" if margins else "it has no classes: ask predict"
    raise ValueError(
        f"predict_proba needs the loss 'cross_entropy' or 'binary_cross_entropy', got {_name(loss)}; {says}, "
        "or train with one of them"
    )


def classes(loss: Loss | CustomLoss) -> Loss:
    """A loss of classes."""
    if isinstance(loss, Loss) and loss.target in ("class", "unit", "sign"):
        return loss
    raise ValueError(
        "classify needs a loss of classes ('cross_entropy', 'binary_cross_entropy', 'hinge' or 'squared_hinge'), "
        f"got {_name(loss)}: ask predict for its numbers"
    )


def scored(loss: Loss | CustomLoss) -> Loss:
    """A loss that the package knows."""
    if isinstance(loss, Loss):
        return loss
    raise ValueError(f"score knows no measure for the custom loss {_name(loss)}: pass metrics to evaluate")


def _name(loss: Loss | CustomLoss) -> str:
    return repr(loss.name) if isinstance(loss, Loss) else str(getattr(loss, "__name__", repr(loss)))


def validation_data(value: object) -> tuple[Any, Any, Any]:
    """(X, y, sample_weight), the last one None where it is not given."""
    if not isinstance(value, tuple | list) or len(value) not in (2, 3):
        received = f"{len(value)} items" if isinstance(value, tuple | list) else full_name(type(value))
        raise TypeError(f"validation_data must be (X, y) or (X, y, sample_weight), got {received}")
    return value[0], value[1], value[2] if len(value) == 3 else None


def one_validation(data: object) -> None:
    """Validation data, or a share of the training data: not both."""
    if data is not None:
        raise ValueError("validation_data and validation_split were both given: leave one of them out")


def held_out(share: object, n: int) -> int:
    """How many of n samples a share in (0, 1) is: one at least, and not all."""
    count = round(inside("validation_split", share, 0, 1) * n)
    if n < 2:
        raise ValueError("validation_split needs at least 2 samples, got 1: leave it out")
    return min(max(count, 1), n - 1)


def weighted_part(weight: NDArray[Any] | None, n: int, what: str) -> None:
    """A part of the samples with something to measure."""
    if n == 0:
        raise ValueError(f"validation_split leaves no {what} samples, as no class has two: pass validation_data")
    if weight is not None and not weight.any():
        raise ValueError(f"validation_split leaves {what} samples of weight 0 alone: pass validation_data instead")


def other_names(names: Sequence[str], known: Sequence[str]) -> None:
    """Columns that a model was not fitted on, or not in this order."""
    lacks, new = [name for name in known if name not in names], [name for name in names if name not in known]
    if not lacks and not new and len(names) == len(known):
        first = next(i for i, name in enumerate(names) if name != known[i])
        raise ValueError(
            f"X has {names[first]!r} in column {first}, where the model was fitted on {known[first]!r}: "
            "pass X[list(model.feature_names)]"
        )
    differences = [f"lacks {_listed(lacks)}"] if lacks else []
    differences += [f"has {_listed(new)} besides"] if new else []
    raise ValueError(
        f"X {' and '.join(differences or ['has a column twice'])}; the model was fitted on {_listed(known)}: "
        f"pass {'a frame with those columns' if lacks else 'X[list(model.feature_names)]'}"
    )


def _listed(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def not_a_callback(criterion: object) -> TypeError:
    """The error for a criterion among callbacks."""
    return TypeError(f"callbacks are told of epochs, and {criterion!r} ends a fit: pass it as stop={criterion!r}")


def logits(value: object, axis: object) -> NDArray[Any]:
    """Real numbers in float32 or float64, with entries along an axis."""
    array = plain_array("outputs", value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"outputs has dtype {array.dtype}; expected real numbers")
    if isinstance(axis, bool) or not isinstance(axis, int) or not -array.ndim <= axis < array.ndim:
        raise ValueError(f"axis must be an axis of the outputs' shape {array.shape}, got {short(axis)}")
    if array.shape[axis] == 0:
        raise ValueError(f"outputs has shape {array.shape}; expected at least one entry along axis {axis}")
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
