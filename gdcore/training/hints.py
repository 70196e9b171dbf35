"""Advice after a fit that ran to its end, from its losses and from some of its samples.

Design
------
- `gdcore.diagnose` measures at length. A hint costs less than a millisecond, so that every fit can have one: it uses
  the recorded losses and at most `ROWS` rows. A fit that a criterion has ended gets none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from .._kernels.sparse_rows import SparseRows
from ..data.samples import Inputs, Samples
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.layer_norm import LayerNorm
from ..layers.scaling import Scaling
from ..layers.stack import Stack
from ..losses import Loss
from ..objective.objective import Objective
from .state import TrainingState
from .stopping.base import StoppingCriterion
from .stopping.early_stopping import EarlyStopping

if TYPE_CHECKING:
    from ..data.stream import Data
    from .history import History

ROWS = 256
"""Hints look at no more than about this many rows, spread over all."""
LARGE, SMALL = 30.0, 0.1
"""A column of inputs whose root mean square is above or below these is called badly scaled."""
FAR, FAR_OFF = 1.5, 10.0
"""A column of inputs is called far from 0 if its mean exceeds this many standard deviations: the first if much of the
loss is left, the second otherwise. A mean of at most 1 never is."""
TARGET_LARGE, TARGET_SMALL = 10.0, 0.01
"""Targets whose root mean square is above or below these are called badly scaled."""
MIN_EPOCHS = 8
"""A fit of fewer epochs gets no hint: it is often part of a loop, and its losses say little."""
LEFT = 0.02
"""Much of the loss is left if the last one exceeds this share of the loss of constant outputs."""
FELL = 0.01
"""A loss counts as still falling if it fell by more than this share from the third quarter to the last."""


def hint_of(state: TrainingState, data: Data, validation: Data | None, history: History) -> str:
    """Return advice as sentences joined by semicolons; "" if nothing seems to be missing.

    Parameters
    ----------
    state : TrainingState
    data, validation : Samples or Stream
        Data of the fit.
    history : History
        History of a fit that ran all its epochs.
    """
    if history.epochs < MIN_EPOCHS:
        return ""
    some, validated = _some_rows(data.head), validation is not None
    last = history.loss[-1]
    much_left = last < 0 or last > LEFT * _least_start(state, some, history)  # below 0 there is no knowing
    found = [
        _inputs(state, some.X, much_left),
        _targets(state, some),
        _losses(history, validated, much_left),
        "" if validated else _parameters(state, data.n),
    ]
    return "; ".join(sentence for sentence in found if sentence)


def watched(rules: Iterable[StoppingCriterion], validation: Data | None) -> str:
    """Return an addition to the stop reason that says which loss EarlyStopping() has watched; "" if that is clear."""
    if validation is None and any(isinstance(rule, EarlyStopping) and rule.monitor == "auto" for rule in rules):
        return " (the training loss, as there is no validation data: pass validation_split=0.2)"
    return ""


def _some_rows(data: Samples) -> Samples:
    step = max(1, len(data.X) // ROWS)
    target, labels, weight = (None if array is None else np.ascontiguousarray(array[::step]) for array in data[1:4])
    X = data.X[::step]
    return Samples(X if isinstance(X, SparseRows) else np.ascontiguousarray(X), target, labels, weight, None)


def _least_start(state: TrainingState, some: Samples, history: History) -> float:
    """Return the loss of outputs that ignore X, or the first loss if that is lower."""
    loss, dtype = state.settings.loss, state.stack.dtype
    if not isinstance(loss, Loss) or (some.weight is not None and not some.weight.any()):
        return history.loss[0]
    k = state.stack.out_features
    constant = Stack((Dense(1, k),), None, dtype)  # all parameters are 0
    if loss.target == "real" and some.target is not None:
        constant.params[-k:] = some.target.mean(axis=0)
    without_inputs = some._replace(X=np.ones((len(some.X), 1), dtype))
    return min(history.loss[0], Objective(constant, without_inputs, loss).mean_loss())


def _inputs(state: TrainingState, X: Inputs, much_left: bool) -> str:
    """Return advice on dense columns that are large, far from 0 or small, if the first layer does not scale them."""
    first = next(layer for layer in state.stack.layers if not isinstance(layer, Dropout))
    if isinstance(first, Scaling | LayerNorm) or isinstance(X, SparseRows):
        return ""
    values = X.astype(np.float64)
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    size = np.hypot(mean, deviation)
    away = FAR if much_left else FAR_OFF
    far = (np.abs(mean) > away * deviation) & (np.abs(mean) > 1) & (deviation > 0)
    remedy = ": put gdcore.Standardize.from_data(X) first"
    if size.max() > LARGE or 0 < size.max() < SMALL:
        return f"the columns of X are of sizes from {size.min():.2g} to {size.max():.2g}{remedy}"
    if far.any():
        column = int(np.argmax(np.where(far, np.abs(mean), 0)))
        return f"column {column} of X lies around {mean[column]:.2g}, not around 0{remedy}"
    return ""


def _targets(state: TrainingState, some: Samples) -> str:
    """Return advice on real targets whose size is far from 1, if no layer scales them."""
    loss = state.settings.loss
    real = isinstance(loss, Loss) and loss.target == "real"
    if not real or some.target is None or state.stack.target_scale is not None:
        return ""
    values = some.target.astype(np.float64)
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    size = np.hypot(mean, deviation)
    if size.max() > TARGET_LARGE or 0 < size.max() < TARGET_SMALL:
        worst = int(size.argmax())
        return (
            f"y has mean {mean[worst]:.3g} and deviation {deviation[worst]:.3g}: put gdcore.ScaledTarget.from_data(y) "
            "last"
        )
    return ""


def _losses(history: History, validated: bool, much_left: bool) -> str:
    """Return advice on a loss that did not fall, or still fell at the end."""
    losses = history.val_loss if validated else history.loss
    quarter = len(losses) // 4
    before, last = (float(np.mean(part)) for part in (losses[-2 * quarter : -quarter], losses[-quarter:]))
    if losses[0] != 0 and not min(losses[1:]) < losses[0]:
        return "the loss did not fall: try another rate (gdcore.find_learning_rate), or ask gdcore.diagnose"
    fell = before - last
    scale = abs(before) if min(losses) > 0 else losses[0] - min(losses)
    if scale > 0 and fell > FELL * scale and much_left:
        return f"the loss was still falling at the end, by {fell / scale:.0%}: more epochs or a higher rate may help"
    return ""


def _parameters(state: TrainingState, n: int) -> str:
    """Return advice on a model with more parameters than samples, which can fit the noise of real targets."""
    loss = state.settings.loss
    numbers = isinstance(loss, Loss) and loss.target in ("real", "nonnegative")
    if numbers and state.stack.n_params > n:
        return (
            f"{state.stack.n_params} parameters can learn the noise of {n} samples: hold some out, "
            "validation_split=0.2, and stop in time, stop=gdcore.EarlyStopping()"
        )
    return ""
