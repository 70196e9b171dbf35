"""Attributes that a fit sets: to ask for one before says that fit comes first.

Design
------
What a fit sets stands in the estimator's own dictionary, where Python looks before it asks an object without `__set__`.
So a fitted estimator never comes here, and `vars` and copies know of its attributes what they did before.
"""

from __future__ import annotations

from typing import Any, NoReturn, final


@final
class OfAFit:
    """Stands for an attribute before it is set."""

    def __get__(self, instance: object, owner: type) -> NoReturn:
        raise AttributeError(f"this {owner.__name__} is not fitted yet: call fit first")


def of_a_fit() -> Any:
    """Return what stands for an attribute of any type before a fit."""
    return OfAFit()
