"""gelu in float64 as operations of ONNX.

Design
------
- onnxruntime has Erf in float32 only, and its Gelu has the same limit. So z Phi(z) is made of operations that it has in
  float64.
- For z < 0 the normal distribution function is ``exp(-z^2 / 2) erfcx(a) / 2`` with ``a = |z| / sqrt(2)``, where erfcx
  is the scaled complementary error function; for z > 0 it is one minus that. ``(1 + 2 a) erfcx(a)`` is smooth in
  ``t = (a - SHIFT) / (a + SHIFT)``, which maps all a >= 0 to [-1, 1): a polynomial of degree `DEGREE` has it to
  roundoff.
- The polynomial interpolates at Chebyshev's points, and is computed when a model is exported. Tested are 1e-15 of the
  largest value, and 1e-12 of each value, also far in the tail, where the rounding of z^2 counts.

References
----------
Shepherd, M. and Laframboise, J. (1981). Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity.
Mathematics of Computation 36.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from .graph import Graph

SHIFT, DEGREE = 3.75, 20
FAR, TERMS = 20.0, 11
"""From a = FAR on, so many terms of the asymptotic series of erfcx are exact to roundoff; erfc underflows at 26."""


def gelu(graph: Graph, z: str) -> str:
    """Add z times the normal distribution function of z, and return the name of the result."""

    def of(kind: str, *inputs: str | float) -> str:
        return graph.node(kind, *(each if isinstance(each, str) else graph.constant(each) for each in inputs))

    a = of("Mul", of("Abs", z), math.sqrt(0.5))
    t = of("Div", of("Sub", a, SHIFT), of("Add", a, SHIFT))
    first, *others = polynomial()
    value: str | float = first
    for coefficient in others:
        value = of("Add", of("Mul", t, value), coefficient)
    scaled = of("Div", value, of("Add", of("Mul", a, 2.0), 1.0))
    tail = of("Mul", of("Mul", scaled, 0.5), of("Exp", of("Mul", of("Mul", z, z), -0.5)))
    share = of("Where", of("Less", z, 0.0), tail, of("Sub", 1.0, tail))
    return of("Mul", z, share)


@cache
def polynomial() -> tuple[float, ...]:
    """Return the coefficients of (1 + 2 a) erfcx(a) in powers of t, the highest first."""
    points: NDArray[np.float64] = chebyshev.chebpts1(DEGREE + 1)
    values = np.array([_smooth(each) for each in points.tolist()])
    found = chebyshev.cheb2poly(chebyshev.chebfit(points, values, DEGREE))
    return tuple(found[::-1].tolist())


def _smooth(t: float) -> float:
    """Return (1 + 2 a) erfcx(a)."""
    a = SHIFT * (1 + t) / (1 - t)
    return (1 + 2 * a) * _erfcx(a)


def _erfcx(a: float) -> float:
    """Return exp(a^2) erfc(a) for a >= 0."""
    if a < FAR:
        return math.exp(a * a) * math.erfc(a)
    total = term = 1.0
    for k in range(1, TERMS + 1):
        term *= -(2 * k - 1) / (2 * a * a)
        total += term
    return total / (a * math.sqrt(math.pi))
