"""The records that a file may name; nothing else in a file becomes an object.

Design
------
A record is saved as its registry's name and its dict (base/record.py). The table below is the whole vocabulary: no name
of a file is ever imported, and what a record refuses, a file may not say. A registry is imported when a record of it is
met, so a model for predictions is loaded without what trains it. Those of a room above this one are named here and
imported by `later`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..base import checks
from ..base.later import later
from ..base.record import Record, Registry
from .errors import FileFormatError


def _layers() -> Registry[Any]:
    from ..layers.layer import LAYERS

    return LAYERS


def _losses() -> Registry[Any]:
    from ..losses import LOSSES

    return LOSSES


def _optimizers() -> Registry[Any]:
    from ..optimizers.full_batch import METHODS

    return METHODS


def _initializers() -> Registry[Any]:
    from ..layers.initializers import INITIALIZERS

    return INITIALIZERS


def _parametric_activations() -> Registry[Any]:
    from ..layers.activations import PARAMETRIC

    return PARAMETRIC


def _schedules() -> Registry[Any]:
    from ..schedules import SCHEDULES

    return SCHEDULES


def _metrics() -> Registry[Any]:
    from ..metrics import METRICS

    return METRICS


def _estimator_schedules() -> Registry[Any]:
    found: Any = later("sklearn", "OWN_SCHEDULES")
    return found  # type: ignore[no-any-return]


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
    "schedules": _schedules,
    "initializers": _initializers,
    "activations": _parametric_activations,
    "metrics": _metrics,
}
ESTIMATORS = {"estimator_schedules": _estimator_schedules}
"""Registries that need scikit-learn."""
FORMER = {"estimator_losses": _losses}
"""Names that registries have in older files."""
KNOWN = {**REGISTRIES, **ESTIMATORS, **FORMER}


def to_dict(record: Record) -> tuple[str, dict[str, Any]] | None:
    """Return the name of a record's registry, and the record's dict; None for a record of the user's own class."""
    module = type(record).__module__
    registries = ESTIMATORS if module.startswith("gdcore.sklearn.") else REGISTRIES
    for name, registry in registries.items():
        if module.startswith("gdcore.") and type(record) in registry().kinds().values():
            return name, registry().to_dict(record)
    return None


def from_dict(name: object, values: Mapping[str, Any]) -> Any:
    """Return the record that a registry's dict describes.

    Raises
    ------
    FileFormatError
        For an unknown registry, kind or field, and for what the record itself refuses.
    """
    if not isinstance(name, str) or name not in KNOWN:
        raise FileFormatError(f"has a record of {checks.short(name)}; known: {', '.join({**REGISTRIES, **ESTIMATORS})}")
    try:
        return KNOWN[name]().from_dict(values)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise FileFormatError(f"describes an invalid record: {error}") from None


def own_rate(record: Record) -> Any:
    """Return the schedule of an optimizer where it is none of `SCHEDULES`, such as one of the user's; else None."""
    rate = getattr(record, "learning_rate", None)
    if not isinstance(rate, Record) or type(rate) in _schedules().kinds().values():
        return None
    return rate


def with_rate(optimizer: Any, rate: Any) -> Any:
    """Return an optimizer with a schedule that is none of `SCHEDULES`.

    Raises
    ------
    FileFormatError
        For anything else.
    """
    from ..optimizers import Optimizer
    from ..schedules import Schedule

    if not isinstance(optimizer, Optimizer) or not isinstance(rate, Schedule):
        raise FileFormatError(f"has {checks.short(rate)} as the learning rate of {checks.short(optimizer)}")
    record: Any = optimizer  # every optimizer is a dataclass
    try:
        return replace(record, learning_rate=rate)
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"describes an invalid optimizer: {error}") from None


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
