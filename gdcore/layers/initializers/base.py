"""The interface of initializers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]


class Initializer(ABC):
    """Interface: draws a weight matrix.

    Attributes
    ----------
    name : str
        The name that stands for the record in `INITIALIZERS`.
    aliases : tuple of str
        Other names of the same record.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __call__(self, shape: tuple[int, int], rng: np.random.Generator) -> Weights:
        """Draw a matrix of ``shape = (in_features, out_features)``, float64 in C order.

        Raises
        ------
        ValueError
            If `shape` is not a pair of integers >= 1.
        """
