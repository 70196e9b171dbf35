"""Digests of what a fit is given: two fits with the same digest are on the same data."""

from __future__ import annotations

from typing import Any

import joblib


def digest_of(X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> str | None:
    """Return a digest of everything that a fit is given, or None where something in it has none.

    Names of columns and types count, and each bit of a number does. What cannot be pickled has no digest.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.ones((3, 2)), np.arange(3.0)
    >>> digest_of(X, y) == digest_of(X.copy(), y.copy()), digest_of(X, y) == digest_of(X, -y)
    (True, False)
    >>> digest_of(X, y) == digest_of(X, y, np.ones(3)), digest_of((row for row in X), y)
    (False, None)
    """
    try:
        found: str | None = joblib.hash((X, y, sample_weight, validation_data), hash_name="sha1")
    except Exception:  # rows may be of anybody's class, and their own way of pickling fails as it likes
        return None
    return found
