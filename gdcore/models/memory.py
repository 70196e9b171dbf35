"""The layers' views into a flat vector of parameters or gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

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
