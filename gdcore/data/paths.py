"""Paths of the files behind sources: what they must be, and what is said where one cannot be read."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from io import FileIO
from typing import Any

import numpy as np

from ..base.checks import short

NPY = "a file of numpy.save"


def path_of(name: str, value: object, expected: str) -> str:
    """Check and return a path as text; `expected` says what stands there."""
    if isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be the path of {expected}, got an array: pass gdcore.data.Rows(X, y)")
    found = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(found, str):
        raise TypeError(f"{name} must be the path of {expected}, got {short(value)}: pass text or a pathlib.Path")
    if not found or "\0" in found:
        raise ValueError(f"{name} must be the path of {expected}, got {found!r}: pass its name")
    return found


@contextmanager
def opened(path: str, expected: str) -> Generator[FileIO, None, None]:
    """Open a file to read bytes from it; an error says what to pass instead.

    Examples
    --------
    >>> with opened("/none/X.npy", NPY):
    ...     pass
    Traceback (most recent call last):
    ...
    FileNotFoundError: there is no file /none/X.npy: pass the path of a file of numpy.save
    """
    try:
        file = FileIO(path)
    except OSError as error:
        raise unreadable(path, error, expected) from None
    with file:
        yield file


def manifest_path(folder: str, name: str) -> str:
    """Check that a folder has a manifest, and return its path."""
    wanted = "the path of a folder that gdcore.data.write_shards has written"
    if not os.path.exists(folder):
        raise _numbered(errno.ENOENT, f"there is no folder {_where(folder)}: pass {wanted}")
    if not os.path.isdir(folder):
        raise _numbered(errno.ENOTDIR, f"{folder} is a file, not a folder: pass {wanted}, or the file to Npy or Arrow")
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        raise _numbered(
            errno.ENOENT, f"{folder} has no {name}, which lists the files of its rows: write one, or pass {wanted}"
        )
    return path


def unreadable(path: str, error: OSError, expected: str) -> OSError:
    """Return the error for a file that cannot be opened or read, of the same class and number."""
    code = error.errno or errno.EIO
    if code == errno.ENOENT:
        return _numbered(code, f"there is no file {_where(path)}: pass the path of {expected}")
    if code == errno.EISDIR:
        return _numbered(code, f"{path} is a folder: pass the path of {expected}, or gdcore.data.Shards(folder)")
    if code == errno.ENOTDIR:
        return _numbered(code, f"{path} has a file where it names a folder: pass the path of {expected}")
    if code in (errno.EACCES, errno.EPERM):
        return _numbered(code, f"{path} may not be read by this user: change its permissions, or pass a copy")
    return _numbered(code, f"{path} cannot be read ({error.strerror}): check the disk, or pass a copy")


def unread(path: str, error: OSError) -> OSError:
    """Return the error for a file that is read at once and no source, of the same class and number."""
    if error.errno == errno.ENOENT:
        current = "" if os.path.isabs(path) else f"; the current folder is {os.getcwd()}"
        return _numbered(errno.ENOENT, f"there is no file {path}: check its name and folder{current}")
    if error.errno == errno.EISDIR:
        return _numbered(errno.EISDIR, f"{path} is no file (Is a directory): add a file's name")
    return unreadable(path, error, "a file")


def _where(path: str) -> str:
    """Return a path, with the folder that it is relative to."""
    return path if os.path.isabs(path) else f"{path} in {os.getcwd()}"


def _numbered(code: int, message: str) -> OSError:
    """Return the system's error of a number, whose text is the message alone."""
    error: Any = type(OSError(code, message))(message)
    error.errno = code
    found: OSError = error
    return found
