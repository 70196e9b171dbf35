"""Checks of the optimizers' arguments; each error says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.checks import positive, short


def rate(value: object) -> None:
    """Check a learning rate that is not a schedule: a finite number above 0."""
    word = isinstance(value, str) and value.isalpha()
    if word or isinstance(value, type) or callable(value):
        raise TypeError(
            f"learning_rate must be a number or a schedule, got {short(value)}: "
            "pass a record such as gdcore.schedules.Cosine(0.1, 1000)"
        )
    positive("learning_rate", value)


def counted(call: str, schedule: object, per: str) -> None:
    """Check that a schedule's rate follows from a count of steps, not from losses."""
    if per == "plateau":
        raise ValueError(f"{call} knows no losses, which {schedule!r} follows: pass learning_rate, or use fit")


def unit_pair(name: str, value: object) -> tuple[float, float]:
    """Check and return a tuple of two numbers in [0, 1)."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise TypeError(f"{name} must be a tuple of two numbers, got {checks.short(value)}")
    return checks.in_range(f"{name}[0]", value[0], 0, 1), checks.in_range(f"{name}[1]", value[1], 0, 1)


def nesterov(momentum: float, dampening: float) -> None:
    """Check that Nesterov's momentum has no dampening."""
    if momentum == 0 or dampening != 0:
        raise ValueError(
            "nesterov=True needs momentum > 0 and dampening == 0, "
            f"got momentum={momentum!r} and dampening={dampening!r}"
        )


def cumulative(momentum: float) -> None:
    """Check that a cumulative penalty goes with plain steps."""
    if momentum != 0:
        raise ValueError(f"cumulative_l1=True needs momentum == 0, got momentum={momentum!r}: leave one out")


def in_place(name: str, value: NDArray[Any]) -> None:
    """Check that a kernel may write into an array."""
    if not value.flags.writeable:
        raise ValueError(f"{name} is read-only and would be written: pass {name}.copy()")
    if not value.flags.carray:
        raise ValueError(f"{name} is not contiguous and would be written: pass {name}.copy()")


def saved_state(values: Mapping[str, Any], rule: str, n_slots: int, n_scalars: int) -> None:
    """Check an optimizer's state from `to_dict`."""
    missing = [key for key in ("rule", "slots", "scalars", "step_count") if key not in values]
    if missing:
        raise ValueError(f"the saved state lacks {', '.join(missing)}: save all that to_dict() returns")
    if values["rule"] != rule:
        raise ValueError(f"the saved state is of {values['rule']!r}; expected {rule!r}: use that optimizer")
    slots, scalars = np.asarray(values["slots"]), np.asarray(values["scalars"])
    checks.precision("slots' dtype", slots.dtype)
    if slots.ndim != 2 or slots.shape[0] != n_slots:
        raise ValueError(f"slots has shape {slots.shape}; expected ({n_slots}, n): use the saved options")
    if scalars.shape != (n_scalars,):
        raise ValueError(f"scalars has shape {scalars.shape}; expected ({n_scalars},)")
    checks.integer("step_count", values["step_count"], 0)
