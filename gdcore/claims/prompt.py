"""The fourth document's prompt: type a number and get twice that number, as well as one tanh unit can compute it."""

from __future__ import annotations

import math
import sys

from ..models import Sequential

WANTED = "type a number between 0 and 0.5, or several with spaces between them; Ctrl-D ends"


def ask_numbers(model: Sequential) -> None:
    """Ask for lines of numbers until the standard input ends, and print what the network makes of each.

    Parameters
    ----------
    model : Sequential
        Of one input and one output.
    """
    print(f"\n{WANTED}")
    while sys.stdin is not None and not sys.stdin.closed:
        try:
            line = input("number: ")
        except EOFError:
            print()
            return
        except UnicodeDecodeError as error:
            print(f"the input is no text in {error.encoding}: the end")
            return
        print(answer(model, line))


def answer(model: Sequential, line: str) -> str:
    """Return the network's result for each number in a line, or what is wrong with the line.

    Examples
    --------
    >>> import gdcore as gd
    >>> double = gd.LinearModel(1, bias=False, weight_init=gd.Constant(2.0))
    >>> print(answer(double, "0.25 0.5"))
      0.25 -> 0.5000
      0.5 -> 1.0000
    >>> answer(double, "one half")
    "'one' is not a number: type a number between 0 and 0.5, or several with spaces between them; Ctrl-D ends"
    """
    words = line.split()
    if not words:
        return WANTED
    lines = []
    for word in words:
        try:
            x = float(word.replace("_", "?"))  # Python's own separator is no part of a number to its reader
        except ValueError:
            return f"{word!r} is not a number: {WANTED}"
        if not math.isfinite(x):
            return f"{word!r} is not finite: {WANTED}"
        note = "" if 0 <= x <= 0.5 else "    (it has learned numbers from 0.025 to 0.5)"
        lines.append(f"  {word} -> {float(model.predict([[x]])[0, 0]):.4f}{note}")
    return "\n".join(lines)
