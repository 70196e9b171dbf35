"""Checks of the models' arguments; each error says what to do."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike, fspath
from os.path import exists, samefile

import numpy as np

from ..base import checks
from ..base.arrays import plain_array
from ..base.checks import short
from ..base.spelling import one_of_these
from ..data.checks import other_features
from ..data.samples import Source
from ..losses import CustomLoss, Loss, losses_of

MAX_CLASSES = 20
"""Targets with at most this many distinct integers are taken for class labels."""


def given_loss(loss: str | Loss | CustomLoss | None, X: object, y: object, call: str) -> str | Loss | CustomLoss:
    """Check and return a loss; if it is missing, the error names the losses that suit y."""
    if loss is None and isinstance(X, Source) and isinstance(y, str):
        raise TypeError(f"a source has its targets, got y={y!r}: pass the loss by name, {call}(source, loss={y!r})")
    if loss is None:
        looks = _looks_like(y) if y is not None else f"None: {call}(X, y, loss) needs y"
        raise TypeError(
            f"{call} needs a loss: loss='mse' for numbers, 'bce' for 0 and 1, 'cross_entropy' for class labels"
            + ("" if isinstance(X, Source) else f"; y looks like {looks}")
        )
    return loss


def _looks_like(y: object) -> str:
    try:
        array = plain_array("y", y)
    except (TypeError, ValueError):
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
    if len(values) <= MAX_CLASSES and array.dtype.kind != "f" and (values == np.arange(len(values))).all():
        return f"class labels 0 … {len(values) - 1}"
    if values.tolist() == [-1, 1]:
        return "-1 and 1, which 'hinge' takes too"
    return f"numbers from {values[0]:.4g} to {values[-1]:.4g}"


def known_loss(loss: Loss | CustomLoss | None, call: str) -> Loss | CustomLoss:
    """Check and return the loss that the model was trained with."""
    if loss is None:
        raise ValueError(f"{call} goes by the loss, but this model was not trained: call fit first, or pass loss=")
    return loss


def probabilities(loss: Loss | CustomLoss) -> Loss:
    """Check and return a loss whose outputs are the logits of probabilities."""
    if isinstance(loss, Loss) and loss.target in ("class", "unit"):
        return loss
    margins = isinstance(loss, Loss) and loss.target == "sign"
    says = "its outputs are margins: ask classify" if margins else "it has no classes: ask predict"
    raise ValueError(
        f"predict_proba needs the loss {_losses('class', 'unit')}, got {_name(loss)}; {says}, or train with one of them"
    )


def classes(loss: Loss | CustomLoss) -> Loss:
    """Check and return a classification loss."""
    if isinstance(loss, Loss) and loss.target in ("class", "unit", "sign"):
        return loss
    raise ValueError(
        f"classify needs a loss of classes ({_losses('class', 'unit', 'sign')}), "
        f"got {_name(loss)}: ask predict for its numbers"
    )


def scored(loss: Loss | CustomLoss) -> Loss:
    """Check and return a built-in loss."""
    if isinstance(loss, Loss):
        return loss
    raise ValueError(f"score knows no measure for the custom loss {_name(loss)}: pass metrics to evaluate")


def _name(loss: Loss | CustomLoss) -> str:
    return repr(loss.name) if isinstance(loss, Loss) else str(getattr(loss, "__name__", repr(loss)))


def layer_sizes(value: object) -> list[int]:
    """Check and return at least two integers >= 1."""
    listed = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(listed, list | tuple) or len(listed) < 2:
        received = checks.short(value)
        raise ValueError(f"sizes must be a list of at least two layer sizes, such as [64, 128, 10], got {received}")
    return [checks.integer(f"sizes[{i}]", size, 1) for i, size in enumerate(listed)]


def _losses(*targets: str) -> str:
    """Return the names of the losses that take one of some kinds of targets."""
    return one_of_these(map(repr, losses_of(*targets)))


def source_features(X: object, n_features: int) -> None:
    """Check that a source has the columns that a model takes."""
    if isinstance(X, Source) and X.n_features != n_features:
        raise ValueError(
            f"the source has {X.n_features} features, but the model expects {n_features}: "
            f"{other_features(X.n_features, n_features)}"
        )


def source_alone(y: object, sample_weight: object, dropout_seed: object) -> None:
    """Check that nothing is given beside a source that goes with arrays only."""
    if y is not None:
        raise TypeError(f"a source holds the targets, got y, {short(y)}, besides: leave it out")
    if sample_weight is not None:
        raise TypeError("a source holds the weights, got sample_weight besides: pass them to the source, as weight=")
    if dropout_seed is not None:
        raise TypeError("dropout_seed needs arrays and does not go with a source: leave it out")


def npy_path(value: object) -> str:
    """Check and return the path of a .npy file to write."""
    if not isinstance(value, str | PathLike):
        raise TypeError(f"out must be the path of a .npy file, got {short(value)}")
    path = str(fspath(value))
    if not path.endswith(".npy"):
        raise ValueError(f"out must end with .npy, got {path!r}: pass {path + '.npy'!r}")
    return path


def not_read(path: str, files: Iterable[str]) -> None:
    """Check that a file to write is none of those that a source reads."""
    if exists(path) and any(exists(file) and samefile(path, file) for file in files):
        raise ValueError(f"out {path!r} is a file that the source reads: choose another one")
