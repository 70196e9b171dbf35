"""What a file can hold: one row for each kind of thing.

Design
------
A room above this one adds a row of its own by `register`, when it is imported. Files name a kind; they never name a
module. `LATER` brings the row of a kind whose room has not been imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..base import checks
from ..base.later import later
from ..models.sequential import Sequential
from .errors import FileFormatError
from .many_file import pack_many, unpack_many
from .model_file import pack_model, unpack_model
from .trainer_file import pack_history, pack_trainer, unpack_history, unpack_trainer
from .values import Reader, Writer


class Kind(NamedTuple):
    """One kind of thing."""

    name: str
    """In files and messages."""
    holds: Callable[[object], bool]
    """Whether a thing is of this kind."""
    pack: Callable[[Any, Writer, Any], Any]
    """(thing, writer, history) -> its document; its arrays go to the writer."""
    unpack: Callable[[Any, Reader], Any]
    """(document, reader) -> the thing; raises FileFormatError."""


def _is_trainer(thing: object) -> bool:
    from ..training import Trainer
    from ..training.snapshot import Snapshot

    return isinstance(thing, Trainer | Snapshot)


def _is_history(thing: object) -> bool:
    from ..training import History

    return isinstance(thing, History)


def _is_many(thing: object) -> bool:
    from ..many.many import Many

    return isinstance(thing, Many)


KINDS = [
    Kind(
        "model",
        lambda thing: isinstance(thing, Sequential),
        lambda model, writer, _: pack_model(model, writer),
        unpack_model,
    ),
    Kind("trainer", _is_trainer, pack_trainer, lambda document, reader: unpack_trainer(document, reader)[0]),
    Kind("history", _is_history, lambda history, writer, _: pack_history(history, writer), unpack_history),
    Kind("many", _is_many, lambda many, writer, _: pack_many(many, writer), unpack_many),
]


LATER: dict[str, Callable[[], Any]] = {
    "estimator": lambda: later("sklearn", "KIND"),
    "table model": lambda: later("tables", "KIND"),
}
"""Kinds of rooms above this one -> what imports the room and returns the kind's row."""


def register(kind: Kind) -> None:
    """Add a kind, whose name must be new."""
    if any(kind.name == known.name for known in KINDS):
        raise ValueError(f"there is a kind {kind.name!r} already: choose another name")
    KINDS.append(kind)


def kind_of(thing: object) -> Kind:
    """Return the kind of a thing.

    Raises
    ------
    TypeError
        For one that no file can hold.
    """
    for kind in KINDS:
        if kind.holds(thing):
            return kind
    known = ", ".join(map(with_article, _names()))
    raise TypeError(f"cannot save {checks.short(thing)}: pass {known}")


def kind_named(name: object) -> Kind:
    """Return the kind of that name.

    Raises
    ------
    FileFormatError
        For an unknown one.
    ImportError
        For one that needs a library that is not installed.
    """
    if isinstance(name, str) and name in LATER and all(kind.name != name for kind in KINDS):
        return LATER[name]()  # type: ignore[no-any-return]
    for kind in KINDS:
        if kind.name == name:
            return kind
    known = ", ".join(_names())
    raise FileFormatError(f"holds {checks.short(name)}; known: {known}: import what saved it, or a newer gdcore")


def _names() -> list[str]:
    """Return the names of all kinds; last those whose rooms are imported later, whether they have been or not."""
    return [*(kind.name for kind in KINDS if kind.name not in LATER), *LATER]


def with_article(name: str) -> str:
    """Return a kind's name as messages say it: "a model", "an estimator", "many models"."""
    if name == "many":
        return "many models"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
