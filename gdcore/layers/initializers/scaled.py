"""Initializers that keep a signal's size from layer to layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from ...base import checks
from .. import checks as layers_checks
from .base import Initializer, Law, Weights


def _normal(variance: float) -> Law:
    return Law("normal", 0.0, math.sqrt(variance))


def _uniform(variance: float) -> Law:
    limit = math.sqrt(3 * variance)
    return Law("uniform", -limit, limit)


def _glorot(shape: tuple[int, int]) -> float:
    """Return the variance between the one that keeps the signal's size and the one that keeps the gradient's."""
    fan_in, fan_out = layers_checks.weight_shape(shape)
    return 2 / (fan_in + fan_out)


def _he(shape: tuple[int, int]) -> float:
    """Return the variance that keeps the signal's size behind a rectifier."""
    return 2 / layers_checks.weight_shape(shape)[0]


@final
@dataclass(frozen=True, repr=False)
class GlorotUniform(Initializer):
    """Uniform weights of variance ``2 / (fan_in + fan_out)``.

    The variance is a compromise between keeping the signal's variance on the way forward,
    ``1 / fan_in``, and the gradient's on the way back, ``1 / fan_out``.

    References
    ----------
    Glorot, X. and Bengio, Y. (2010). Understanding the difficulty of training deep feedforward
    neural networks. AISTATS.

    Examples
    --------
    >>> weight = GlorotUniform()((64, 128), np.random.default_rng(0))
    >>> bool(abs(weight).max() <= (6 / (64 + 128)) ** 0.5)
    True
    """

    name = "glorot_uniform"
    aliases = ("xavier_uniform",)

    def law(self, shape: tuple[int, int]) -> Law:
        return _uniform(_glorot(shape))

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator) -> Weights:
        """Return a matrix of `shape`, ``(in_features, out_features)``."""
        return self.law(shape).draw(shape, rng)


@final
@dataclass(frozen=True, repr=False)
class GlorotNormal(Initializer):
    """Normal weights of variance ``2 / (fan_in + fan_out)``: see `GlorotUniform`.

    References
    ----------
    Glorot, X. and Bengio, Y. (2010). Understanding the difficulty of training deep feedforward
    neural networks. AISTATS.

    Examples
    --------
    >>> GlorotNormal()((64, 128), np.random.default_rng(0)).shape
    (64, 128)
    """

    name = "glorot_normal"
    aliases = ("xavier_normal",)

    def law(self, shape: tuple[int, int]) -> Law:
        return _normal(_glorot(shape))

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator) -> Weights:
        """Return a matrix of `shape`, ``(in_features, out_features)``."""
        return self.law(shape).draw(shape, rng)


@final
@dataclass(frozen=True, repr=False)
class HeUniform(Initializer):
    """Uniform weights of variance ``2 / fan_in``: see `HeNormal`.

    References
    ----------
    He, K., Zhang, X., Ren, S. and Sun, J. (2015). Delving deep into rectifiers. ICCV.

    Examples
    --------
    >>> weight = HeUniform()((64, 128), np.random.default_rng(0))
    >>> bool(abs(weight).max() <= (6 / 64) ** 0.5)
    True
    """

    name = "he_uniform"
    aliases = ("kaiming_uniform",)

    def law(self, shape: tuple[int, int]) -> Law:
        return _uniform(_he(shape))

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator) -> Weights:
        """Return a matrix of `shape`, ``(in_features, out_features)``."""
        return self.law(shape).draw(shape, rng)


@final
@dataclass(frozen=True, repr=False)
class HeNormal(Initializer):
    """Normal weights of variance ``2 / fan_in``.

    The factor 2 compensates for the half of the signal that a rectifier sets to 0.

    References
    ----------
    He, K., Zhang, X., Ren, S. and Sun, J. (2015). Delving deep into rectifiers. ICCV.

    Examples
    --------
    >>> HeNormal()((64, 128), np.random.default_rng(0)).shape
    (64, 128)
    """

    name = "he_normal"
    aliases = ("kaiming_normal",)

    def law(self, shape: tuple[int, int]) -> Law:
        return _normal(_he(shape))

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator) -> Weights:
        """Return a matrix of `shape`, ``(in_features, out_features)``."""
        return self.law(shape).draw(shape, rng)


@final
@dataclass(frozen=True, repr=False)
class LecunNormal(Initializer):
    """Normal weights of variance ``1 / fan_in``: a layer's sums keep the variance of its inputs.

    References
    ----------
    LeCun, Y., Bottou, L., Orr, G. and Müller, K.-R. (1998). Efficient BackProp. In Neural Networks:
    Tricks of the Trade, Springer.

    Examples
    --------
    >>> LecunNormal()((64, 128), np.random.default_rng(0)).shape
    (64, 128)
    """

    name = "lecun_normal"

    def law(self, shape: tuple[int, int]) -> Law:
        return _normal(1 / layers_checks.weight_shape(shape)[0])

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator) -> Weights:
        """Return a matrix of `shape`, ``(in_features, out_features)``."""
        return self.law(shape).draw(shape, rng)


@final
@dataclass(frozen=True, repr=False)
class Orthogonal(Initializer):
    """A random orthogonal matrix times `gain`, uniform over all of them.

    The rows or the columns, whichever are fewer, are orthogonal and of length `gain`. A product
    of such square matrices, however long, has all its singular values equal.

    Parameters
    ----------
    gain : float, default 1.0
        Length of the orthogonal rows or columns, > 0.

    Notes
    -----
    The factorization is LAPACK's: for large matrices the last bits depend on the number of threads
    of the BLAS that NumPy uses.

    References
    ----------
    Saxe, A., McClelland, J. and Ganguli, S. (2014). Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks. ICLR.

    Mezzadri, F. (2007). How to generate random matrices from the classical compact groups. Notices
    of the AMS 54.

    Examples
    --------
    >>> weight = Orthogonal(gain=2.0)((3, 8), np.random.default_rng(0))
    >>> np.allclose(weight @ weight.T, 4 * np.eye(3))
    True
    """

    name = "orthogonal"
    gain: float = 1.0

    def __post_init__(self) -> None:
        checks.positive("gain", self.gain)

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator) -> Weights:
        """Return a matrix of `shape`, ``(in_features, out_features)``."""
        fan_in, fan_out = layers_checks.weight_shape(shape)
        q, r = np.linalg.qr(rng.standard_normal((max(shape), min(shape))))
        # Without R's signs the matrix is orthogonal, but its distribution is not uniform.
        q *= np.copysign(self.gain, np.diagonal(r))
        return np.ascontiguousarray(q if fan_in >= fan_out else q.T)
