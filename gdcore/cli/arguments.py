"""Types of the options that verbs on tables share; each message says what to pass."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from ..io.container import is_ours
from .failed import WrongUse


def number_above_0(text: str) -> float:
    """Return a number > 0."""
    value = _number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number > 0, got {text!r}")
    return value


def rate(text: str) -> float | None:
    """Return a learning rate, or None for "auto"."""
    return None if text == "auto" else number_above_0(text)


def count(text: str) -> int:
    """Return an integer >= 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number >= 1, got {text!r}")
    return int(text)


def widths(text: str) -> tuple[int, ...]:
    """Return the widths of hidden layers: "64,64", or () for "none"."""
    if text in ("none", "0", ""):
        return ()
    try:
        return tuple(count(part.strip()) for part in text.split(","))
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"takes widths with commas, such as 64,64, or none: each {error}") from None


def names(text: str) -> tuple[str, ...]:
    """Return names of columns with commas between them."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def share_or_file(text: str) -> float | str:
    """Return a share in [0, 1), or the name of a file."""
    try:
        value = float(text)
    except ValueError:
        return text
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must be a share in [0, 1) such as 0.2, or a file, got {text}")
    return value


def known(value: str | None, find: Callable[[str], object]) -> None:
    """Refuse a name that a look-up of the library does not know; its message lists those known."""
    if value is not None:
        try:
            find(value)
        except ValueError as error:
            raise WrongUse(str(error)) from None


def writable(path: str, read: Iterable[str]) -> str:
    """Return the name of a file to write, after making sure that it can be: before an hour of work, not after it.

    Parameters
    ----------
    path : str
    read : iterable of str
        Files that the command reads, which it must not replace; "-" is the standard input.
    """
    target = Path(path)
    folder = target.resolve().parent
    if target.is_dir():
        raise WrongUse(f"{path} is a folder: add a file's name, such as {path.rstrip('/')}/model.gdc")
    if not folder.is_dir():
        raise WrongUse(f"there is no folder {folder} for {target.name}: create it, or pass another --out")
    if not os.access(folder, os.W_OK):
        raise WrongUse(f"the folder {folder} cannot be written to: pass --out with a file elsewhere")
    for one in read:
        if same_file(one, path):
            raise WrongUse(f"--out {path} is {_named(one, path)}, which would be lost: pass another --out")
    return path


def replaceable_by_model(path: str) -> None:
    """Refuse the name of a file with something else than a model in it, which saving would replace."""
    if os.path.isfile(path) and os.path.getsize(path) and not is_ours(path):
        raise WrongUse(f"{path} exists and is no file of gdcore: pass another --out, or delete it first")


def same_file(one: str, other: str) -> bool:
    """Return whether two names lead to one file, also by a link; of one that does not exist the names decide."""
    try:
        return os.path.samefile("/dev/stdin" if one == "-" else one, other)
    except OSError:
        return one != "-" and os.path.realpath(one) == os.path.realpath(other)


def _named(one: str, path: str) -> str:
    source = "the standard input" if one == "-" else one
    return "a file that this command reads" if source == path else f"the same file as {source}"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, got {text!r}") from None
