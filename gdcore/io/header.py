"""The header of a file: what tensors there are and where, and the metadata; every number in it is checked.

Design
------
- The layout is safetensors': the length of the header in 8 bytes, the header in JSON, the tensors without gaps. So the
  `safetensors` library, and whatever is built on it, reads the arrays of a file.
- An entry is believed only if it agrees with the size of the file. So nothing is allocated because a file says so.
- Tensors of 8 bytes an entry come before those of 4, and the header is padded to whole 8 bytes: all are aligned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import strict_json
from .errors import FileFormatError

LENGTH_BYTES = 8
MAX_BYTES = 2**25
"""A longer header is not read; safetensors itself reads up to 100 MB."""
ALIGNMENT = 8
METADATA = "__metadata__"
DTYPES: dict[str, np.dtype[Any]] = {"F64": np.dtype("<f8"), "I64": np.dtype("<i8"), "F32": np.dtype("<f4")}
"""What tensors of this format may be, the widest first."""
MAX_AXES = 8
OTHER_BEGINNING = "does not begin as files of gdcore do, which have the layout of safetensors"


class Entry(NamedTuple):
    """One tensor: its type, its shape, and its bytes [begin, end) after the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class Header(NamedTuple):
    """Tensors by name, in the order of their bytes, and the metadata."""

    entries: dict[str, Entry]
    metadata: dict[str, str]


def layout(tensors: Mapping[str, NDArray[Any]]) -> dict[str, Entry]:
    """Return where each tensor goes; the widest types come first."""
    entries, at = {}, 0
    kinds = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
    named = [(kinds[array.dtype.newbyteorder("<")], name, array) for name, array in tensors.items()]
    for dtype, name, array in sorted(named, key=lambda item: list(DTYPES).index(item[0])):
        entries[name] = Entry(dtype, array.shape, at, at + array.nbytes)
        at += array.nbytes
    return entries


def to_bytes(header: Header) -> bytes:
    """Return the header with its length before it.

    Raises
    ------
    ValueError
        For a header too long to be read again.
    """
    described: dict[str, Any] = {METADATA: header.metadata}
    for name, entry in header.entries.items():
        described[name] = {"dtype": entry.dtype, "shape": entry.shape, "data_offsets": (entry.begin, entry.end)}
    text = strict_json.write(described).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    if len(text) > MAX_BYTES:
        raise ValueError(
            f"the names and settings to save take {len(text):,} bytes; at most {MAX_BYTES:,} are written: "
            "use shorter feature names, or fewer layers"
        )
    return len(text).to_bytes(LENGTH_BYTES, "little") + text


def length_of(first: bytes, size: int) -> int:
    """Return the length of the header, from the first bytes of a file of `size` bytes.

    Raises
    ------
    FileFormatError
        If the file is too short to hold it, or it is longer than any header.
    """
    if len(first) < LENGTH_BYTES:
        raise FileFormatError(f"ends after {len(first)} bytes: it is truncated, or no file of gdcore")
    length = int.from_bytes(first, "little")
    if length > MAX_BYTES:
        raise FileFormatError(f"{OTHER_BEGINNING}: {_looks(first)}")
    if length > size - LENGTH_BYTES:
        raise FileFormatError(
            f"is truncated: its header has {length:,} bytes, and only {size - LENGTH_BYTES:,} are there"
        )
    return length


def _looks(first: bytes) -> str:
    """Return what the first bytes of a file are instead of the length of a header."""
    if all(32 <= byte < 127 or byte in b"\t\n\r" for byte in first):
        return f"it looks like text, {first.decode('ascii')!r} and so on; load a file that gdcore.save has written"
    return f"its first {LENGTH_BYTES} bytes are no length of a header; load a file that gdcore.save has written"


def parse(text: bytes, data_bytes: int) -> Header:
    """Return a header that agrees with the number of bytes after it.

    Raises
    ------
    FileFormatError
        For anything else than the description of tensors that fill these bytes, without gaps and overlaps.
    """
    if text[:1] != b"{":
        raise FileFormatError(f"{OTHER_BEGINNING}: after its first {LENGTH_BYTES} bytes no JSON begins")
    described = strict_json.read(text, "a header")
    metadata = described.pop(METADATA, None)
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise FileFormatError("has no metadata: it was not saved by gdcore")
    for value in metadata.values():
        plain_text(value, "its metadata")
    entries = {plain_text(name, "a tensor's name"): _entry(name, value) for name, value in described.items()}
    at = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1][2:]):
        if entry.begin != at:
            wrong = "overlaps the one before it" if entry.begin < at else "leaves a gap before it"
            raise FileFormatError(f"has a tensor {name[:80]!r} that {wrong}: byte {entry.begin:,} where {at:,} is due")
        at = entry.end
    if at > data_bytes:
        raise FileFormatError(f"is truncated: its tensors have {at:,} bytes, and only {data_bytes:,} are there")
    if at < data_bytes:
        raise FileFormatError(f"has {data_bytes - at:,} bytes after its last tensor")
    return Header(entries, metadata)


def plain_text(value: str, what: str) -> str:
    """Return a text that UTF-8 can write.

    Raises
    ------
    FileFormatError
        For half of a surrogate pair.
    """
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise FileFormatError(f"has an unpaired surrogate, which is no valid UTF-8, in {what}") from None
    return value


def _entry(name: str, value: Any) -> Entry:
    what = f"has a tensor {name[:80]!r}"
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise FileFormatError(f"{what} that is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise FileFormatError(f"{what} of dtype {str(dtype)[:80]}; known: {', '.join(DTYPES)}")
    if not _counts(shape) or len(shape) > MAX_AXES:
        raise FileFormatError(f"{what} whose shape is not {MAX_AXES} or fewer integers >= 0")
    if not _counts(offsets) or len(offsets) != 2:
        raise FileFormatError(f"{what} whose data_offsets are not two integers >= 0")
    bytes_due = math.prod(shape) * DTYPES[dtype].itemsize
    if offsets[1] - offsets[0] != bytes_due:
        raise FileFormatError(
            f"{what} of shape {tuple(shape)} and dtype {dtype} in {offsets[1] - offsets[0]:,} bytes; it has "
            f"{bytes_due:,}"
        )
    return Entry(dtype, tuple(shape), *offsets)


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)
