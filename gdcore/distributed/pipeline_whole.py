"""What a stage's fit measures of the whole model: metrics, and the loss of the validation data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, final

import numpy as np
from numpy.typing import NDArray

from ..data.samples import Samples, own_targets
from ..layers.dense import Dense
from ..layers.stack import Stack
from ..losses import CustomLoss, Loss
from ..metrics import Metric
from ..objective.objective import Objective
from . import pipeline_checks
from .pipeline_steps import PipelineSteps


@final
class WholeModel:
    """Measures a pipeline's model by its outputs, which every rank has.

    Parameters
    ----------
    steps : PipelineSteps

    Attributes
    ----------
    out_features : int
        Of the model.
    """

    def __init__(self, steps: PipelineSteps) -> None:
        self.steps, self.out_features = steps, steps.gate.out_features
        self._known: tuple[Samples, int, NDArray[Any]] | None = None
        self._identity: Stack | None = None

    def metrics_of(self, data: Any, metrics: Mapping[str, Metric], prefix: str = "") -> dict[str, float]:
        """Return the metrics of the predictions, in the targets' own units."""
        gate = self.steps.gate
        outputs, targets = self._outputs(data), own_targets(gate, data)
        if gate.target_scale is not None:
            outputs = gate.target_scale.restored(outputs)
        return {prefix + name: metric(outputs, targets, data.sample_weight) for name, metric in metrics.items()}

    def mean_loss(self, data: Any, loss: Loss | CustomLoss) -> float:
        """Return the mean loss without penalties."""
        if self._identity is None:  # a network whose outputs are its inputs, bit for bit
            k = self.out_features
            self._identity = Stack((Dense(k, k, bias=False),), 0, self.steps.gate.dtype)
            self._identity.params = np.eye(k, dtype=self.steps.gate.dtype).reshape(-1)
        return Objective(self._identity, data._replace(X=self._outputs(data)), loss).mean_loss()

    def gradient(self) -> NoReturn:
        """Refuse the gradient over all data."""
        raise pipeline_checks.no_gradient()

    def forget(self) -> None:
        """Forget the outputs of the last samples."""
        self._known = None

    def _outputs(self, data: Samples) -> NDArray[Any]:
        """Return the outputs of samples, which loss and metrics share."""
        steps = self.steps.state.steps_done
        if self._known is None or self._known[0] is not data or self._known[1] != steps:
            self._known = data, steps, self.steps.outputs(data.X)
        return self._known[2]
