"""Detect an output activation that keeps a model's outputs away from its targets.

Design
------
The measure is the loss of the best outputs that the activation can produce, compared with those of the ideal outputs
and of the best constant. A few targets that noise has moved just beyond the range cost almost nothing and are no fault;
a sigmoid before a loss that takes logits costs most of what can be learned.
"""

from __future__ import annotations

import math
import sys
import warnings
from dataclasses import dataclass
from typing import final

import numpy as np

from ..data.samples import Samples
from ..layers.activations import ActivationLike, get_activation
from ..layers.dense import Dense
from ..layers.stack import Stack
from ..losses import CustomLoss, Loss
from ..objective.ideal import best_constant, ideal_outputs, raw_loss
from .errors import OutputRangeWarning

MATTERS = 0.01
"""Warn if an activation puts more than this share of the targets' variation out of reach."""
REMEDY = "leave the output activation out"


@final
@dataclass(frozen=True)
class OutOfReach:
    """What an output activation keeps a model from reaching.

    Attributes
    ----------
    summary, remedy : str
    least_loss : float
        The least that the activation's range allows.
    constant_loss : float
        That of the best constant.
    outside : int
        Targets, or logits that they ask for, beyond the range.
    """

    summary: str
    remedy: str
    least_loss: float
    constant_loss: float
    outside: int


def out_of_reach(stack: Stack, data: Samples, loss: Loss | CustomLoss) -> OutOfReach | None:
    """Return what the output activation keeps the model from reaching; None if it fits, and for a custom loss.

    Parameters
    ----------
    stack : Stack
    data : Samples
        For this loss.
    loss : Loss or callable
    """
    last = stack.trained[-1]
    if not isinstance(last, Dense):  # a normalization's gain and bias reach everything
        return None
    row = get_activation(last.activation)
    low, high = row.limits
    if not isinstance(loss, Loss) or (math.isinf(low) and math.isinf(high)):
        return None
    k = stack.out_features
    ideal = ideal_outputs(data, loss, k)
    reached = np.clip(ideal, low, high)
    if loss.target == "class":  # it depends on differences of outputs only
        top = ideal.max(axis=1, keepdims=True)
        reached = np.clip(ideal - top, low - high, 0.0)
    least, best = raw_loss(data, loss, reached)[0], raw_loss(data, loss, ideal)[0]
    constant = raw_loss(data, loss, np.broadcast_to(best_constant(data, loss, k), ideal.shape))[0]
    silent = loss.target == "class" and row.dies
    if not (silent or least - best > MATTERS * (constant - best) + 1e-12 * abs(best)):
        return None
    outside = int(np.count_nonzero((ideal < low) | (ideal > high)))
    reason, remedy = _words(loss, last.activation, row.output_range, outside, ideal.size)
    return OutOfReach(reason, remedy, least, constant, outside)


def _words(loss: Loss, activation: ActivationLike, interval: str, outside: int, n: int) -> tuple[str, str]:
    limits = f"the output activation {activation!r} keeps the outputs in {interval}"
    if loss.target in ("class", "unit"):
        return f"{limits}, but {loss.name} takes logits: numbers of any size and sign", REMEDY
    if loss.target == "sign":
        return f"{limits}, but {loss.name} takes scores below -1 and above 1", REMEDY
    if loss.target == "nonnegative":
        return f"{limits}, but {loss.name} takes the logarithm of the rate: a number of any size and sign", REMEDY
    verb = "lies" if outside == 1 else "lie"
    return f"{limits}, but {outside} of {n} targets {verb} outside", f"{REMEDY}, or scale y into {interval}"


def warn_out_of_reach(stack: Stack, data: Samples, loss: Loss | CustomLoss) -> None:
    """Warn of an output activation that keeps the model from its targets, at the caller's line outside the package."""
    found = out_of_reach(stack, data, loss)
    if found is not None:
        warnings.warn(f"{found.summary}: {found.remedy}", OutputRangeWarning, stacklevel=_level_outside())


def _level_outside() -> int:
    """Return the stacklevel, for the caller, of the first frame outside this package."""
    level, package = 1, __name__.partition(".")[0]
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame, level = frame.f_back, level + 1
    return level
