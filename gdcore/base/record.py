"""Records print like the call that makes them."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def call_repr(record: DataclassInstance, positional: int = 0) -> str:
    """Return `Name(value, field=value)`, the call that makes a dataclass instance.

    Parameters
    ----------
    record : dataclass instance
        The object to print.
    positional : int, default 0
        So many first fields are always shown, without their names; so are the first fields that have
        no default. The others are shown where they differ from their defaults.

    Examples
    --------
    >>> from gdcore.optimizers import SGD
    >>> call_repr(SGD(0.1, momentum=0.9), positional=1)
    'SGD(0.1, momentum=0.9)'
    """
    parts = []
    for i, field in enumerate(fields(record)):
        value = getattr(record, field.name)
        default = field.default if field.default_factory is MISSING else field.default_factory()
        if i < positional or (default is MISSING and not field.kw_only):
            parts.append(plain_repr(value))
        elif default is MISSING or value != default:
            parts.append(f"{field.name}={plain_repr(value)}")
    return f"{type(record).__name__}({', '.join(parts)})"


def plain_repr(value: object) -> str:
    """Return `repr`, with a NumPy number written as Python's."""
    return repr(value.item() if isinstance(value, np.generic) else value)
