"""The interface of a library that takes part."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from .problems import Problem, Workload


class Library(ABC):
    """What a library offers to be measured; lives in a process of its own, one object per process."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """What was measured: the library's version, and what else decides its speed."""

    @abstractmethod
    def refuses(self, task: str, problem: Problem) -> str:
        """Why it does not take part in a task on a problem; "" where it does."""

    @abstractmethod
    def setup(self, work: Workload) -> None:
        """Get ready to train from the initial parameters; forget what was before."""

    @abstractmethod
    def array(self, values: NDArray[Any]) -> Any:
        """The numbers as the library likes them best, converted before the clock runs."""

    @abstractmethod
    def step(self, xb: Any, yb: Any) -> object:
        """One update on these rows, which `array` gave, from Python; computes their loss too."""

    @abstractmethod
    def epoch(self) -> object:
        """One pass over the data in order, in batches, by the fastest way the library has."""

    @abstractmethod
    def loss(self) -> float:
        """The mean loss of all samples at the present parameters."""

    @abstractmethod
    def predict(self, X: Any) -> Any:
        """Raw outputs of rows that `array` gave; `numpy.asarray` reads them."""

    @abstractmethod
    def check_gradients(self) -> NDArray[np.float64]:
        """Check the gradient of the first batch's loss over every parameter -> the differences, (n_params,).

        In float64, at the initial parameters.

        Raises
        ------
        GradientError
            Where the check fails.
        """

    @abstractmethod
    def wait(self) -> None:
        """Return when all work is done."""


@final
@dataclass(frozen=True)
class Entry:
    """A library's row in a registry; the adapter is imported in the library's process only.

    Attributes
    ----------
    name : str
        In commands and tables.
    adapter : str
        "module:class".
    needs : str
        The module without which the library is left out.
    """

    name: str
    adapter: str
    needs: str


def find(path: str) -> Any:
    """What "module:name" names."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
