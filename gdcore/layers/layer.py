"""The kinds of layers, their permitted order, and their form for the kernels."""

from __future__ import annotations

from typing import Any, get_args

from ..base.record import Record, Registry
from . import checks as layers_checks
from .dense import Dense
from .dropout import Dropout
from .layer_norm import LayerNorm
from .scaling import Log1p, MinMax, Scaling, Standardize
from .target import ScaledTarget

Trained = Dense | LayerNorm
"""Layers with parameters: their records say which (`shapes`), and how they begin (`initial`)."""

Layer = Dense | Dropout | Standardize | MinMax | Log1p | Trained | ScaledTarget
"""All kinds, in the order in which messages list them; the registry has those with parameters first."""

KINDS: tuple[type[Layer], ...] = tuple(dict.fromkeys((*get_args(Trained), *get_args(Layer))))

LAYERS: Registry[type[Record]] = Registry("layer", KINDS)
"""The kinds of layers, by name."""


def checked_layers(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Check and return layers of matching sizes; at least one is Dense, and one follows every scaling layer.

    A ScaledTarget must be last.
    """
    width: int | None = None
    last: Layer | None = None
    for i, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise layers_checks.no_layer(i, layer, (kind.__name__ for kind in get_args(Layer)))
        if not isinstance(layer, Dropout):
            if width is not None and layer.in_features != width:
                raise layers_checks.other_width(i, layer.in_features, width)
            width = width_behind(layer, layer.in_features)
        if isinstance(layer, ScaledTarget):
            if i < len(layers) - 1:
                raise layers_checks.target_not_last(i)
        elif isinstance(layer, Dense | Scaling):
            last = layer
    if isinstance(last, Scaling):
        raise layers_checks.scaling_without_dense(last, any(isinstance(layer, Dense) for layer in layers))
    if last is None:
        raise layers_checks.no_dense()
    return layers


LayerRow = tuple[Any, ...]
"""A layer in the form that the kernels take; see `Network`."""


def width_behind(layer: Layer, width: int) -> int:
    """Return the number of features behind a layer whose inputs have `width`."""
    return layer.out_features if isinstance(layer, Trained) else width


def acting(layers: tuple[Layer, ...], key: int = 0) -> list[Layer]:
    """Return the layers that act under a dropout key: without one, all but dropout."""
    return [layer for layer in layers if key or not isinstance(layer, Dropout)]


def first_width(layers: tuple[Layer, ...]) -> int:
    """Return the number of features that a model takes."""
    return next(layer.in_features for layer in layers if not isinstance(layer, Dropout))


def layer_table(layers: tuple[Layer, ...], dtype: str) -> tuple[LayerRow, ...]:
    """Return the layers in the form that the kernels of a precision take; each record writes its own row."""
    table: list[LayerRow] = []
    width = first_width(layers)
    for layer in layers:
        if not isinstance(layer, ScaledTarget):  # targets are standardized before the kernels see them
            table.append(layer.kernel_row(width, dtype))
        width = width_behind(layer, width)
    return tuple(table)
