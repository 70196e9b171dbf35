"""The layers' views into a flat vector of parameters or gradients, and their initial parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..activations import get_activation
from ..initializers import get_initializer
from .layers import Dense


def layer_views(layers: list[Dense], vector: NDArray[Any]) -> Iterator[list[NDArray[Any]]]:
    """Each layer's weight (in_features, out_features) and, where it has one, bias (out_features,) in a flat vector."""
    at = 0
    for layer in layers:
        size = layer.in_features * layer.out_features
        views = [vector[at : at + size].reshape(layer.in_features, layer.out_features)]
        at += size
        if layer.bias:
            views.append(vector[at : at + layer.out_features])
            at += layer.out_features
        yield views


def draw_parameters(layers: list[Dense], seed: int | None, params: NDArray[Any]) -> None:
    """Write initial parameters into a flat vector (n_params,), the same ones for the same seed."""
    rng = np.random.default_rng(seed)
    for layer, views in zip(layers, layer_views(layers, params), strict=True):
        shape = (layer.in_features, layer.out_features)
        views[0][...] = get_initializer(layer.weight_init, get_activation(layer.activation).init)(shape, rng)
        if layer.bias:
            views[1][...] = get_initializer(layer.bias_init, "zeros")((1, layer.out_features), rng)[0]


def named_views(layers: list[Dense], vector: Any, n_params: int) -> list[tuple[str, NDArray[Any]]]:
    """Names and views of the parameters in a flat vector (n_params,), as `Sequential.parameters` gives them."""
    if not isinstance(vector, np.ndarray) or vector.shape != (n_params,):
        raise ValueError(f"vector has shape {np.shape(vector)}; expected ({n_params},)")
    return [
        (f"dense{i}.{kind}", view)
        for i, views in enumerate(layer_views(layers, vector))
        for kind, view in zip(("weight", "bias"), views, strict=False)
    ]
