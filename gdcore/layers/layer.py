"""The kinds of layers, their permitted order, and their form for the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from . import checks as layers_checks
from .activations import kernel_activation
from .dense import Dense
from .dropout import Dropout
from .scaling import Log1p, MinMax, Scaling, Standardize
from .target import ScaledTarget

Layer = Dense | Dropout | Standardize | MinMax | Log1p | ScaledTarget


def checked_layers(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Check and return layers of matching sizes; at least one is Dense, and one follows every scaling layer.

    A ScaledTarget must be last.
    """
    width: int | None = None
    last: Layer | None = None
    for i, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            remedy = ": pass the layers themselves, not a list of them" if isinstance(layer, list | tuple) else ""
            received = checks.short(layer)
            kinds = "Dense, Dropout, Standardize, MinMax, Log1p or ScaledTarget"
            raise TypeError(f"layer {i} must be a {kinds}, got {received}{remedy}")
        if not isinstance(layer, Dropout):
            if width is not None and layer.in_features != width:
                raise ValueError(f"layer {i} takes {layer.in_features} features, but the one before it gives {width}")
            width = layer.out_features if isinstance(layer, Dense) else layer.in_features
        if isinstance(layer, ScaledTarget):
            if i < len(layers) - 1:
                raise ValueError(f"layer {i} is a ScaledTarget, which scales outputs: put it last")
        elif not isinstance(layer, Dropout):
            last = layer
    if isinstance(last, Scaling):
        remedy = "put it before one, or add one" if any(isinstance(layer, Dense) for layer in layers) else "add one"
        raise ValueError(f"a Dense layer must come after {type(last).__name__}, which scales inputs: {remedy}")
    if last is None:
        raise ValueError("a model needs at least one Dense layer")
    return layers


LayerRow = (
    tuple[str, int, int, bool, str | tuple[str, float], float | None, float | None, float | None]
    | tuple[str, int, float]
    | tuple[str, int, NDArray[Any], NDArray[Any], float]
    | tuple[str, int]
)
"""A layer in the form that the kernels take; see `Network`."""


def layer_table(layers: tuple[Layer, ...], dtype: str) -> tuple[LayerRow, ...]:
    """Return the layers in the form that the kernels of a precision take.

    ("dense", n_in, n_out, bias, activation, l1, l2, max_norm), ("dropout", width, rate), ("affine", width, shift,
    factor, offset), ("log1p", width).
    """
    table: list[LayerRow] = []
    width = next(layer.in_features for layer in layers if not isinstance(layer, Dropout))
    for layer in layers:
        if isinstance(layer, Dense):
            table.append(
                (
                    "dense",
                    layer.in_features,
                    layer.out_features,
                    layer.bias,
                    kernel_activation(layer.activation, dtype),
                    layer.l1,
                    layer.l2,
                    layer.max_norm,
                )
            )
            width = layer.out_features
        elif isinstance(layer, Dropout):
            table.append(("dropout", width, layer.rate))
        elif isinstance(layer, ScaledTarget):
            continue  # targets are standardized before the kernels see them
        elif isinstance(layer, Log1p):
            table.append(("log1p", width))
        else:
            with np.errstate(over="ignore"):
                exact = layer.affine()
                shift, factor = exact.shift.astype(dtype), exact.factor.astype(dtype)
            layers_checks.scale_fits(layer, shift, factor, dtype)
            table.append(("affine", width, shift, factor, exact.offset))
    return tuple(table)
