"""A model as a sequence of parts, each with the numbers that another program needs.

Design
------
- Every way out walks along `parts_of`, and looks up a part's kind in a table of its own. A kind of layer that `MAKERS`
  lacks is refused by name, and each table has a row for every kind of part. So no export leaves a layer out in silence.
- Dropout is a part, since PyTorch has it; in the ways out that only predict its row does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

from numpy.typing import NDArray

from ..layers.activations import get_activation
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.layer import Layer, Trained
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


Arrays = dict[str, NDArray[Any]]
"""Kind of a block ("weight", "gain", "bias") -> its numbers."""
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
    arrays: dict[str, Arrays] = {}
    for block, view in net.stack.views(net.stack.copied_params()):
        arrays.setdefault(block.layer, {})[block.kind] = view
    of_trained = iter(arrays.values())
    parts: list[Part] = []
    for i, layer in enumerate(net.layers):
        if type(layer) not in MAKERS:
            known = (kind.__name__ for kind in MAKERS)
            raise interop_checks.cannot_express(target, i, layer, known, "build a model of those")
        own = next(of_trained) if isinstance(layer, Trained) else {}
        parts.append(MAKERS[type(layer)](i, layer, own, dtype))
    return parts


def _dense(index: int, layer: Dense, arrays: Arrays, dtype: str) -> DensePart:
    row, own = get_activation(layer.activation), _rounded(index, arrays, dtype)
    return DensePart(index, layer, own["weight"], own.get("bias"), row.name, row.option or 0.0)


def _layer_norm(index: int, layer: LayerNorm, arrays: Arrays, dtype: str) -> LayerNormPart:
    return LayerNormPart(index, layer, **_rounded(index, arrays, dtype))


def _affine(index: int, layer: Standardize | MinMax, arrays: Arrays, dtype: str) -> AffinePart:
    exact, name = layer.affine(), f"the scale of layer {index}, {type(layer).__name__},"
    shift = interop_checks.rounded(name, exact.shift, dtype)
    factor = interop_checks.rounded(name, exact.factor, dtype, nonzero=True)
    return AffinePart(index, layer, shift, factor, exact.offset)


def _target(index: int, layer: ScaledTarget, arrays: Arrays, dtype: str) -> TargetPart:
    return TargetPart(index, layer, *interop_checks.target_scale(layer, dtype))


def _rounded(index: int, arrays: Arrays, dtype: str) -> Arrays:
    """Return a layer's parameters by kind, in the precision of the export."""
    return {kind: interop_checks.rounded(f"{kind} of layer {index}", view, dtype) for kind, view in arrays.items()}


MAKERS: dict[type[Layer], Callable[[int, Any, Arrays, str], Part]] = {
    Dense: _dense,
    Dropout: lambda index, layer, arrays, dtype: DropoutPart(index, layer),
    LayerNorm: _layer_norm,
    Standardize: _affine,
    MinMax: _affine,
    Log1p: lambda index, layer, arrays, dtype: Log1pPart(index, layer),
    ScaledTarget: _target,
}
"""Kind of layer -> what makes its part: (place, layer, its parameters by kind, precision) -> part."""
