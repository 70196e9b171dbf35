"""Passes through a network that a diagnosis looks at: its layers' outputs, and unit errors on their way back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..layers.dense import Dense
from ..layers.layer import Layer, acting
from ..layers.stack import Stack
from ..models.sequential import Sequential
from ..objective.objective import Objective

Vector = NDArray[np.float64]

PROBED_ROWS = 32
"""Unit errors pass back through the network for at most this many rows."""
SEED = 0


def plain_layers(stack: Stack) -> list[Layer]:
    """Return the layers with default initial weights, penalties and biases, without dropout."""
    return [
        Dense(layer.in_features, layer.out_features, layer.activation) if isinstance(layer, Dense) else layer
        for layer in acting(stack.layers)
    ]


def dense_outputs(objective: Objective) -> tuple[Vector, list[Vector]]:
    """Return what an objective without dropout feeds to its first dense layer, and the outputs of each dense layer.

    Examples
    --------
    >>> import gdcore as gd
    >>> from ..objective.build import objective_of
    >>> net = gd.Sequential(gd.Standardize((1.0,), (2.0,)), gd.Dense(1, 1, weight_init="ones"), dtype="float64")
    >>> dense_outputs(objective_of(net.stack, [[5.0]], [0.0], "mse"))
    (array([[2.]]), [array([[2.]])])
    """
    seen, given = objective.data.X, []
    for layer, output in zip(acting(objective.stack.layers), objective.layer_outputs(), strict=True):
        if isinstance(layer, Dense):
            given.append(output)
        elif not given:
            seen = output
    return seen, given


def unit_errors(objective: Objective) -> list[float]:
    """Return the root mean square norm of a unit error at the outputs once it has passed back to each dense layer.

    The errors are random, of norm 1, one for each of a few rows, and are measured at the layers' input sums. They
    measure the network alone; the gradient of the loss would be zero at a minimum, in every layer.
    """
    stack = objective.stack
    dense = Sequential(*plain_layers(stack), dtype="float64").stack
    own = dict(stack.parameters())
    for name, view in dense.parameters():
        view[...] = own.get(name, 0.0)
    rng = np.random.default_rng(SEED)
    network = dense.bind(trains=True, blocks=False)
    squares = np.zeros(len(stack.dense))
    rows = rng.permutation(len(objective.data.X))[:PROBED_ROWS]
    grad = np.zeros(dense.n_params)
    for row in rows:
        error = rng.normal(size=(1, dense.out_features))
        X = np.ascontiguousarray(objective.data.X[row : row + 1])
        network.outputs(X, 0)  # the backward pass reads its buffers
        network.gradient_from(X, error / np.linalg.norm(error), grad, 0)
        squares += [
            float(view @ view)
            for block, view in dense.views(grad)
            if block.kind == "bias" and block.layer in dense.dense_names
        ]
    return [float(value) for value in np.sqrt(squares / len(rows))]
