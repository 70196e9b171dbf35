"""The loss of each output by itself over an epoch, for outputs that are models of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from ..layers.dense import Dense
from ..losses import Loss
from . import checks as training_checks
from .state import TrainingState
from .turn import turn

if TYPE_CHECKING:
    from .._kernels.base_float64 import Training


@final
class OutputSums:
    """What `Trainer.sum_outputs` returns; it is of the last epoch begun, as far as that has come.

    After a training was saved and loaded within an epoch, it is of the rest of that epoch. Where `sum_outputs` is
    called again, new sums begin, and these stay as they are.

    Examples
    --------
    >>> import gdcore as gd
    >>> trainer = gd.Trainer(gd.LinearModel(1, 2, weight_init="zeros"), "mse", gd.SGD(0.1))
    >>> sums = trainer.sum_outputs()
    >>> trainer.epoch([[0.0]], [[1.0, 3.0]])
    5.0
    >>> sums.losses
    array([1., 9.])
    """

    def __init__(self, run: Training, k: int) -> None:
        self._sums = np.zeros((2, k + 1))
        run.sum_outputs(self._sums)

    @property
    def losses(self) -> NDArray[np.float64]:
        """Mean loss of each output (k,), each before its step; samples are not weighted. Zeros before an epoch."""
        return self._mean(0)

    @property
    def squares(self) -> NDArray[np.float64]:
        """Mean over the steps of the sum of squares of each output's weights (k,), before each step.

        For plain gradient descent, a row at a time. L1, `weight_decay`, `clip_value` and `max_norm` are left out: with
        any of these, with momentum and with other optimizers the number is another one.
        """
        return self._mean(1)

    def _mean(self, which: int) -> NDArray[np.float64]:
        sums = self._sums[which]
        found: NDArray[np.float64] = sums[:-1] / max(1.0, sums[-1])
        return found


def sum_outputs(state: TrainingState) -> OutputSums:
    """Let epochs sum the loss of each output by itself, and return the sums.

    Raises
    ------
    ValueError
        For other models than a dense layer without activation and several outputs, and for losses of whole rows.
    """
    layers, loss = state.stack.plain.layers, state.settings.loss
    linear = len(layers) == 1 and isinstance(layers[0], Dense) and layers[0].activation == "identity"
    if not linear or state.stack.out_features == 1:
        raise training_checks.not_linear_outputs(layers)
    if not isinstance(loss, Loss) or loss.whole_rows:
        raise training_checks.not_pointwise(loss)
    with turn(state.run, "sum_outputs"):
        state.sums_outputs = True
        return OutputSums(state.run, state.stack.out_features)
