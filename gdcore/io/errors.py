"""The error of files that cannot be read."""

from __future__ import annotations

from typing import final


@final
class FileFormatError(ValueError):
    """A file is damaged, hostile, of a newer format, or no file of gdcore; the message says what is wrong with it.

    Examples
    --------
    >>> raise FileFormatError("model.gdc ends after 3 bytes")
    Traceback (most recent call last):
    gdcore.io.errors.FileFormatError: model.gdc ends after 3 bytes
    """
