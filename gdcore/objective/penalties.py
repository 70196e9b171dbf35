"""Penalties of a model and of its layers, parameter by parameter."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..layers.dense import Dense
from ..layers.stack import Stack

Vector = NDArray[np.float64]


def penalty_vectors(stack: Stack, l1: float, l2: float) -> tuple[Vector, Vector]:
    """Return the l1 and the l2 of each parameter.

    Parameters
    ----------
    stack : Stack
    l1, l2 : float
        The model's, of layers that have none of their own.

    Returns
    -------
    l1, l2 : ndarray, shape (n_params,)
        0 for biases and gains.

    Examples
    --------
    >>> import gdcore as gd
    >>> penalty_vectors(gd.Sequential(gd.Dense(2, 1), gd.Dense(1, 1, l1=0.5)).stack, 0.25, 0.0)[0]
    array([0.25, 0.25, 0.  , 0.5 , 0.  ])
    """
    vectors = np.zeros(stack.n_params), np.zeros(stack.n_params)
    layers = stack.trained
    for vector, of_model, own in zip(
        vectors, (l1, l2), ([layer.l1 for layer in layers], [layer.l2 for layer in layers]), strict=True
    ):
        for strength, views in zip(own, stack.layer_views(vector), strict=True):
            views[0][...] = of_model if strength is None else strength
    return vectors


def least_subgradient(params: NDArray[Any], grad: NDArray[Any], l1: Vector) -> None:
    """Replace, in place, the slope 0 that a gradient uses for |w| at 0 by the subgradient of least norm.

    Parameters
    ----------
    params, grad : ndarray, shape (n_params,)
    l1 : ndarray, shape (n_params,)
        From `penalty_vectors`.
    """
    least = np.sign(grad) * np.maximum(np.abs(grad) - l1, 0)
    grad[:] = np.where((params == 0) & (l1 > 0), least, grad)


def without_penalties(stack: Stack, keep: Collection[str] = ()) -> Stack:
    """Return a copy whose layers have no penalties of their own except the kept ones of "l1" and "l2"."""
    layers = [
        replace(layer, l1=layer.l1 if "l1" in keep else 0.0, l2=layer.l2 if "l2" in keep else 0.0)
        if isinstance(layer, Dense)
        else layer
        for layer in stack.layers
    ]
    return stack.with_layers(tuple(layers))
