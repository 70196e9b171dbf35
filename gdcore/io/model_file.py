"""A model as a document and tensors, and back.

Design
------
- Parameters are tensors of their own names, "dense0.weight" and so on: what `safetensors` shows is what
  `model.parameters()` shows.
- The size that the layers need is compared with what the file holds before a model is made.
- NaN and infinity in parameters are refused, when saving and when loading: such a model predicts nothing, and the file
  before it, which would be replaced, was worth more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.record import Record
from ..layers.layer import Trained
from ..losses import Loss
from ..models.sequential import Sequential, restore
from .errors import FileFormatError
from .values import Reader, Writer

PARTS = ("layers", "seed", "dtype", "loss", "feature_names")
NUMBERED = "numbered_classes"
"""A further part of models that came from a classifier; others are written without it."""


def pack_model(model: Sequential, writer: Writer, params: NDArray[Any] | None = None) -> dict[str, Any]:
    """Return the document of a model, with its parameters, or those given (n_params,), among the writer's tensors.

    Raises
    ------
    ValueError
        For parameters that are not finite, and for a loss whose name `custom` gives to another function.
    """
    params = model.stack.copied_params() if params is None else params
    for name, view in model.parameters(params):
        if not np.isfinite(view).all():
            raise ValueError(f"{name} contains NaN or infinity: a model that has diverged is not saved; train it again")
        writer.tensors[name] = view
    return {
        "layers": [writer.encode(layer, f"layer{i}") for i, layer in enumerate(model.layers)],
        "seed": model.seed,
        "dtype": model.dtype,
        "loss": writer.encode(named_loss(model.trained_loss, writer), "loss"),
        "feature_names": writer.encode(model.feature_names, "feature_names"),
        **({NUMBERED: True} if model.stack.numbered_classes else {}),
    }


def named_loss(loss: Any, writer: Writer) -> Any:
    """Return a model's loss, or None where it is a function without a name: predictions do not need it."""
    if loss is None or isinstance(loss, Loss):
        return loss
    name = writer.name_of(loss)
    return None if name is None else {"custom": name}


def unpack_model(document: Any, reader: Reader) -> Sequential:
    """Return the model that a document describes.

    Raises
    ------
    FileFormatError
        For layers that do not fit together, and for parameters that do not fit the layers or are not finite.
    """
    numbered = isinstance(document, dict) and document.get(NUMBERED) is True
    values = parts(document, (*PARTS, NUMBERED) if numbered else PARTS, "the model")
    layers, seed, dtype = reader.decode(values["layers"]), reader.decode(values["seed"]), values["dtype"]
    names = reader.decode(values["feature_names"])
    if not isinstance(layers, tuple) or not all(isinstance(layer, Record) for layer in layers):
        raise FileFormatError("has a list of layers with something else in it")
    if dtype not in ("float32", "float64"):
        raise FileFormatError(f"has a model of dtype {checks.short(dtype)}")
    n = sum(layer.n_params for layer in layers if isinstance(layer, Trained))
    there = sum(array.size for array in reader.tensors.values())
    if n > there:
        raise FileFormatError(f"has layers of {n:,} parameters, and only {there:,} numbers")
    nothing = np.broadcast_to(np.zeros((), dtype), (n,))
    loss = known_loss(reader.decode(values["loss"]), reader)
    try:
        model = restore(layers, seed, dtype, nothing, loss, names_of(names), numbered)
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"describes an invalid model: {error}") from None
    if names is not None and len(names) != model.in_features:
        raise FileFormatError(f"has {len(names)} feature names for {model.in_features} inputs")
    for name, view in model.parameters():
        array = reader.take(name)
        if array.shape != view.shape or array.dtype != view.dtype:
            raise FileFormatError(
                f"has {name} of shape {array.shape} and dtype {array.dtype}; its layer takes {view.shape} and {dtype}"
            )
        if not np.isfinite(array).all():
            raise FileFormatError(f"has NaN or infinity in {name}")
        view[...] = array
    return model


def known_loss(value: Any, reader: Reader) -> Any:
    """Return a model's loss; a function that the loader was not given is left out."""
    if value is None or isinstance(value, Loss):
        return value
    if isinstance(value, dict) and set(value) == {"custom"} and isinstance(value["custom"], str):
        return reader.custom.get(value["custom"])
    raise FileFormatError(f"has {checks.short(value)} where a loss is expected")


def names_of(value: Any) -> tuple[str, ...] | None:
    """Return feature names, or None."""
    if value is not None and not (isinstance(value, tuple) and all(isinstance(name, str) for name in value)):
        raise FileFormatError(f"has the feature names {checks.short(value)}; expected texts")
    names: tuple[str, ...] | None = value
    return names


def parts(value: Any, keys: tuple[str, ...], what: str) -> Mapping[str, Any]:
    """Return an object of JSON after checking that it has these names."""
    if not isinstance(value, dict) or set(value) != set(keys):
        raise FileFormatError(f"has {checks.short(value)} where {what} is due, with {', '.join(keys)}")
    return value
