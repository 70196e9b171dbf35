"""The interface of a library that takes part."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
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
    def loss(self) -> float | None:
        """The mean loss of all samples at the present parameters; None where nothing is trained."""

    @abstractmethod
    def predict(self, X: Any) -> Any:
        """Raw outputs of rows that `array` gave, for `numpy.asarray` to read; None where nothing is predicted."""

    @abstractmethod
    def check_gradients(self) -> NDArray[np.float64]:
        """Check the gradient of the first batch's loss over every parameter -> that gradient, (n_params,).

        In float64, at the initial parameters; by differences, or as the checker has approved it.

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
    """A library's row in a registry, or a variant of it; the adapter is imported in the library's process only.

    Attributes
    ----------
    name : str
        In commands and tables.
    adapter : str
        "module:class", or a function without arguments that makes the object.
    needs : str
        The module without which the library is left out.
    library : str, default ""
        The library that this is a variant of.
    threads : int, default 0
        Threads, and cores that the process is pinned to; 0 leaves it to the case.
    environment : tuple of (str, str)
        Variables of its process.
    changes : tuple of (str, value)
        Fields of the problem that it replaces.
    """

    name: str
    adapter: str
    needs: str
    library: str = ""
    threads: int = 0
    environment: tuple[tuple[str, str], ...] = ()
    changes: tuple[tuple[str, Any], ...] = ()

    def variant(
        self, name: str, *, threads: int = 0, environment: tuple[tuple[str, str], ...] = (), **changes: Any
    ) -> Entry:
        """The same library under another name and other conditions; `changes` are of the problem."""
        return replace(
            self, name=name, library=self.name, threads=threads, environment=environment,
            changes=tuple(changes.items()),
        )  # fmt: skip


def find(path: str) -> Any:
    """What "module:name" names."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
