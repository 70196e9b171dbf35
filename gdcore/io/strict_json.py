"""JSON as RFC 8259 has it, with limits: what Python's reader forgives is refused here.

Design
------
- A name that stands twice in an object, NaN and Infinity, numbers beyond 64 bits and other encodings than UTF-8 are
  refused: two readers of the same file would understand different things.
- Depth and number of brackets are counted before the text is parsed, at a few nanoseconds per byte. So neither the
  stack nor the memory of the reader depends on what the text says.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import numpy as np

from .errors import FileFormatError

DEEPEST = 32
"""Brackets within brackets; files of this format have at most about 12."""
MAX_BRACKETS = 2**21
"""Objects and lists in one text. They are what costs memory: some 60 bytes for two characters."""
LARGEST = 2**64

STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""The closing quote is optional, so that a string without one is not looked at again from every quote within it."""
NO_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))


def write(value: object) -> str:
    """Return the shortest text of a value, with its letters as they are.

    Examples
    --------
    >>> write({"rate": 0.1, "names": ["a", "ä"]})
    '{"rate":0.1,"names":["a","ä"]}'
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def read(text: bytes, what: str) -> Any:
    """Return the value of a text.

    Parameters
    ----------
    text : bytes
    what : str
        What the text is, for messages: "a header".

    Raises
    ------
    FileFormatError
        For what is not strict JSON in UTF-8, and for more than `DEEPEST` or `MAX_BRACKETS`.
    """
    _limit_brackets(text, what)
    try:
        return json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_no_number,
            parse_float=_float,
            parse_int=_int,
        )
    except UnicodeDecodeError as error:
        raise FileFormatError(f"has {what} that is not UTF-8: its byte {error.start} is damaged") from None
    except FileFormatError as error:
        raise FileFormatError(f"has {what} that {error}") from None
    except json.JSONDecodeError as error:
        raise FileFormatError(f"is damaged: it has {what} that is not JSON from character {error.pos} on") from None
    except (ValueError, RecursionError):
        raise FileFormatError(f"is damaged: it has {what} that is not JSON") from None


def _limit_brackets(text: bytes, what: str) -> None:
    brackets = np.frombuffer(STRINGS.sub(b"", text).translate(None, NO_BRACKETS), np.uint8)
    opens = (brackets == ord("[")) | (brackets == ord("{"))
    if opens.sum() > MAX_BRACKETS:
        raise FileFormatError(f"has {what} of {opens.sum():,} objects and lists; at most {MAX_BRACKETS:,} are read")
    depth = np.cumsum(np.where(opens, 1, -1), dtype=np.int64).max(initial=0)
    if depth > DEEPEST:
        raise FileFormatError(f"has {what} with brackets {depth:,} deep; at most {DEEPEST} are read")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise FileFormatError(f"has {twice[:80]!r} twice in one object")
    return found


def _no_number(word: str) -> NoReturn:
    raise FileFormatError(f"has {word}, which is no number in JSON")


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise FileFormatError(f"has the number {digits[:40]}, which is beyond float64")
    return number


def _int(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) >= LARGEST:
        raise FileFormatError(f"has the number {digits[:40]}, which is beyond 64 bits")
    return int(digits)
