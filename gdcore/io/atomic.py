"""Writing a file in one piece: it is there whole, or what was there before stays.

Design
------
- The bytes go into a temporary file of the same folder, are forced to the disk, and then take the name in one rename.
  Readers see the old file or the new one, after a crash too. The folder is forced to the disk last: only then does the
  rename outlive a power failure.
- The temporary name is unguessable and must not exist, so nobody can have put a link there.
- A symbolic link is followed: the file that it points to is replaced. A replaced file's mode is kept. What is no
  ordinary file (a folder, a pipe, a device) is never replaced.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

Bytes = bytes | memoryview
BLOCK_BYTES = 2**20
"""A file is copied in blocks of this size."""
REMEDIES = {
    errno.ENOENT: ": its folder is not there; make it first",
    errno.ENOTDIR: ": the path has a file where it names a folder; choose another path",
    errno.ENOSPC: ": make room, or choose another path",
}
"""What a user can do about an error of the system."""


def write_file(
    path: str, pieces: Iterable[Bytes], before: Callable[[], None] | None = None, new_mode: int | None = None
) -> None:
    """Write the pieces, one after the other, as the file of that name.

    Parameters
    ----------
    path : str
    pieces : iterable of bytes or memoryview
    before : callable, optional
        Called when all is on the disk, just before the file takes its name.
    new_mode : int, optional
        Mode of a file that replaces none; without it the umask decides.

    Raises
    ------
    OSError
        If the file cannot be written, such as on a full disk. The old file is still there, and no temporary one.
    """
    target = os.path.realpath(path)
    found = _mode_of(target, path)
    mode = new_mode if found is None else found
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".gdcore-{secrets.token_hex(16)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(temporary, flags, 0o666 if mode is None else 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        if before is not None:
            before()
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise _of(error, path) from None
        raise
    sync_folder(folder)


def copy_file(path: str, to: str) -> None:
    """Write a copy of a file, with its mode, in one piece.

    Raises
    ------
    OSError
        If the file cannot be read, or the copy cannot be written.
    """
    with open(path, "rb") as file:
        blocks = iter(partial(file.read, BLOCK_BYTES), b"")
        write_file(to, blocks, new_mode=stat.S_IMODE(os.fstat(file.fileno()).st_mode))


def sync_folder(folder: str) -> None:
    """Force a folder's names to the disk; file systems that cannot are let be."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _mode_of(target: str, path: str) -> int | None:
    """Return the mode of the file that will be replaced, None if there is none."""
    try:
        found = os.stat(target)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _of(error, path) from None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(21, "Is a directory: add a file's name", path)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(22, "Not an ordinary file, which saving would replace: choose another path", path)
    if not os.access(target, os.W_OK):
        raise PermissionError(13, "Permission denied: the file is read-only", path)
    return stat.S_IMODE(found.st_mode)


def _of(error: OSError, path: str) -> OSError:
    """Return the same error with the name that the user gave, not the temporary one, and a remedy if one is known."""
    return type(error)(error.errno, f"{error.strerror}{REMEDIES.get(error.errno or 0, '')}", path)
