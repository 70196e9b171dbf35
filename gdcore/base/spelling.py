"""The nearest known name, lists of names, and values as a call shows them, for messages."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

MAX_SHOWN = 4
"""The repr of a record shows a longer tuple of a labelled field as the number of its entries."""


def did_you_mean(value: object, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the end of a message that names the nearest known name; "" if none is near.

    Upper and lower case are treated alike. A name of the same letters in another order is nearer than any other.

    Examples
    --------
    >>> did_you_mean("Vall_loss", ["loss", "val_loss"]), did_you_mean("accuracy", ["loss"])
    ("; did you mean 'val_loss'?", '')
    >>> did_you_mean("adma", ["adam", "adamax"])
    "; did you mean 'adam'?"
    """
    import difflib  # at the first message, not at import

    word, by_word = str(value).lower(), {str(name).lower(): name for name in known}
    close = difflib.get_close_matches(word, by_word, n=len(by_word) or 1, cutoff=cutoff)
    close.sort(key=lambda name: sorted(name) != sorted(word))  # a stable sort: the others keep their order
    return f"; did you mean {by_word[close[0]]!r}?" if close else ""


def one_of_these(names: Iterable[str]) -> str:
    """Return names as a sentence lists them where one is meant.

    Examples
    --------
    >>> one_of_these(["Dense", "Dropout", "Log1p"]), one_of_these(["Dense"])
    ('Dense, Dropout or Log1p', 'Dense')
    """
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def plain_repr(value: object) -> str:
    """Return `repr`, with a NumPy number written as Python's."""
    return repr(value.item() if isinstance(value, np.generic) else value)


def counted_repr(value: object) -> str:
    """Return `repr`, or the number of entries of a long tuple."""
    return f"<{len(value)} numbers>" if isinstance(value, tuple) and len(value) > MAX_SHOWN else plain_repr(value)
