"""The interface of initializers."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from ...base.record import Record

Weights = NDArray[np.float64]


class Initializer(Record, ABC):
    """Interface of the initializers, each of which draws a weight matrix."""

    @abstractmethod
    def __call__(self, shape: tuple[int, int], rng: np.random.Generator) -> Weights:
        """Draw a matrix of ``shape = (in_features, out_features)``, float64 in C order.

        Raises
        ------
        ValueError
            If `shape` is not a pair of integers >= 1.
        """
