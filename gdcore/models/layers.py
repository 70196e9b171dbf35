"""Layers: frozen records of shapes and options; the model holds the parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from .. import checks, checks_scaling
from .._repr import call_repr
from ..activations import get_activation
from ..initializers import Initializer, get_initializer
from .scaling import Log1p, MinMax, Scaling, Standardize
from .target import ScaledTarget


@final
@dataclass(frozen=True, repr=False)
class Dense:
    """a = f(x W + b).

    Parameters
    ----------
    in_features, out_features : int
        Shape of W: (in_features, out_features).
    activation : str, default "identity"
        A name in `gdcore.ACTIVATIONS`.
    bias : bool, default True
        Whether b, shape (out_features,), is there.
    weight_init, bias_init : str or Initializer, default "auto" and "zeros"
        "auto" suits the activation: He for relu and its kin, LeCun for selu, Glorot for the others.
    l1, l2 : float, optional
        Penalty l1 * sum |W| + l2/2 * sum W^2 in place of the model's l1 or l2 (of `Trainer`, `fit`, `loss`, …), 0 for
        none; by default the model's.
    max_norm : float, optional
        What the norm of no unit's weights, a column of W, exceeds after a step of training: larger ones are scaled
        down to it. Initial weights are left alone.

    Raises
    ------
    TypeError, ValueError
        For sizes that are not integers >= 1, unknown names, penalties below 0 and a max_norm that is not above 0.

    References
    ----------
    Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I. and Salakhutdinov, R. (2014). Dropout: a simple
    way to prevent neural networks from overfitting. JMLR 15. (max_norm)

    Examples
    --------
    >>> Dense(64, 128, "relu", l2=1e-4)
    Dense(64, 128, 'relu', l2=0.0001)
    """

    in_features: int
    out_features: int
    activation: str = "identity"
    bias: bool = True
    weight_init: str | Initializer = "auto"
    bias_init: str | Initializer = "zeros"
    l1: float | None = field(default=None, kw_only=True)
    l2: float | None = field(default=None, kw_only=True)
    max_norm: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        checks.integer("in_features", self.in_features, 1)
        checks.integer("out_features", self.out_features, 1)
        checks.boolean("bias", self.bias)
        row = get_activation(self.activation)
        object.__setattr__(self, "activation", row.name)
        get_initializer(self.weight_init, row.init)
        get_initializer(self.bias_init, "zeros")
        for name, value in (("l1", self.l1), ("l2", self.l2)):
            if value is not None:
                checks.nonnegative(name, value)
        if self.max_norm is not None:
            checks.positive("max_norm", self.max_norm)

    @property
    def n_params(self) -> int:
        """Weights and biases."""
        return self.in_features * self.out_features + (self.out_features if self.bias else 0)

    def __repr__(self) -> str:
        return call_repr(self, positional=2 if self.activation == "identity" else 3)


@final
@dataclass(frozen=True, repr=False)
class Dropout:
    """Sets each input to 0 with probability `rate` while training and scales the others by 1 / (1 - rate).

    Left out in `predict` and `loss`.

    Parameters
    ----------
    rate : float, default 0.5
        In [0, 1).

    References
    ----------
    Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I. and Salakhutdinov, R. (2014). Dropout: a simple
    way to prevent neural networks from overfitting. JMLR 15.

    Examples
    --------
    >>> Dropout(0.2)
    Dropout(0.2)
    """

    rate: float = 0.5

    def __post_init__(self) -> None:
        checks.in_range("rate", self.rate, 0, 1)

    def __repr__(self) -> str:
        return call_repr(self, positional=1)


Layer = Dense | Dropout | Standardize | MinMax | Log1p | ScaledTarget


def checked_stack(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Layers whose sizes follow one another, at least one of them Dense, and that behind every scaling layer.

    A ScaledTarget is the last of them.
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
                raise ValueError(
                    f"layer {i} takes {layer.in_features} features, but the one before it gives {width}"
                )
            width = layer.out_features if isinstance(layer, Dense) else layer.in_features
        if isinstance(layer, ScaledTarget):
            if i < len(layers) - 1:
                raise ValueError(f"layer {i} is a ScaledTarget, which scales outputs: put it last")
        elif not isinstance(layer, Dropout):
            last = layer
    if isinstance(last, Scaling):
        remedy = "put it before one, or add one" if any(isinstance(layer, Dense) for layer in layers) else "add one"
        raise ValueError(f"a Dense layer must come behind {type(last).__name__}, which scales inputs: {remedy}")
    if last is None:
        raise ValueError("a model needs at least one Dense layer")
    return layers


def dropout_key(seed: int | None) -> int:
    """The kernels' key for a mask that `seed` fixes; 0, without dropout, where there is none."""
    return 0 if seed is None else 1 + checks.integer("dropout_seed", seed, 0, 2**64 - 2)


LayerRow = (
    tuple[str, int, int, bool, str, float | None, float | None, float | None] | tuple[str, int, float]
    | tuple[str, int, NDArray[Any], NDArray[Any], float] | tuple[str, int]
)  # fmt: skip
"""A layer as the kernels take it: see `Network`."""


def stack_table(layers: tuple[Layer, ...], dtype: str) -> tuple[LayerRow, ...]:
    """The layers as the kernels of a precision take them.

    ("dense", n_in, n_out, bias, activation, l1, l2, max_norm), ("dropout", width, rate), ("affine", width, shift,
    factor, offset), ("log1p", width).
    """
    table: list[LayerRow] = []
    width = next(layer.in_features for layer in layers if not isinstance(layer, Dropout))
    for layer in layers:
        if isinstance(layer, Dense):
            table.append((
                "dense", layer.in_features, layer.out_features, layer.bias, layer.activation,
                layer.l1, layer.l2, layer.max_norm,
            ))  # fmt: skip
            width = layer.out_features
        elif isinstance(layer, Dropout):
            table.append(("dropout", width, layer.rate))
        elif isinstance(layer, ScaledTarget):
            continue    # targets are standardized before the kernels see them
        elif isinstance(layer, Log1p):
            table.append(("log1p", width))
        else:
            with np.errstate(over="ignore"):
                exact = layer.affine()
                shift, factor = exact.shift.astype(dtype), exact.factor.astype(dtype)
            checks_scaling.scale_fits(layer, shift, factor, dtype)
            table.append(("affine", width, shift, factor, exact.offset))
    return tuple(table)
