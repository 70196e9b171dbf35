"""A checksum of data's contents, to recognize the same data in this process and in the next.

Design
------
A checksum byte by byte runs at some 1 GB/s, which is slower than an epoch of a linear model. The bytes of a large array
are laid out as rows of 1,024 words instead; what is checked are the rows' sums and the columns' exclusive ors, which
NumPy computes as fast as memory delivers. Two entries that changed places change one or the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from .._kernels.sparse_rows import SparseRows
from ..data.samples import Samples

if TYPE_CHECKING:
    from ..data.stream import Stream

WORDS = 1024
ROW_BYTES = 8 * WORDS

Fingerprint = tuple[int, int | None]
"""Checksums of the training data and the validation data."""


def fingerprint(data: Samples | Stream, validation: Samples | Stream | None) -> Fingerprint:
    """Return a fingerprint; it is equal for equal contents.

    Examples
    --------
    >>> X, y = np.zeros((2, 1)), np.ones((2, 1))
    >>> one, same, other = (Samples(X, target, None, None, None) for target in (y, y.copy(), X))
    >>> fingerprint(one, None) == fingerprint(same, None), fingerprint(one, None) == fingerprint(other, None)
    (True, False)
    """
    return _of(data), None if validation is None else _of(validation)


def quick_checksum(*arrays: NDArray[np.generic]) -> int:
    """Return a checksum of the contents of arrays, as fast as memory delivers them."""
    code = 0
    for array in arrays:
        code = _contents(array, code)
    return code


def _of(data: Samples | Stream) -> int:
    """Return the checksum of samples; of a stream, that of its size and of its first and last rows."""
    if isinstance(data, Samples):
        return _samples(data)
    last = data.take(data.n - data.head.n, data.n)
    return crc32(repr((data.n, _samples(data.head), _samples(last))).encode())


def _samples(data: Samples) -> int:
    custom = data.target is None and data.labels is None
    code = 0
    X = data.X
    inputs = (X.values, X.indices, X.starts) if isinstance(X, SparseRows) else (X,)
    for array in (*inputs, *data[1:4], data.y if custom else None):
        described = None if array is None else (array.shape, array.dtype.str)
        code = crc32(repr(described).encode(), code)
        code = code if array is None else _contents(array, code)
    return code


def _contents(array: NDArray[np.generic], code: int) -> int:
    if array.dtype.hasobject:
        return crc32(repr(array.tolist()).encode(), code)
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    whole = len(flat) // ROW_BYTES * ROW_BYTES
    if whole:
        words = flat[:whole].view(np.uint64).reshape(-1, WORDS)
        code = crc32(np.bitwise_xor.reduce(words, axis=0).data, crc32(np.add.reduce(words, axis=1).data, code))
    return crc32(flat[whole:].data, code)
