"""Tensors and a document as one sequence of bytes, with a checksum of them all.

Design
------
The metadata hold the SHA-256 of the whole file in which its own digits are 0. So every bit of a file is covered:
weights, names, settings and padding. It finds damage. It does not say who wrote a file, for whoever
changes one can compute it anew; what a file may say is limited by its readers (values.py, vocabulary.py).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from . import strict_json
from .errors import FileFormatError
from .header import DTYPES, LENGTH_BYTES, MAX_BYTES, Header, layout, length_of, parse, to_bytes

FORMAT, VERSION = "gdcore", 1
CHECKSUM = "sha256"
BLANK = "0" * 64
KEYS = ("format", "format_version", "gdcore_version", CHECKSUM, "document")

OTHERS = {
    b"\x80": "a pickle: load it with pickle.load if you trust it",
    b"PK\x03\x04": "a zip archive, as numpy.savez and torch.save write it",
    b"\x93NUMPY": "an array of numpy.save: load it with numpy.load",
    b"\x89HDF": "an HDF5 file",
    b"\x1f\x8b": "a gzip archive: unpack it, for example by gzip.open, and load what was in it",
}
"""First bytes of files that may be taken for one of these."""


def pieces(document: object, tensors: Mapping[str, NDArray[Any]]) -> list[bytes | memoryview]:
    """Return the bytes of a file: its header, then the tensors.

    Parameters
    ----------
    document : object
        What JSON can hold.
    tensors : mapping of str to ndarray
        float64, int64 or float32. They must not change until they are written.
    """
    entries = layout(tensors)
    metadata = {
        "format": FORMAT,
        "format_version": str(VERSION),
        "gdcore_version": __version__,
        CHECKSUM: BLANK,
        "document": strict_json.write(document),
    }
    header = to_bytes(Header(entries, metadata))
    found: list[bytes | memoryview] = [header]
    for name, entry in entries.items():
        array = np.ascontiguousarray(tensors[name], DTYPES[entry.dtype])
        found.append(array.reshape(-1).view(np.uint8).data)
    at = _digits(header, BLANK)
    found[0] = header[:at] + _sum(found).encode() + header[at + len(BLANK) :]
    return found


def read(stream: BinaryIO, size: int) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Return document and tensors of a file of `size` bytes; the tensors are views of one buffer.

    Raises
    ------
    FileFormatError
        For a file that is not whole, not of this format, or of a newer version of it.
    """
    first, begins = stream.read(LENGTH_BYTES), stream.read(1)
    _other_format(first, begins)
    length = length_of(first, size)
    text = begins + _exactly(stream, max(length - 1, 0))
    header = parse(text, size - LENGTH_BYTES - length)
    _known(header.metadata)
    data = np.empty(size - LENGTH_BYTES - length, np.uint8)
    view = data.data
    while len(view):
        n = stream.readinto(view)  # type: ignore[attr-defined]  # files and BytesIO have it
        if not n:
            raise FileFormatError("became shorter while it was read")
        view = view[n:]
    digits = header.metadata[CHECKSUM]
    at = _digits(text, digits)
    blank = text[:at] + BLANK.encode() + text[at + len(BLANK) :]
    if _sum([first, blank, data.data]) != digits:
        raise FileFormatError("is damaged: its bytes do not give the checksum that they had when it was saved")
    tensors = {
        name: data[entry.begin : entry.end].view(DTYPES[entry.dtype]).reshape(entry.shape)
        for name, entry in header.entries.items()
    }
    return strict_json.read(header.metadata["document"].encode(), "a document"), tensors


def is_ours(path: str) -> bool:
    """Return whether a file has the header of a file of gdcore; what follows it is not looked at."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            length = length_of(file.read(LENGTH_BYTES), size)
            header = parse(_exactly(file, length), size - LENGTH_BYTES - length)
        except FileFormatError:
            return False
    return header.metadata.get("format") == FORMAT


def _sum(parts: list[bytes | memoryview]) -> str:
    found = hashlib.sha256(usedforsecurity=False)
    for part in parts:
        found.update(part)
    return found.hexdigest()


def _digits(text: bytes, digits: str) -> int:
    """Return where the checksum's digits stand."""
    mark = f'"{CHECKSUM}":"{digits}"'.encode()
    if len(digits) != len(BLANK) or text.count(mark) != 1:
        raise FileFormatError("has no checksum where one is due")
    return text.index(mark) + len(CHECKSUM) + 4


def _exactly(stream: BinaryIO, n: int) -> bytes:
    found = b"".join(_blocks(stream, n))
    if len(found) < n:
        raise FileFormatError("became shorter while it was read")
    return found


def _blocks(stream: BinaryIO, n: int) -> Iterator[bytes]:
    while n and (block := stream.read(n)):
        yield block
        n -= len(block)


def _other_format(first: bytes, begins: bytes) -> None:
    """Raise an error for a file that begins as another format does, and neither with a length nor with JSON behind it.

    The first 8 bytes of a gzip archive without a time are a length that a header may have.
    """
    for magic, what in OTHERS.items():
        if first.startswith(magic) and (int.from_bytes(first, "little") > MAX_BYTES or begins not in (b"", b"{")):
            raise FileFormatError(f"is no file of gdcore; it looks like {what}")


def _known(metadata: Mapping[str, str]) -> None:
    """Check format and version, whatever else a newer version may have changed."""
    if metadata.get("format") != FORMAT:
        raise FileFormatError(
            "has tensors, but no format 'gdcore' in its metadata: load them by "
            "safetensors.numpy.load_file, and copy them into the parameters of a model"
        )
    version = metadata.get("format_version", "")
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise FileFormatError(f"has the format version {version[:40]!r}; expected a number")
    if int(version) != VERSION:
        by = metadata.get("gdcore_version", "")[:40]
        raise FileFormatError(
            f"has format version {version}, saved by gdcore {by!r}; gdcore {__version__} reads version {VERSION}: "
            "install a newer gdcore"
        )
    if set(metadata) != set(KEYS):
        raise FileFormatError(f"has other metadata than {', '.join(KEYS)}")
