"""How many epochs a fit runs."""

from __future__ import annotations

from ..optimizers.full_batch import FullBatch
from .epoch import extent, steps_begun
from .state import TrainingState

DEFAULT_STEPS = 5000
"""Updates of a fit without `epochs` and `max_steps`; enough for small problems at Adam's default rate."""
MIN_EPOCHS = 10
"""Such a fit runs at least this many epochs, even if they make more updates than `DEFAULT_STEPS`."""


def default_epochs(steps: int) -> int:
    """Return how many epochs of `steps` steps make `DEFAULT_STEPS` updates, but at least `MIN_EPOCHS`."""
    return max(MIN_EPOCHS, -(-DEFAULT_STEPS // steps))


def epochs_of(state: TrainingState, n: int, epochs: int | None, max_steps: int | None) -> int:
    """Return the number of epochs of a fit over n samples: as requested, or as many as `max_steps` reaches into."""
    full_batch = isinstance(state.settings.optimizer, FullBatch)
    if max_steps is None:
        return default_epochs(1 if full_batch else extent(state, n).steps) if epochs is None else epochs
    reached = max_steps
    if not full_batch:
        reached = -(-(steps_begun(state, n) + max_steps) // extent(state, n).steps)
    return reached if epochs is None else min(epochs, reached)
