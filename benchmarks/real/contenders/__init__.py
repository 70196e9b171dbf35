"""Who fits the data sets, one module per library; a module is imported in its library's process only."""

from abc import ABC, abstractmethod
from typing import Any

from numpy.typing import NDArray

from gdcore.bench.library import Entry
from gdcore.bench.problems import Problem

from ..folds import Fold


class Contender(ABC):
    """What fits a fold and predicts."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Return the library's version, and what else decides its speed."""

    @abstractmethod
    def fit(self, fold: Fold, epochs: int) -> None:
        """Fit a model from its initial parameters, all that it takes from the arrays on."""

    @abstractmethod
    def predict(self, fold: Fold) -> NDArray[Any]:
        """Return numbers, means or labels (n,) of the rows held out."""

    def refuses(self, task: str, problem: Problem) -> str:
        """Refuse nothing."""
        return ""


HERE = "benchmarks.real.contenders"
NETWORKS = (
    Entry("gdcore", f"{HERE}.gdcore:Network", "gdcore"),
    Entry("torch", f"{HERE}.torch:Network", "torch"),
    Entry("sklearn", f"{HERE}.sklearn:Perceptron", "sklearn"),
    Entry("sklearn, same start", f"{HERE}.sklearn:same_start", "sklearn", "sklearn"),
)
LINEAR_MODELS = (
    Entry("gdcore", f"{HERE}.gdcore:Linear", "gdcore"),
    Entry("sklearn", f"{HERE}.sklearn:Linear", "sklearn"),
)
