"""A dense layer as the checker sees it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....layers.activations import ActivationLike
from ....layers.dense import Dense
from ...slopes.evaluator import Vector
from ..activation import activation_errors, at_ends
from .kind import Given, Kind, Passed, Precision, Step, Views, summing


def filled(layer: Dense) -> Dense:
    """Return a layer of the same shape whose outputs are 1."""
    return replace(layer, activation="identity", bias=True, weight_init="zeros", bias_init="ones")


def bare(layer: Dense) -> Dense:
    """Return the layer without its activation."""
    return replace(layer, activation="identity")


def activation(layer: Dense) -> ActivationLike:
    """Return its activation."""
    return layer.activation


def sums(layer: Dense, views: Views, x: Vector) -> Vector:
    """Return x W + b."""
    return x @ views[0] + sum(views[1:])


def elementwise(layer: Dense, z: Vector, mask: Vector | None) -> tuple[Vector, Vector]:
    """Return the activation's value and slope."""
    return at_ends(layer.activation, z)


def back(layer: Dense, step: Step, delta: Vector, into: Views) -> Vector:
    """Write the gradient of weight and bias, and return delta at the inputs."""
    weight, *bias = into
    weight[...] = step.x.T @ delta
    for view in bias:
        view[...] = delta.sum(axis=0)
    return delta @ step.weight.T


def errors(layer: Dense, given: Given, precision: Precision) -> tuple[Passed, Vector]:
    """Return the errors that the sums have of their own and of their inputs, and what the activation makes of them."""
    x, error, views, _ = given
    eps, tiny, nudge = precision
    sizes = np.abs(x) @ np.abs(views[0]) + sum(np.abs(bias) for bias in views[1:])
    z, z_error = sums(layer, views, x), error @ np.abs(views[0])
    moved = nudge * np.maximum(1, np.abs(x).max(axis=1, keepdims=True))
    z_error += summing(layer.in_features + 1, eps) * sizes + moved
    z_error += np.where(sizes > 0, (layer.in_features + 1) * tiny, 0.0)  # of products that underflow
    value_error, slope, slope_error, jump = activation_errors(layer.activation, z, z_error, eps)
    return Passed(layer, x, error, z_error, slope, slope_error, jump, views), value_error


def errors_back(
    layer: Dense, passed: Passed, delta: Vector, delta_error: Vector, into: Views, eps: float
) -> tuple[Vector, Vector]:
    """Write the errors of the gradient, and return the slopes' sizes and errors at the inputs."""
    rows = summing(len(delta), eps)
    into[0][...] = np.abs(passed.x).T @ (delta_error + rows * delta) + passed.x_error.T @ (delta + delta_error)
    for bias in into[1:]:
        bias[...] = delta_error.sum(axis=0) + rows * delta.sum(axis=0)
    weight, delta_error = np.abs(passed.views[0]), delta_error + summing(delta.shape[1], eps) * delta
    return delta @ weight.T, delta_error @ weight.T


DENSE = Kind(
    filled=filled,
    elementwise=elementwise,
    errors=errors,
    activation=activation,
    bare=bare,
    sums=sums,
    back=back,
    errors_back=errors_back,
)
