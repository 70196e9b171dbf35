"""A model as a sequence of parts, each with the numbers that another program needs.

Design
------
- Every way out walks along `parts_of`, and looks up a part's kind in a table of its own. A kind of layer that a table
  lacks is refused by name, so that no export leaves a layer out in silence.
- Dropout is a part, since PyTorch has it; the ways out that only predict leave it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from numpy.typing import NDArray

from ..layers.activations import get_activation
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.layer_norm import LayerNorm
from ..layers.scaling import Log1p, MinMax, Standardize
from ..layers.target import ScaledTarget
from ..models import Sequential
from . import checks as interop_checks


@final
@dataclass(frozen=True)
class DensePart:
    """A dense layer: a = f(x W + b).

    Attributes
    ----------
    index : int
        Place among the model's layers.
    layer : Dense
    weight : ndarray, shape (in_features, out_features)
    bias : ndarray, shape (out_features,), or None
    activation : str
        Name in `ACTIVATIONS`.
    option : float
        The activation's parameter, 0 if it has none.
    """

    index: int
    layer: Dense
    weight: NDArray[Any]
    bias: NDArray[Any] | None
    activation: str
    option: float


@final
@dataclass(frozen=True)
class AffinePart:
    """A scaling of the inputs: a = (x - shift) * factor + offset.

    Attributes
    ----------
    index : int
    layer : Standardize or MinMax
    shift, factor : ndarray, shape (n_features,)
    offset : float
    """

    index: int
    layer: Standardize | MinMax
    shift: NDArray[Any]
    factor: NDArray[Any]
    offset: float


@final
@dataclass(frozen=True)
class Log1pPart:
    """The logarithm of the inputs: a = log(1 + x)."""

    index: int
    layer: Log1p


@final
@dataclass(frozen=True)
class DropoutPart:
    """Dropout, which does nothing in a prediction."""

    index: int
    layer: Dropout


@final
@dataclass(frozen=True)
class TargetPart:
    """The scale of the outputs: a = mean + std * x, both (out_features,)."""

    index: int
    layer: ScaledTarget
    mean: NDArray[Any]
    std: NDArray[Any]


@final
@dataclass(frozen=True)
class LayerNormPart:
    """The normalization of each row: a = (x - mean) / sqrt(variance + eps) * gain + bias, both (features,)."""

    index: int
    layer: LayerNorm
    gain: NDArray[Any]
    bias: NDArray[Any]


Part = LayerNormPart | DensePart | AffinePart | Log1pPart | DropoutPart | TargetPart


def parts_of(net: Sequential, dtype: str, target: str) -> list[Part]:
    """Return the parts of a model from the inputs to the outputs, their numbers in one precision.

    Parameters
    ----------
    net : Sequential
    dtype : {"float32", "float64"}
    target : str
        The function that the user called, for messages.

    Raises
    ------
    TypeError
        For a kind of layer that has no part.
    ValueError
        For a number that is not finite, or that the precision cannot hold.
    """
    arrays = dict(net.parameters())
    parts: list[Part] = []
    dense = norms = 0
    for i, layer in enumerate(net.layers):
        if isinstance(layer, Dense):
            bias = arrays[f"dense{dense}.bias"] if layer.bias else None
            parts.append(_dense_part(i, layer, arrays[f"dense{dense}.weight"], bias, dtype))
            dense += 1
        elif isinstance(layer, Standardize | MinMax):
            exact = layer.affine()
            name = f"the scale of layer {i}, {type(layer).__name__},"
            shift = interop_checks.rounded(name, exact.shift, dtype)
            parts.append(
                AffinePart(
                    i, layer, shift, interop_checks.rounded(name, exact.factor, dtype, nonzero=True), exact.offset
                )
            )
        elif isinstance(layer, LayerNorm):
            gain, bias = (arrays[f"norm{norms}.{kind}"] for kind in ("gain", "bias"))
            gain = interop_checks.rounded(f"gain of layer {i}", gain, dtype)
            parts.append(LayerNormPart(i, layer, gain, interop_checks.rounded(f"bias of layer {i}", bias, dtype)))
            norms += 1
        elif isinstance(layer, Log1p):
            parts.append(Log1pPart(i, layer))
        elif isinstance(layer, Dropout):
            parts.append(DropoutPart(i, layer))
        elif isinstance(layer, ScaledTarget):
            parts.append(TargetPart(i, layer, *interop_checks.target_scale(layer, dtype)))
        else:
            known = (kind.__name__ for kind in (Dense, Dropout, LayerNorm, Standardize, MinMax, Log1p, ScaledTarget))
            raise interop_checks.cannot_express(target, i, layer, known, "build a model of those")
    return parts


def _dense_part(index: int, layer: Dense, weight: NDArray[Any], bias: NDArray[Any] | None, dtype: str) -> DensePart:
    row = get_activation(layer.activation)
    weight = interop_checks.rounded(f"weight of layer {index}", weight, dtype)
    if bias is not None:
        bias = interop_checks.rounded(f"bias of layer {index}", bias, dtype)
    return DensePart(index, layer, weight, bias, row.name, row.option or 0.0)
