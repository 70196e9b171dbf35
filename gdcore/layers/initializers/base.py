"""The interface of initializers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ...base.record import Record

Weights = NDArray[np.float64]


@final
class Law(NamedTuple):
    """What all numbers of a matrix are drawn from, independently of one another and in their order.

    Attributes
    ----------
    kind : {"constant", "uniform", "normal"}
    first, second : float
        The value, and nothing; the ends of the interval; mean and standard deviation.
    """

    kind: str
    first: float
    second: float = 0.0

    def draw(self, shape: int | tuple[int, ...], rng: np.random.Generator) -> Weights:
        """Draw numbers, float64 in C order."""
        if self.kind == "uniform":
            return rng.uniform(self.first, self.second, shape)
        if self.kind == "normal":
            return rng.normal(self.first, self.second, shape)
        return np.full(shape, self.first, dtype=np.float64)


class Initializer(Record, ABC):
    """Interface of the initializers, each of which draws a weight matrix."""

    def law(self, shape: tuple[int, int]) -> Law | None:
        """Return what each number of a matrix is drawn from; None if they depend on one another."""
        return None

    @abstractmethod
    def __call__(self, shape: tuple[int, int], rng: np.random.Generator) -> Weights:
        """Draw a matrix of ``shape = (in_features, out_features)``, float64 in C order.

        Raises
        ------
        ValueError
            If `shape` is not a pair of integers >= 1.
        """
