"""The records that a file may name; nothing else in a file becomes an object.

Design
------
A record is saved as its registry's name and its dict (base/record.py). The table below is the whole vocabulary: no name
of a file is ever imported, and what a record refuses, a file may not say. A registry is imported when a record of it is
met, so a model for predictions is loaded without what trains it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..base import checks
from ..base.record import Record, Registry
from .errors import FileFormatError


def _layers() -> Registry[Any]:
    from ..layers.kinds import LAYERS

    return LAYERS


def _losses() -> Registry[Any]:
    from ..losses import LOSSES

    return LOSSES


def _optimizers() -> Registry[Any]:
    from ..optimizers.full_batch import METHODS

    return METHODS


def _averages() -> Registry[Any]:
    from ..training import AVERAGES

    return AVERAGES


def _criteria() -> Registry[Any]:
    from ..training.stopping.registry import CRITERIA

    return CRITERIA


REGISTRIES: dict[str, Callable[[], Registry[Any]]] = {
    "layers": _layers,
    "losses": _losses,
    "optimizers": _optimizers,
    "averages": _averages,
    "criteria": _criteria,
}


def to_dict(record: Record) -> tuple[str, dict[str, Any]] | None:
    """Return the name of a record's registry, and the record's dict; None for a record of the user's own class."""
    for name, registry in REGISTRIES.items():
        if type(record).__module__.startswith("gdcore.") and type(record) in registry().kinds().values():
            return name, registry().to_dict(record)
    return None


def from_dict(name: object, values: Mapping[str, Any]) -> Any:
    """Return the record that a registry's dict describes.

    Raises
    ------
    FileFormatError
        For an unknown registry, kind or field, and for what the record itself refuses.
    """
    if not isinstance(name, str) or name not in REGISTRIES:
        raise FileFormatError(f"has a record of {checks.short(name)}; known: {', '.join(REGISTRIES)}")
    try:
        return REGISTRIES[name]().from_dict(values)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise FileFormatError(f"describes an invalid record: {error}") from None


def custom_object(name: str, custom: Mapping[str, Any]) -> Any:
    """Return the function or class that the user has given for a name.

    Raises
    ------
    FileFormatError
        For a name that was not given; the message says what to pass.
    """
    if name not in custom:
        given = f"; given: {', '.join(custom)}" if custom else ""
        raise FileFormatError(f"needs {name[:80]!r}, which is not gdcore's: pass custom={{{name[:80]!r}: …}}{given}")
    return custom[name]
