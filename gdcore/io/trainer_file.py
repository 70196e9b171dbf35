"""A trainer, and the history of a fit, as a document and tensors, and back.

Design
------
- A file holds what a pickle holds: the model, loss, optimizer and options that make an equal trainer, and `state_dict`,
  which `load_state_dict` checks entry by entry. Whatever training comes to keep there is saved too.
- The parameters stand in the state and in the model: they are saved once, as the model's, from the copy that the state
  holds. So a file is of one moment, whatever other threads do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..losses import Loss
from ..models.sequential import of_stack
from .errors import FileFormatError
from .model_file import PARTS as MODEL_PARTS
from .model_file import pack_model, parts, unpack_model
from .values import Reader, Writer

if TYPE_CHECKING:  # a model is loaded without what trains it
    from ..training import History, Trainer
    from ..training.snapshot import Snapshot

PARTS = ("model", "trainer_loss", "optimizer", "options", "state", "history")


def pack_trainer(thing: Trainer | Snapshot, writer: Writer, history: History | None) -> dict[str, Any]:
    """Return the document of a trainer or of its snapshot, with the record of its last fit if there is one.

    Raises
    ------
    TypeError, ValueError
        For a loss without a name, and parameters that are not finite.
    """
    from ..training.snapshot import Snapshot

    if not isinstance(thing, Snapshot):
        thing = thing.snapshot()
    state = {name: value for name, value in thing.state.items() if name != "params"}
    return {
        "model": pack_model(of_stack(thing.stack), writer, thing.state["params"]),
        "trainer_loss": writer.encode(thing.loss, "loss"),
        "optimizer": writer.encode(thing.optimizer, "optimizer"),
        "options": writer.encode(thing.options, "options"),
        "state": writer.encode(state, "state"),
        "history": None if history is None else pack_history(history, writer),
    }


def unpack_trainer(document: Any, reader: Reader) -> tuple[Trainer, History | None]:
    """Return a trainer that resumes where the saved one stood, and the history that was saved with it.

    Raises
    ------
    FileFormatError
        For settings or a state that no trainer has.
    """
    from ..optimizers import Optimizer
    from ..optimizers.full_batch import FullBatch
    from ..training import Trainer

    values = parts(document, PARTS, "the trainer")
    model = unpack_model(values["model"], reader)
    loss, optimizer = reader.decode(values["trainer_loss"]), reader.decode(values["optimizer"])
    options, state = reader.decode(values["options"]), reader.decode(values["state"])
    history = None if values["history"] is None else unpack_history(values["history"], reader)
    if not isinstance(loss, Loss) and not _is_own_function(values["trainer_loss"]):
        raise FileFormatError(f"has {checks.short(loss)} where a loss is expected")
    if not isinstance(optimizer, Optimizer | FullBatch):
        raise FileFormatError(f"has {checks.short(optimizer)} where an optimizer is expected")
    if not isinstance(options, dict) or not isinstance(state, dict):
        raise FileFormatError(f"has {checks.short(options)} and {checks.short(state)} where options and state are due")
    names = [name for name, entry in signature(Trainer).parameters.items() if entry.kind is entry.KEYWORD_ONLY]
    if set(options) != set(names):
        raise FileFormatError(f"has the options {', '.join(options)[:200]}; expected {', '.join(names)}")
    try:
        trainer = Trainer(model, loss, optimizer, **options)
        trainer.load_state_dict({"params": model.params.copy(), **state})
    except (TypeError, ValueError, ArithmeticError) as error:
        raise FileFormatError(f"describes an invalid trainer: {error}") from None
    return trainer, history


def _is_own_function(document: Any) -> bool:
    """Return whether a document is that of a user's function."""
    return isinstance(document, dict) and set(document) == {"custom"}


def same_settings(
    document: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], training: Snapshot, writer: Writer
) -> bool:
    """Return whether a trainer's document has the layers, precision, loss and optimizer of a training."""
    model, stack = parts(document["model"], MODEL_PARTS, "the model"), training.stack
    own = (
        [writer.encode(layer, f"layer{i}") for i, layer in enumerate(stack.layers)],
        stack.dtype,
        writer.encode(training.loss, "loss"),
        writer.encode(training.optimizer, "optimizer"),
    )
    if own != (model["layers"], model["dtype"], document["trainer_loss"], document["optimizer"]):
        return False
    return all(name in tensors and np.array_equal(tensors[name], array) for name, array in writer.tensors.items())


def pack_history(history: History, writer: Writer) -> Any:
    """Return the document of a history.

    Raises
    ------
    ValueError
        For columns of different lengths.
    """
    values = history.to_dict()
    uneven = _uneven(values)
    if uneven is not None:
        raise ValueError(f"cannot save a history with {uneven}: give every epoch one entry in each column")
    if not values["loss_name"]:  # as in the first files
        del values["loss_name"]
    return writer.encode(values, "history")


def unpack_history(document: Any, reader: Reader) -> History:
    """Return the history that a document describes.

    Raises
    ------
    FileFormatError
        For anything else than lists of numbers, one for each epoch, by the names of a history's columns.
    """
    from ..training import History

    values = reader.decode(document)
    default = History()
    known = {entry.name: type(getattr(default, entry.name)) for entry in fields(History)}
    if isinstance(values, dict):
        values = {"progressive": [], "loss_name": "", **values}  # which the first files lack
    if not isinstance(values, dict) or set(values) != set(known):
        raise FileFormatError(f"has {checks.short(values)} where a history is due")
    for name, value in values.items():
        columns = value if name == "progressive" and isinstance(value, list) else _columns(value)
        if type(value) is not known[name] or not all(map(_numbers, columns)):
            raise FileFormatError(f"has {checks.short(value)} where the history's {name} is due")
    uneven = _uneven(values)
    if uneven is not None:
        raise FileFormatError(f"has a history with {uneven}")
    return History(**values)


def _columns(value: Any) -> list[Any]:
    """Return the columns in a field of a history: one or several, none in a text."""
    if isinstance(value, dict):
        return list(value.values())
    return [] if isinstance(value, str) else [value]


def _uneven(values: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the lengths of a history's columns, or None; a column may be empty."""
    epochs = len(values["loss"])
    for name, value in values.items():
        for column in _columns(value):
            if column and len(column) != epochs:
                return f"columns of different lengths: loss {epochs}, {name} {len(column)}"
    return None


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(entry) in (int, float) for entry in value)
