"""Many models as a document and tensors, and back.

Design
------
Parameters are one tensor, "params": a matrix (n_models, n_params), or a vector for models of different sizes. Layers
and losses that models share are written once, with the number of each model's beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.memory import aligned_zeros
from ..base.record import Record
from ..layers.layer import Trained
from .errors import FileFormatError
from .model_file import known_loss, named_loss, names_of, parts
from .values import Reader, Writer

if TYPE_CHECKING:
    from ..many.many import Many

PARTS = ("layers", "shape_of", "losses", "loss_of", "seeds", "dtype", "feature_names", "ids", "params", "records")
RECORDS = ("columns", "epochs", "stop_reasons", "reason_of", "diverged")


def pack_many(many: Many, writer: Writer) -> dict[str, Any]:
    """Return the document of many models, with their parameters among the writer's tensors.

    Raises
    ------
    ValueError
        For parameters that are not finite.
    """
    if not np.isfinite(many.vector).all():
        raise ValueError("the parameters contain NaN or infinity: select other models to be saved")
    shapes, losses = list(dict.fromkeys(many.shapes)), list(dict.fromkeys(many.losses))
    reasons, records = list(dict.fromkeys(many.stop_reasons)), many.records
    same = len({shape.stack.n_params for shape in shapes}) == 1
    return {
        "layers": [writer.encode(shape.layers, f"layers{i}") for i, shape in enumerate(shapes)],
        "shape_of": writer.encode(_places(many.shapes, shapes), "shape_of"),
        "losses": [writer.encode(named_loss(loss, writer), f"loss{i}") for i, loss in enumerate(losses)],
        "loss_of": writer.encode(_places(many.losses, losses), "loss_of"),
        "seeds": writer.encode(np.array(many.seeds, np.uint64).view(np.int64), "seeds"),
        "dtype": shapes[0].dtype,
        "feature_names": writer.encode(shapes[0].feature_names, "feature_names"),
        "ids": writer.encode(many.ids, "ids"),
        "params": writer.encode(many.params if same else many.vector, "params"),
        "records": writer.encode(
            {
                "columns": dict(records.columns),
                "epochs": records.epochs,
                "stop_reasons": reasons,
                "reason_of": _places(records.stop_reasons, reasons),
                "diverged": records.diverged.astype(np.int64),
            },
            "records",
        ),
    }


def _places(values: list[Any], known: list[Any]) -> NDArray[np.int64]:
    """Return the place of each value among the known ones."""
    place = {value: i for i, value in enumerate(known)}
    return np.array([place[value] for value in values], np.int64)


def unpack_many(document: Any, reader: Reader) -> Many:
    """Return the models that a document describes.

    Raises
    ------
    FileFormatError
        For anything that `pack_many` never writes.
    """
    from ..many.jobs import Shape
    from ..many.many import Many

    values = parts(document, PARTS, "many models")
    layers, losses = (values[name] for name in ("layers", "losses"))
    dtype, names = values["dtype"], names_of(reader.decode(values["feature_names"]))
    if dtype not in ("float32", "float64") or not isinstance(layers, list) or not isinstance(losses, list):
        raise FileFormatError(f"has models of dtype {checks.short(dtype)}, or no lists of layers and losses")
    kinds = [known_loss(reader.decode(loss), reader) for loss in losses]
    shape_of = _indices(reader.decode(values["shape_of"]), None, len(layers), "shape_of")
    n = len(shape_of)
    loss_of = _indices(reader.decode(values["loss_of"]), n, len(kinds), "loss_of")
    seeds = _array(reader.decode(values["seeds"]), (n,), "int64", "seeds").view(np.uint64).tolist()
    ids = reader.decode(values["ids"])
    if ids is not None and not (isinstance(ids, np.ndarray) and ids.shape == (n,)):
        raise FileFormatError(f"has the ids {checks.short(ids)} for {n} models")
    params = reader.decode(values["params"])
    try:
        shapes = []
        for own in map(reader.decode, layers):
            if not isinstance(own, tuple) or not all(isinstance(layer, Record) for layer in own):
                raise TypeError("a list of layers has something else in it")
            shape = Shape(own, dtype, names)
            if sum(layer.n_params for layer in own if isinstance(layer, Trained)) > np.size(params):
                raise ValueError("the layers have more parameters than there are numbers")
            shapes.append(shape)
        total = sum(shapes[i].stack.n_params for i in shape_of)
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"describes invalid models: {error}") from None
    fits = isinstance(params, np.ndarray) and params.size == total and params.dtype == dtype
    if not fits or not np.isfinite(params).all():
        raise FileFormatError(f"has parameters that are not finite, or not {total:,} numbers of {dtype}")
    vector = aligned_zeros(total, dtype)
    vector[:] = params.ravel()
    return Many(
        [shapes[i] for i in shape_of],
        vector,
        _records(reader.decode(values["records"]), n),
        [kinds[i] for i in loss_of],
        seeds,
        ids,
    )


def _records(values: Any, n: int) -> Any:
    from ..many.records import Records

    found = parts(values, RECORDS, "the histories")
    columns, reasons = found["columns"], found["stop_reasons"]
    if not isinstance(columns, dict) or not isinstance(reasons, list) or not all(isinstance(r, str) for r in reasons):
        raise FileFormatError("has no columns of histories, or no stop reasons")
    epochs = _array(found["epochs"], (n,), "int64", "epochs")
    width = int(epochs.max()) if n else 0
    for name, column in columns.items():
        if not isinstance(column, np.ndarray) or column.ndim != 2:
            raise FileFormatError(f"has no array of two axes as the histories' {name}")
        width = column.shape[1]
        _array(column, (n, width), "float64", name)
    if len({column.shape for column in columns.values()}) > 1 or epochs.min(initial=0) < 0 or epochs.max() > width:
        raise FileFormatError("has histories with columns of different lengths")
    records = Records(range(n), width)
    if not set(records.columns) <= set(columns):
        raise FileFormatError(f"has histories with the columns {', '.join(columns)[:200]}")
    records.columns, records.epochs = columns, epochs
    reason_of = _indices(found["reason_of"], n, len(reasons), "reason_of")
    records.stop_reasons = [reasons[i] for i in reason_of]
    records.diverged = _indices(found["diverged"], n, 2, "diverged").astype(np.bool_)
    return records


def _array(value: Any, shape: tuple[int, ...], dtype: str, name: str) -> NDArray[Any]:
    """Return an array after checking its shape and dtype."""
    if not isinstance(value, np.ndarray) or value.shape != shape or value.dtype != dtype:
        raise FileFormatError(f"has {checks.short(value)} as {name}; expected {dtype} of shape {shape}")
    return value


def _indices(value: Any, n: int | None, end: int, name: str) -> NDArray[np.int64]:
    """Return numbers from 0 to end - 1 after checking them; there is at least one."""
    length = len(value) if n is None and isinstance(value, np.ndarray) and value.ndim == 1 else n
    array = _array(value, (length or 0,), "int64", name)
    if len(array) == 0 or array.min() < 0 or array.max() >= end:
        raise FileFormatError(f"has {name} with a number outside 0 to {end - 1}")
    return array
