"""Checks of the arguments of saving and loading."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from ..base.checks import callable_name, short


def path(value: object) -> str:
    """Check and return a file's name as text."""
    if not isinstance(value, str | bytes | os.PathLike):
        raise TypeError(f"path must be a file's name, such as 'model.gdc', got {short(value)}: pass its name")
    name = os.fsdecode(value)
    if "\0" in name:
        raise ValueError(
            f"path must be a file's name, such as 'model.gdc', got {short(value)} with a zero byte in it: pass the "
            "name of the file, not its content"
        )
    if not name:
        raise ValueError("path must be a file's name, such as 'model.gdc', got ''")
    return name


def custom(value: object) -> dict[str, Any]:
    """Check and return the names of the user's own functions and classes."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"custom must be a dict, such as {{'my_loss': my_loss}}, got {short(value)}")
    for name, function in value.items():
        if not isinstance(name, str):
            raise TypeError(f"custom must have names that are texts, got {short(name)}")
        if not callable(function):
            raise TypeError(f"custom[{name!r}] must be a function or a class, got {short(function)}")
    return dict(value)


def history(value: object, kind: str) -> None:
    """Check that a history is one, and is saved with a trainer."""
    from ..training import History

    if not isinstance(value, History):
        raise TypeError(f"history must be a History, as fit returns it, got {short(value)}")
    if kind != "trainer":
        raise TypeError(f"history is saved with a trainer, not with a {kind}: save it as a file of its own")


def large_integer(at: str, value: int) -> ValueError:
    """Return the error for an integer that JSON's readers may round; `at` names its place, as in all that follow."""
    return ValueError(f"cannot save {at}, {value}: files hold integers below 2**64")


def no_value(at: str, value: object) -> TypeError:
    """Return the error for what no file can hold."""
    return TypeError(f"cannot save {at}, {short(value)}: files hold numbers, texts, arrays and records")


def no_text(at: str, value: object) -> TypeError:
    """Return the error for a key that is no text."""
    return TypeError(f"cannot save {at} with the name {short(value)}: names must be texts")


def not_utf8(at: str, value: str) -> ValueError:
    """Return the error for a text with half of a surrogate pair."""
    return ValueError(f"cannot save {at}, {value!r}: UTF-8 cannot write it")


def other_array(at: str, array: NDArray[Any]) -> TypeError:
    """Return the error for an array of another dtype or shape."""
    kinds = "float64, float32 and int64, and labels of one axis"
    return TypeError(f"cannot save {at}, an array of {array.dtype} and shape {array.shape}: files hold {kinds}")


def refused_record(at: str, error: TypeError) -> TypeError:
    """Return the error for a record that has no dict."""
    return TypeError(f"cannot save {at}: {error}")


def without_name(value: Any) -> ValueError:
    """Return the error for a function that no name stands for."""
    return ValueError(
        f"cannot save {callable_name(value)}, which has no name of its own: pass custom={{'name': it}}, "
        "and the same when loading"
    )


def taken_name(name: str) -> ValueError:
    """Return the error for a function whose own name `custom` gives to another."""
    return ValueError(
        f"cannot save {name} by its own name, because custom[{name!r}] is another object: give it another name "
        "in custom, and the same when loading"
    )


def no_class(name: str, value: object) -> TypeError:
    """Return the error for a name in `custom` that must stand for a record's class."""
    return TypeError(f"custom[{name!r}] must be the class of that name, got {short(value)}")
