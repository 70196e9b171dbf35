"""The questions that the checker asks of a layer, and the records in which a pass keeps the answers.

Design
------
- Passes through a network (backward.py, rounding.py, smooth.py) know no kinds of layers. A layer makes sums z of its
  inputs, and takes a function of each z. Its kind says what both do to numbers, to their errors and to slopes.
- A kind is a row of functions, as the kernels' `LayerKind` is. What a row leaves out is what a layer does that has no
  parameters, and whose z are its inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Generic, NamedTuple, TypeVar, final

from ....layers.activations import ActivationLike
from ....layers.layer import Layer
from ...slopes.evaluator import Vector

Views = Sequence[Vector]
"""A layer's parameters, or what belongs to each of them, in the order of the flat vector; none without parameters."""

ELEMENTARY = 8
"""A function's value or slope has at most this many roundings: exp, tanh, erf and what follows them."""


class Step(NamedTuple):
    """A layer of the backward pass.

    Attributes
    ----------
    layer : Layer
    activation : str or LeakyReLU
        Of a dense layer; "" for the others.
    x : ndarray, shape (n, i)
        Its input.
    z, slope : ndarray, shape (n, o)
        What its elementwise function is taken of, and that function's slope.
    weight : ndarray, shape (i, o)
        Of a dense layer, or a normalization's gain (o,); empty for the others.
    """

    layer: Layer
    activation: ActivationLike
    x: Vector
    z: Vector
    slope: Vector
    weight: Vector


class Passed(NamedTuple):
    """What one layer keeps for the backward pass: input and slopes, their possible errors, and its parameters.

    `z_error` is the possible error of the activation's input, `jump` the part of a slope's error that comes from a kink
    within reach.
    """

    layer: Layer
    x: Vector
    x_error: Vector
    z_error: Vector
    slope: Vector
    slope_error: Vector
    jump: Vector
    views: Views


class Given(NamedTuple):
    """What a layer is given, with its possible error, and what it gives."""

    x: Vector
    error: Vector
    views: Views
    out: Vector


class Precision(NamedTuple):
    """Machine epsilon, the smallest normal number, and how far a parameter may be off besides."""

    eps: float
    tiny: float
    nudge: float


L = TypeVar("L", bound=Layer)


def inputs_themselves(layer: Layer, views: Views, x: Vector) -> Vector:
    """Return the inputs."""
    return x


def inputs_for_all(layer: Layer, x: Vector, unit: int) -> Vector:
    """Return the inputs, whichever the unit."""
    return x


def delta_itself(layer: Layer, step: Step, delta: Vector, into: Views) -> Vector:
    """Return the slopes of the loss."""
    return delta


def errors_themselves(
    layer: Layer, passed: Passed, delta: Vector, delta_error: Vector, into: Views, eps: float
) -> tuple[Vector, Vector]:
    """Return the slopes' sizes and errors."""
    return delta, delta_error


def layer_itself(layer: Layer) -> Layer:
    """Return the layer."""
    return layer


def no_activation(layer: Layer) -> ActivationLike:
    """Return the name of no activation."""
    return ""


@final
@dataclass(frozen=True)
class Kind(Generic[L]):
    """What the checker does with one kind of layer.

    Attributes
    ----------
    filled : callable
        layer -> a layer of the same shape whose output is not 0 if its input is not.
    elementwise : callable
        layer, z (n, o), dropout's mask or None -> value and slope (n, o) of its elementwise function.
    errors : callable
        layer, Given, Precision -> Passed, and the possible error of the output.
    activation : callable
        layer -> its activation; "" is none.
    bare : callable
        layer -> the layer without its elementwise function.
    sums : callable
        layer, views, x (n, i) -> z (n, o).
    factors : callable
        layer, x (n, i), unit -> what the parameters of a unit multiply, (n, their number), without the bias.
    back : callable
        layer, Step, d loss / d z, views -> d loss / d x. It writes the gradient into the views.
    errors_back : callable
        layer, Passed, |d loss / d z| and its possible error, views, eps -> those of x, at most. It writes the possible
        errors of the gradient into the views.
    """

    filled: Callable[[L], Layer]
    elementwise: Callable[[L, Vector, Vector | None], tuple[Vector, Vector]]
    errors: Callable[[L, Given, Precision], tuple[Passed, Vector]]
    activation: Callable[[L], ActivationLike] = no_activation
    bare: Callable[[L], Layer] = layer_itself
    sums: Callable[[L, Views, Vector], Vector] = inputs_themselves
    factors: Callable[[L, Vector, int], Vector] = inputs_for_all
    back: Callable[[L, Step, Vector, Views], Vector] = delta_itself
    errors_back: Callable[[L, Passed, Vector, Vector, Views, float], tuple[Vector, Vector]] = errors_themselves


def summing(n: int, eps: float) -> float:
    """Return the relative error of a sum of n products."""
    return eps * min(n + 1.0, 8 + 4 * sqrt(n))
