"""Standard streams under all conditions: any encoding, closed, full, or abandoned by their reader.

Design
------
A command writes as if the terminal knew every character. While it runs, the streams have an error handler that replaces
characters that the encoding lacks.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

PLAIN = {
    "…": "...", "²": "^2", "³": "^3", "±": "+-", "×": "x", "·": "*", "µ": "u", "–": "-", "—": "-", "−": "-", "≤": "<=",
    "≥": ">=", "→": "->", "°": " deg", "‘": "'", "’": "'", "“": '"', "”": '"', "∞": "inf", "√": "sqrt", "∂": "d",
    "ε": "eps", "λ": "lambda", "ŷ": "y", "é": "e", "ä": "ae", "ü": "ue", "€": "EUR", "£": "GBP",
    "✓": "+", "✗": "x", "•": "*",
}  # fmt: skip
"""Replacements for characters that the encoding lacks; any other one becomes a question mark."""
HANDLER = "gdcore.plain"


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(PLAIN.get(character, "?") for character in lacking), error.end


codecs.register_error(HANDLER, _plain)


@contextlib.contextmanager
def any_encoding() -> Iterator[None]:
    """Let standard output and standard error write characters that their encodings lack.

    Examples
    --------
    >>> with any_encoding():
    ...     print("(3 + 3A)²".encode("ascii", HANDLER).decode())
    (3 + 3A)^2
    """
    streams = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, io.TextIOWrapper)]
    before = [(stream, stream.errors) for stream in streams if not stream.closed]
    with contextlib.suppress(OSError, ValueError):
        for stream, _ in before:
            stream.reconfigure(errors=HANDLER)
    try:
        yield
    finally:
        for stream, errors in before:
            with contextlib.suppress(OSError, ValueError):  # the stream may be closed or full
                stream.reconfigure(errors=errors)


def complain(text: str) -> None:
    """Write one line to standard error if possible."""
    stream = sys.stderr
    if stream is None:
        return
    try:
        stream.write(" ".join(text.split()) + "\n")
        stream.flush()
    except (OSError, ValueError):
        mute(stream)


def mute(stream: TextIO | None) -> None:
    """Send a stream's buffered text nowhere; otherwise the interpreter would flush it at exit and complain."""
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream exists, is open, and is a terminal."""
    return stream is not None and not stream.closed and stream.isatty()
