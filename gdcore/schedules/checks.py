"""Checks of the schedules' arguments; each error says what to do."""

from __future__ import annotations

from ..base.checks import integer, short


def rising(name: str, value: object) -> tuple[int, ...]:
    """Check and return one or more integers >= 1, each above the one before."""
    if not isinstance(value, tuple | list) or not value:
        raise TypeError(f"{name} must be a tuple of integers, got {short(value)}")
    found = tuple(integer(f"{name}[{i}]", item, 1) for i, item in enumerate(value))
    if list(found) != sorted(set(found)):
        raise ValueError(f"{name} must rise, got {value!r}")
    return found
