"""The interface of a metric, and how a callable becomes one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

from numpy.typing import NDArray

from ..base.record import Record
from . import checks as metrics_checks


class Metric(Record, ABC):
    """Interface of the metrics; each one is a frozen dataclass."""

    formula: ClassVar[str]
    """Formula for an output z, its target y, the class c."""
    one_output: ClassVar[tuple[str, ...]]
    """Kinds of targets that it takes if the model has one output; see `Loss.target`."""
    several_outputs: ClassVar[tuple[str, ...]]
    """Kinds of targets that it takes if the model has more."""
    greater_is_better: ClassVar[bool | None]
    """None if unknown."""

    @abstractmethod
    def __call__(self, outputs: NDArray[Any], y: NDArray[Any], sample_weight: NDArray[Any] | None = None) -> float:
        """Return the metric of raw outputs (n, k) and targets (n, k) or labels (n,); weights (n,) make it a weighted
        mean.
        """

    def label(self) -> str:
        """Return its name in the history."""
        return self.name

    def check_fit(self, target: str | None, n_out: int, loss: str) -> None:
        """Raise ValueError if it does not suit a loss's targets; None means a custom loss, whose
        targets are unknown.
        """
        kinds = self.one_output if n_out == 1 else self.several_outputs
        metrics_checks.metric_fits(self.name, target, n_out, kinds, loss)

    def undefined(self, y: NDArray[Any], sample_weight: NDArray[Any] | None) -> str | None:
        """Return why no outputs could make the metric of these targets better or worse, as half a sentence; None if
        they could.

        Such a metric is measured all the same, but no criterion may watch it.
        """
        return None


@final
@dataclass(frozen=True, repr=False)
class CustomMetric(Metric):
    """Any function (outputs, y) -> float of arrays (n, k) and (n, k) or labels (n,); not called with weights.

    Parameters
    ----------
    function : callable
    called : str
        Its name in the history.

    Examples
    --------
    >>> import numpy as np
    >>> CustomMetric(lambda outputs, y: abs(outputs - y).max(), "worst")(np.ones((2, 1)), np.zeros((2, 1)))
    1.0
    """

    name = "custom"
    formula = "a function"
    greater_is_better = None

    function: Callable[[Any, Any], float]
    called: str

    def __call__(self, outputs: NDArray[Any], y: NDArray[Any], sample_weight: NDArray[Any] | None = None) -> float:
        return metrics_checks.metric_value(self.called, self.function(outputs, y))

    def label(self) -> str:
        return self.called

    def check_fit(self, target: str | None, n_out: int, loss: str) -> None:
        pass
