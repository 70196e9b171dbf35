"""The nearest known name, and lists of names, for messages."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(value: object, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the end of a message that names the nearest known name; "" if none is near.

    Upper and lower case are treated alike.

    Examples
    --------
    >>> did_you_mean("Vall_loss", ["loss", "val_loss"]), did_you_mean("accuracy", ["loss"])
    ("; did you mean 'val_loss'?", '')
    """
    import difflib  # at the first message, not at import

    by_word = {str(name).lower(): name for name in known}
    close = difflib.get_close_matches(str(value).lower(), by_word, n=1, cutoff=cutoff)
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
