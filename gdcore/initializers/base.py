"""The interface of initializers, and the checks that they share."""

import math
from abc import ABC, abstractmethod
from dataclasses import MISSING, fields
from numbers import Real
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

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


def checked_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Return `shape` if it is a pair of integers >= 1."""
    if (
        not isinstance(shape, tuple)
        or len(shape) != 2
        or not all(isinstance(n, int | np.integer) and n >= 1 for n in shape)
    ):
        raise ValueError(f"shape must be (in_features, out_features), integers >= 1, got {shape!r}")
    return shape


def finite(name: str, value: float) -> None:
    """Raise unless `value` is a finite number."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")


def positive(name: str, value: float) -> None:
    """Raise unless `value` is a finite number > 0."""
    finite(name, value)
    if value <= 0:
        raise ValueError(f"{name} must be > 0, got {value}")


def call_repr(record: "DataclassInstance") -> str:
    """Return the call that makes `record`, leaving out the arguments that equal their defaults."""
    arguments = []
    for field in fields(record):
        value = getattr(record, field.name)
        if field.default is MISSING:
            arguments.append(repr(value))
        elif value != field.default:
            arguments.append(f"{field.name}={value!r}")
    return f"{type(record).__name__}({', '.join(arguments)})"
