"""Initializers that do not depend on the layer's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from ...base import checks
from .. import checks as layers_checks
from .base import Initializer, Law, Weights


@final
@dataclass(frozen=True, repr=False)
class Zeros(Initializer):
    """All weights 0: for output layers and linear models.

    Hidden units that start equal stay equal, so a hidden layer needs random weights.

    Examples
    --------
    >>> Zeros()((1, 2), np.random.default_rng(0))
    array([[0., 0.]])
    """

    name = "zeros"

    def law(self, shape: tuple[int, int]) -> Law:
        return Law("constant", 0.0)

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator) -> Weights:
        """Return a matrix of `shape`, ``(in_features, out_features)``."""
        return self.law(shape).draw(layers_checks.weight_shape(shape), rng)


@final
@dataclass(frozen=True, repr=False)
class Ones(Initializer):
    """All weights 1.

    Examples
    --------
    >>> Ones()((1, 2), np.random.default_rng(0))
    array([[1., 1.]])
    """

    name = "ones"

    def law(self, shape: tuple[int, int]) -> Law:
        return Law("constant", 1.0)

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator) -> Weights:
        """Return a matrix of `shape`, ``(in_features, out_features)``."""
        return self.law(shape).draw(layers_checks.weight_shape(shape), rng)


@final
@dataclass(frozen=True, repr=False)
class Constant(Initializer):
    """All weights equal to one value.

    Parameters
    ----------
    value : float
        The value, finite.

    Examples
    --------
    >>> Constant(0.5)((1, 2), np.random.default_rng(0))
    array([[0.5, 0.5]])
    """

    name = "constant"
    value: float

    def __post_init__(self) -> None:
        checks.finite("value", self.value)

    def law(self, shape: tuple[int, int]) -> Law:
        return Law("constant", self.value)

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator) -> Weights:
        """Return a matrix of `shape`, ``(in_features, out_features)``."""
        return self.law(shape).draw(layers_checks.weight_shape(shape), rng)


@final
@dataclass(frozen=True, repr=False)
class Normal(Initializer):
    """Normal weights of one width, whatever the layer's size.

    Parameters
    ----------
    std : float, default 0.01
        Standard deviation, > 0.
    mean : float, default 0.0
        Mean, finite.

    Examples
    --------
    >>> Normal(std=0.1)((3, 4), np.random.default_rng(0)).shape
    (3, 4)
    """

    name = "normal"
    std: float = 0.01
    mean: float = 0.0

    def __post_init__(self) -> None:
        checks.positive("std", self.std)
        checks.finite("mean", self.mean)

    def law(self, shape: tuple[int, int]) -> Law:
        return Law("normal", self.mean, self.std)

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator) -> Weights:
        """Return a matrix of `shape`, ``(in_features, out_features)``."""
        return self.law(shape).draw(layers_checks.weight_shape(shape), rng)


@final
@dataclass(frozen=True, repr=False)
class Uniform(Initializer):
    """Uniform weights in [low, high), whatever the layer's size.

    Parameters
    ----------
    low, high : float
        The interval's ends, ``low < high``, both finite.

    Examples
    --------
    >>> Uniform(-0.05, 0.05)((3, 4), np.random.default_rng(0)).shape
    (3, 4)
    """

    name = "uniform"
    low: float
    high: float

    def __post_init__(self) -> None:
        checks.finite("low", self.low)
        checks.finite("high", self.high)
        if not self.low < self.high:
            raise ValueError(f"low must be < high, got low={self.low} and high={self.high}")
        checks.finite("high - low", self.high - self.low)

    def law(self, shape: tuple[int, int]) -> Law:
        return Law("uniform", self.low, self.high)

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator) -> Weights:
        """Return a matrix of `shape`, ``(in_features, out_features)``."""
        return self.law(shape).draw(layers_checks.weight_shape(shape), rng)
