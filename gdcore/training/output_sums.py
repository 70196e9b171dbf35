"""The loss of each output by itself over an epoch, for outputs that are models of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from ..layers.dense import Dense
from ..losses import Loss
from . import checks as training_checks
from .state import TrainingState

if TYPE_CHECKING:
    from .._kernels.base_float64 import Training


@final
class OutputSums:
    """What `Trainer.sum_outputs` returns; it is of the last epoch begun, as far as that has come.

    After a training was saved and loaded within an epoch, it is of the rest of that epoch.
    """

    def __init__(self, run: Training, k: int) -> None:
        self._run, self._sums = run, np.zeros((2, k))
        run.sum_outputs(self._sums)

    @property
    def losses(self) -> NDArray[np.float64]:
        """Mean loss of each output (k,), each before its step; samples are not weighted. Zeros before an epoch."""
        return self._mean(0)

    @property
    def squares(self) -> NDArray[np.float64]:
        """Mean over the steps of the sum of squares of each output's weights (k,), before each step.

        For plain gradient descent without L1, a row at a time.
        """
        return self._mean(1)

    def _mean(self, which: int) -> NDArray[np.float64]:
        found: NDArray[Any] = self._sums[which] / max(1.0, self._run.rows_summed)
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
    return OutputSums(state.run, state.stack.out_features)
