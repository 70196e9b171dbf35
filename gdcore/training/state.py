"""`TrainingState`, the record of what a training changes, with the settings that it follows.

Design
------
- Steps, epochs, fits, custom losses, saving and divergence take this record; `Trainer` is its public face.
- `run`, the compiled step, holds the counters, the place within the epoch, the rate and the epoch's sums: the kernels
  change them in the call that makes a step. It is bound to `network`, `grads`, `slots` and `mean`, whose arrays keep
  their addresses.
- `memory` alone is replaced, by an epoch or a fit, and in one assignment. So the record is complete between any two
  steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from ..data.samples import Samples, take_samples
from ..layers.stack import Stack
from ..losses import CustomLoss, Loss
from ..metrics import Metric
from ..objective.objective import Objective
from ..optimizers import OptimizerState
from . import checks as training_checks
from .fit_memory import FitMemory
from .settings import Settings

if TYPE_CHECKING:
    from .._kernels.base_float64 import Network, Training
    from ..data.stream import Stream


class Shares(Protocol):
    """How a fit's steps are made where their rows are cut into pieces, which several processes may share."""

    def steps(
        self,
        data: Samples,
        order: NDArray[np.int64] | None,
        size: int,
        rates: NDArray[np.float64] | None,
        weights: NDArray[Any] | None,
        total: NDArray[np.float64] | None,
    ) -> None:
        """Make the steps of `size` rows each, as `Training.epoch` does."""

    def stream(
        self,
        data: Stream,
        steps: range,
        extent: tuple[int, int, int],
        rates: NDArray[np.float64] | None,
        losses: list[float] | None,
        total: NDArray[np.float64] | None,
    ) -> None:
        """Make these steps of an epoch over a stream; the extent is (rows of a step, of the epoch, its steps)."""

    def clock(self) -> float:
        """Return a time in seconds that all processes agree on."""


class Whole(Protocol):
    """Measures a model of which a training's stack is a part, where other processes have the rest."""

    out_features: int

    def metrics_of(self, data: Any, metrics: Mapping[str, Metric], prefix: str = "") -> dict[str, float]:
        """Return the metrics of the predictions, in the targets' own units."""

    def mean_loss(self, data: Any, loss: Loss | CustomLoss) -> float:
        """Return the mean loss without penalties."""

    def gradient(self) -> NDArray[Any]:
        """Return the gradient over all data, if there is one."""


@final
@dataclass(eq=False)
class TrainingState:
    """What a training changes, and what it needs to know for that.

    Attributes
    ----------
    stack : Stack
        Its parameters are trained.
    settings : Settings
        Those of the training, checked.
    network : Network
        The compiled network with the buffers of the backward pass.
    run : Training
        The compiled step, with all counters and sums.
    grads : ndarray, shape (n_params,)
        Gradient of the last step.
    slots : OptimizerState
        The optimizer's vectors and scalars.
    mean : ndarray of float64, shape (n_params,), or None
        The average of the parameters, if there is one.
    seed : int
        Seed of shuffling and dropout.
    memory : FitMemory
        What a fit leaves for the next one.
    shares : Shares or None
        Makes the steps while a fit runs that cuts its batches into pieces.
    shards : int
        Number of these pieces in the last fit; 0: its batches were whole.
    run_id : str
        Names the last fit of which several files were saved, so that a file of another one is not taken for one of it.
    whole : Whole or None
        Measures the model while a fit runs whose stack is only a part of it.
    sums_outputs : bool
        Whether epochs sum the losses of each output, which needs whole batches.
    """

    stack: Stack
    settings: Settings
    network: Network
    run: Training
    grads: NDArray[Any]
    slots: OptimizerState
    mean: NDArray[np.float64] | None
    seed: int
    memory: FitMemory = field(default_factory=FitMemory)
    shares: Shares | None = None
    shards: int = 0
    run_id: str = ""
    whole: Whole | None = None
    sums_outputs: bool = False

    @property
    def epochs_done(self) -> int:
        """Number of epochs run so far."""
        return self.run.epochs_done

    @property
    def steps_done(self) -> int:
        """Number of updates made so far."""
        return self.run.step_count

    @property
    def learning_rate(self) -> float:
        """Rate of the next step."""
        schedule = self.settings.schedule
        if schedule is None:
            return self.run.learning_rate
        count = {"step": self.run.step_count, "epoch": self.run.epochs_done, "plateau": self.memory.plateau.plateaus}
        return schedule.formula(count[schedule.per])

    @property
    def optimizer_state(self) -> OptimizerState:
        """The slots with the present step count."""
        self.slots.step_count = self.run.step_count
        return self.slots

    @property
    def averaged(self) -> NDArray[Any]:
        """A copy of the average of the parameters; before its first step, the parameters."""
        average = self.settings.average
        if average is None or self.mean is None:
            raise training_checks.no_average()
        before = self.steps_done <= average.start
        return self.stack.params.copy() if before else self.mean.astype(self.stack.dtype)

    def take(self, X: object, y: object, sample_weight: object) -> Samples:
        """Check samples against the model and the loss, and return them as the kernels take them."""
        return take_samples(self.stack, X, y, sample_weight, self.settings.loss)

    def objective(self, data: Samples) -> Objective:
        """Return what training minimizes, on all of these samples at once and without dropout."""
        return Objective(self.stack, data, self.settings.loss, self.settings.l1, self.settings.l2)
