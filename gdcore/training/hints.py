"""What a fit that ran to its end may have lacked: sentences, from its losses and from some of its samples.

Design
------
- `gdcore.diagnose` measures; a hint costs less than a millisecond, so that every fit can have one: it looks at the
  losses that were recorded anyway and at no more than `ROWS` rows. It says nothing of a fit that a criterion has ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.samples import Samples
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.scaling import Scaling
from ..layers.stack import Stack
from ..losses import Loss
from ..objective.evaluate import mean_loss
from .stopping.base import StoppingCriterion
from .stopping.early_stopping import EarlyStopping

if TYPE_CHECKING:
    from .history import History
    from .trainer import Trainer

ROWS = 256
"""Rows that are looked at, spread over all."""
LARGE, SMALL = 30.0, 0.1
"""Root mean square of a column of inputs above and below which it is called badly scaled."""
FAR, FAR_OFF = 1.5, 10.0
"""Mean of a column in its deviations above which it is called far from 0, where much of the loss is left and where
little is; a mean of at most 1 is not."""
TARGET_LARGE, TARGET_SMALL = 10.0, 0.01
"""The same of targets."""
FEWEST = 8
"""Epochs from which on there is a hint: shorter fits are parts of a loop, and their losses say little."""
LEFT = 0.02
"""Share of the loss of constant outputs that the last loss is at least, where much is left."""
FELL = 0.01
"""Share of the loss by which it fell from the third quarter to the last one, to be called still falling."""


def hint_of(trainer: Trainer, data: Samples, validation: Samples | None, history: History) -> str:
    """Sentences, joined by semicolons; "" where nothing is missing that can be seen.

    Parameters
    ----------
    trainer : Trainer
    data, validation : Samples
        Of the fit.
    history : History
        Of a fit that ran all its epochs.
    """
    if history.epochs < FEWEST:
        return ""
    some, validated = _some_rows(data), validation is not None
    last = history.loss[-1]
    much_left = last < 0 or last > LEFT * _least_start(trainer, some, history)    # below 0, what is left is not known
    found = [
        _inputs(trainer, some.X, much_left), _targets(trainer, some), _losses(history, validated, much_left),
        "" if validated else _parameters(trainer, len(data.X)),
    ]  # fmt: skip
    return "; ".join(sentence for sentence in found if sentence)


def watched(rules: Iterable[StoppingCriterion], validation: Samples | None) -> str:
    """What goes behind the reason of criteria that have ended a fit: which loss EarlyStopping() has watched."""
    if validation is None and any(isinstance(rule, EarlyStopping) and rule.monitor == "auto" for rule in rules):
        return " (the training loss, as there is no validation data: pass validation_split=0.2)"
    return ""


def _some_rows(data: Samples) -> Samples:
    step = max(1, len(data.X) // ROWS)
    X, target, labels, weight = (None if array is None else np.ascontiguousarray(array[::step]) for array in data[:4])
    return Samples(np.asarray(X), target, labels, weight, None)


def _least_start(trainer: Trainer, some: Samples, history: History) -> float:
    """The loss that outputs have which know nothing of X, or the first one where that is lower."""
    loss, dtype = trainer.loss, trainer.stack.dtype
    if not isinstance(loss, Loss) or (some.weight is not None and not some.weight.any()):
        return history.loss[0]
    k = trainer.stack.out_features
    constant = Stack((Dense(1, k),), None, dtype)    # of zeros
    if loss.target == "real" and some.target is not None:
        constant.params[-k:] = some.target.mean(axis=0)
    return min(history.loss[0], mean_loss(constant, some._replace(X=np.ones((len(some.X), 1), dtype)), loss))


def _inputs(trainer: Trainer, X: NDArray[Any], much_left: bool) -> str:
    """Columns that are large, far from 0 or small, where no layer scales them."""
    first = next(layer for layer in trainer.stack.layers if not isinstance(layer, Dropout))
    if isinstance(first, Scaling):
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


def _targets(trainer: Trainer, some: Samples) -> str:
    """Real targets that are far from the size of 1, where no layer scales them."""
    real = isinstance(trainer.loss, Loss) and trainer.loss.target == "real"
    if not real or some.target is None or trainer.stack.target_scale is not None:
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
    """A loss that did not fall, or still fell at the end."""
    losses = history.val_loss if validated else history.loss
    quarter = len(losses) // 4
    before, last = (float(np.mean(part)) for part in (losses[-2 * quarter : -quarter], losses[-quarter:]))
    if losses[0] != 0 and not min(losses[1:]) < losses[0]:
        return "the loss did not fall: try another rate (gdcore.find_learning_rate), or ask gdcore.diagnose"
    fell = before - last
    scale = abs(before) if min(losses) > 0 else losses[0] - min(losses)
    if fell > FELL * scale and much_left:
        return f"the loss was still falling at the end, by {fell / scale:.0%}: more epochs or a higher rate may help"
    return ""


def _parameters(trainer: Trainer, n: int) -> str:
    """More parameters than samples of numbers, whose noise a model can then learn by heart."""
    numbers = isinstance(trainer.loss, Loss) and trainer.loss.target in ("real", "nonnegative")
    if numbers and trainer.stack.n_params > n:
        return (
            f"{trainer.stack.n_params} parameters can learn the noise of {n} samples: hold some out, "
            "validation_split=0.2, and stop in time, stop=gdcore.EarlyStopping()"
        )
    return ""
