"""`from_torch`: a module of PyTorch, or its state dict, as a model.

Design
------
- A dense layer holds its activation, so a walk along the modules keeps the layer that was met last, and gives it the
  activation that follows. Everything else that stands in a module's way is refused by name.
- A state dict has no activations: the caller names them. It may come from a file, as arrays of NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base import checks
from ...base.calls import explains_calls
from ...base.not_arrays import library
from ...base.optional import optional
from ...layers.activations import ActivationLike, activation_spec
from ...layers.dense import Dense
from ...layers.dropout import Dropout
from ...layers.layer import Layer
from ...layers.layer_norm import LayerNorm
from ...layers.scaling import Log1p, MinMax, Standardize
from ...layers.target import ScaledTarget
from ...models import Sequential
from .. import checks as interop_checks
from . import checks as torch_checks
from .forms import NEAREST, activation_of
from .out import INSTALL

Arrays = list[NDArray[Any]]


@explains_calls
def from_torch(
    source: Any, activation: ActivationLike | None = None, *, output_activation: ActivationLike = "identity"
) -> Sequential:
    """Return a model that computes what a `torch.nn.Sequential` computes.

    Parameters
    ----------
    source : torch.nn.Sequential, torch.nn.Linear or mapping
        Linear, Dropout, Identity, the activations of `ACTIVATIONS`, and Sequential within Sequential; or a state dict,
        of tensors or arrays, with the weights and biases of dense layers in their order.
    activation : str or LeakyReLU, optional
        Of the hidden layers of a state dict, which does not tell; it may be left out if there is one layer.
    output_activation : str or LeakyReLU, default "identity"
        Of the last layer of a state dict.

    Returns
    -------
    Sequential
        With copies of the parameters, in their precision.

    Raises
    ------
    ImportError
        If PyTorch is not installed and `source` is no mapping.
    TypeError, ValueError
        For a module, an option or a tensor that gdcore has nothing equal to; the message names the nearest.

    Examples
    --------
    >>> import numpy as np
    >>> state = {"0.weight": np.ones((3, 2)), "0.bias": np.zeros(3), "2.weight": np.ones((1, 3)), "2.bias": np.ones(1)}
    >>> from_torch(state, activation="relu").predict([[1, 1]])
    array([[7.]])
    """
    if isinstance(source, Mapping):
        return _from_state(source, activation, output_activation)
    if activation is not None:
        raise torch_checks.activation_of_modules(activation)
    torch = optional("torch", "from_torch", INSTALL)
    if not isinstance(source, torch.nn.Module):
        raise torch_checks.no_source(source)
    layers: list[Layer] = []
    arrays: Arrays = []
    modules = list(_flat(torch.nn, "", source))
    for place, module in modules:
        if library(module) == "gdcore":
            layers.append(_scaling(place, module, last=module is modules[-1][1]))
        else:
            _add(torch.nn, place, module, layers, arrays)
    return _model(layers, arrays)


def _flat(nn: Any, place: str, module: Any) -> Iterator[tuple[str, Any]]:
    """Yield the modules of a Sequential in their order, with their places, such as "2.0"."""
    if type(module) is not nn.Sequential:
        yield place or "itself", module
        return
    for name, child in module.named_children():
        yield from _flat(nn, f"{place}.{name}" if place else name, child)


def _add(nn: Any, place: str, module: Any, layers: list[Layer], arrays: Arrays) -> None:
    """Add a module to the layers, and its parameters to the arrays."""
    if type(module) is nn.Linear:
        names = [name for name, _ in module.named_parameters()]
        if not set(names) <= {"weight", "bias"}:
            raise interop_checks.foreign_parameters(place, module, names)
        found = [array_of(f"{place}.{name}", value) for name, value in module.named_parameters()]
        layers.append(Dense(module.in_features, module.out_features, bias=module.bias is not None))
        arrays += [found[0].T, *found[1:]]
        return
    if type(module) is nn.LayerNorm:
        layers.append(LayerNorm(interop_checks.one_axis(place, module.normalized_shape), float(module.eps)))
        given = {name: array_of(f"{place}.{name}", value) for name, value in module.named_parameters()}
        if not given:
            raise interop_checks.without_gain(place)
        arrays += [given["weight"], given.get("bias", np.zeros_like(given["weight"]))]
        return
    if type(module) is nn.Dropout:
        if module.p >= 1:
            raise torch_checks.drops_all(place)
        layers.append(Dropout(float(module.p)))
        return
    if type(module) is nn.Identity or (type(module) is nn.Flatten and module.start_dim == 1):
        return
    activation = activation_of(nn, place, module)
    if activation is not None:
        last = layers[-1] if layers else None
        if not isinstance(last, Dense) or last.activation != "identity":
            raise interop_checks.activation_alone(place, module, last)
        layers[-1] = replace(last, activation=activation_spec(activation))
        return
    raise interop_checks.foreign_module(place, module, NEAREST.get(type(module).__name__))


def _scaling(place: str, module: Any, last: bool) -> Layer:
    """Return the scaling layer of a module that `to_torch` has made."""
    from .modules import Log1p as Log1pModule
    from .modules import Scale

    if isinstance(module, Log1pModule):
        return Log1p(module.in_features)
    if not isinstance(module, Scale):
        raise interop_checks.foreign_module(place, module, None)
    shift, factor, offset = (np.asarray(each.detach().cpu(), np.float64) for each in module.buffers())
    if last:
        return ScaledTarget(tuple((offset - shift * factor).tolist()), tuple(factor.tolist()))
    if not offset.any():
        return Standardize(tuple(shift.tolist()), tuple((1 / factor).tolist()))
    low = float(offset[0])
    return MinMax(tuple(shift.tolist()), tuple((shift + 1 / factor).tolist()), low, low + 1)


def _from_state(state: Mapping[Any, Any], activation: ActivationLike | None, output: ActivationLike) -> Sequential:
    """Return a model from weights (n_out, n_in) and biases (n_out,) by name."""
    found = [(str(name), array_of(str(name), value)) for name, value in state.items()]
    layers: list[Dense] = []
    arrays: Arrays = []
    for name, array in found:
        stem, _, word = name.rpartition(".")
        if word == "weight" and array.ndim == 2:
            layers.append(Dense(array.shape[1], array.shape[0], bias=f"{stem}.bias".lstrip(".") in state))
            arrays.append(array.T)
        elif word == "bias" and layers and layers[-1].bias and array.shape == (layers[-1].out_features,):
            arrays.append(array)
        else:
            raise interop_checks.foreign_entry(name, array.shape)
    if len(layers) > 1 and activation is None:
        raise torch_checks.no_activations()
    if not layers:
        raise torch_checks.empty_state()
    if activation is not None:
        layers[:-1] = [replace(layer, activation=activation) for layer in layers[:-1]]
    layers[-1] = replace(layers[-1], activation=output)
    return _model(list(layers), arrays)


def _model(layers: list[Layer], arrays: Arrays) -> Sequential:
    """Return a model of layers, with these parameters, in their precision."""
    kinds = {array.dtype.name for array in arrays}
    if len(kinds) > 1:
        raise torch_checks.several_precisions(kinds)
    net = Sequential(*layers, dtype=kinds.pop() if kinds else "float32")
    net.params = np.concatenate([array.ravel() for array in arrays])
    return net


def array_of(name: str, value: Any) -> NDArray[Any]:
    """Return a tensor's numbers, float32 or float64.

    Raises
    ------
    TypeError
        For other kinds of numbers, and for a tensor without numbers.
    """
    if library(value) == "torch":
        if str(value.device) == "meta":
            raise torch_checks.without_numbers(name)
        if str(value.dtype) not in ("torch.float32", "torch.float64"):
            raise torch_checks.other_dtype(name, value.dtype, "pass source.float()")
        value = value.detach().cpu().numpy()
    array = np.asarray(value)
    if array.dtype.name not in checks.DTYPES:
        raise torch_checks.other_dtype(name, array.dtype, "convert it")
    return array
