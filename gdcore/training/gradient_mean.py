"""The mean of an epoch's gradients, for criteria that need it."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from .epoch import steps_begun
from .fit_memory import GradientSum
from .state import TrainingState


@final
class GradientMean:
    """The mean of the gradients of an epoch's steps, summed by the kernels, if a criterion needs it."""

    def __init__(self, state: TrainingState, wanted: bool) -> None:
        self.state, self.wanted = state, wanted

    def begin_epoch(self, n: int) -> NDArray[np.float64] | None:
        """Return the vector to add gradients to, in the epoch over n samples that begins or continues; None if not
        needed.
        """
        if not self.wanted:
            return None
        memory, begun = self.state.memory, steps_begun(self.state, n)
        gradients = memory.gradients
        if gradients is None or not begun:
            gradients = GradientSum(np.zeros(self.state.stack.n_params), begun)
            self.state.memory = memory._replace(gradients=gradients)
        return gradients.total

    def of(self, steps: int) -> NDArray[Any]:
        """Return the mean gradient, shape (n_params,), after this many steps of the epoch."""
        gradients = self.state.memory.gradients
        if gradients is None or not self.wanted:
            raise RuntimeError("the mean gradient was not announced by sums_gradients")
        return gradients.total / (steps - gradients.unsummed)
