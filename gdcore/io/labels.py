"""Arrays that are no tensors: labels of classes, which may be texts, bools or integers of any width."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import FileFormatError

MAX_LETTERS = 2**24
"""NumPy gives every text the length of the longest; arrays of more letters than this are refused."""
INTEGERS = {np.dtype(name).name: np.dtype(name) for name in ("i1", "i2", "i4", "u1", "u2", "u4", "u8")}


def encode(array: NDArray[Any]) -> dict[str, Any] | None:
    """Return an array of one axis as what JSON can hold; None if it cannot.

    Examples
    --------
    >>> encode(np.array(["cat", "dog"]))
    {'labels': ['cat', 'dog'], 'of': 'str'}
    """
    entries = array.tolist()
    if array.ndim != 1:
        return None
    if array.dtype.kind == "U" and array.size * array.itemsize // 4 <= MAX_LETTERS:
        return {"labels": entries, "of": "str"}
    if array.dtype.kind == "O" and all(type(entry) is str for entry in entries):
        return {"labels": entries, "of": "object"}
    if array.dtype.name == "bool" or array.dtype.name in INTEGERS:
        return {"labels": entries, "of": array.dtype.name}
    return None


def decode(entries: Any, of: Any) -> NDArray[Any]:
    """Return the array that `encode` has made into this.

    Raises
    ------
    FileFormatError
        For entries of another kind.
    """
    kinds: dict[Any, type] = {"str": str, "object": str, "bool": bool, **dict.fromkeys(INTEGERS, int)}
    kind = kinds.get(of) if isinstance(of, str) else None
    if kind is None or not isinstance(entries, list) or not all(type(entry) is kind for entry in entries):
        raise FileFormatError("has an invalid list of class labels")
    if of == "str" and len(entries) * max(map(len, entries), default=1) > MAX_LETTERS:
        raise FileFormatError(f"has labels of more than {MAX_LETTERS:,} letters")
    if of in INTEGERS and entries:
        limits = np.iinfo(INTEGERS[of])
        if not limits.min <= min(entries) <= max(entries) <= limits.max:
            raise FileFormatError(f"has labels beyond {of}")
    return np.array(entries, dtype=of)
