"""What is public: the names of gdcore and of its rooms, in the groups in which `help(gdcore)` lists them.

Design
------
- The map in the package's docstring is read, not copied: a new name is in the reference as soon as it is in the map,
  which tests/base/test_help.py demands of every name.
- A room is a module among the public names, one that an extra brings, or one that is opened by its name alone.
"""

import ast
import inspect
import re
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import gdcore as gd
from gdcore.base.record import Registry

METHODS = (FunctionType, classmethod, staticmethod, property)

ALSO = ("claims",)
"""Rooms that the pages import from, and that `gdcore` itself does not name."""

NOTES = {"Optimizers": ("gdcore.optimizers.adam",)}
"""Title of a group -> modules whose docstrings its names refer to, and which its page shows."""

BASES = (object, tuple, BaseException)
"""Whose methods Python documents."""


def rooms() -> list[str]:
    """Return the names of the public rooms."""
    named = [name for name in gd.__all__ if isinstance(getattr(gd, name), ModuleType)]
    return sorted({*named, *gd.EXTRAS, *(room for room, names in gd.LATER.items() if not names), *ALSO})


def room(name: str) -> ModuleType:
    """Return a room, imported."""
    return import_module(f"gdcore.{name}")


def groups() -> dict[str, list[str]]:
    """Return the groups of names of `gdcore`: title -> names, without the rooms."""
    found: dict[str, list[str]] = {}
    left = {name for name in gd.__all__ if not isinstance(getattr(gd, name), ModuleType)}
    title = ""
    for line in (gd.__doc__ or "").partition("What there is")[2].splitlines()[1:]:
        if line[:1].isupper():
            title = re.split("[,:]", line)[0]
        first, _, rest = line.strip().partition("  ")
        words = [*re.findall(r"\w+", first), *re.findall(r"[A-Z]\w+", rest)]  # the rest is prose: classes alone
        for name in words:
            if name in left:
                found.setdefault(title, []).append(name)
                left.remove(name)
    found.setdefault("Settings", []).extend(sorted(left))
    return found


@cache
def objects() -> dict[str, Any]:
    """Return every public name with its room, such as "gdcore.plot.losses" -> what it is; rooms are left out."""
    found = {f"gdcore.{name}": getattr(gd, name) for names in groups().values() for name in names}
    for name in rooms():
        module = room(name)
        found |= {f"gdcore.{name}.{each}": getattr(module, each) for each in module.__all__}
    return found


def methods(kind: type) -> list[str]:
    """Return the public methods and properties that gdcore gives a class, in the order of their names."""
    foreign = {name for base in BASES for name in dir(base)}
    return sorted(
        {
            name
            for base in kind.__mro__
            if base.__module__.startswith("gdcore.")
            for name, value in vars(base).items()
            if isinstance(value, METHODS)
            and not name.startswith("_")
            and name not in foreign
            and isinstance(inspect.getattr_static(kind, name), METHODS)  # not overridden by a constant
        }
    )


@cache
def documented() -> dict[str, str]:
    """Return every public name, method and room -> its docstring, empty where it has none."""
    found = {f"gdcore.{name}": inspect.getdoc(room(name)) or "" for name in rooms()}
    for name, thing in objects().items():
        found[name] = doc(name)
        if isinstance(thing, type):
            found |= {f"{name}.{each}": inspect.getdoc(getattr(thing, each)) or "" for each in methods(thing)}
    return found


def doc_of(thing: Any) -> str:
    """Return a docstring that was written: not the signature that a dataclass makes, nor that of a built-in type."""
    text = inspect.getdoc(thing) or ""
    if isinstance(thing, Registry):
        return f"Every {thing.what}, as a tuple. `find` looks one up by its name or an alias."
    kind = type(thing)
    if isinstance(thing, type):
        return "" if text.startswith(f"{thing.__name__}(") else text
    return "" if kind.__module__ == "builtins" and text == (inspect.getdoc(kind) or "") else text


def doc(name: str) -> str:
    """Return the docstring of a public name; of a constant, the text below its assignment where it has none itself."""
    return doc_of(objects()[name]) or below_assignment(name)


def below_assignment(name: str) -> str:
    """Return the string that stands below the assignment of a constant, in the room's files."""
    *parts, constant = name.split(".")[1:]
    folder = Path(gd.__file__).parent.joinpath(*parts)
    for path in sorted(folder.glob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for statement, below in pairwise(body):
            if (
                isinstance(statement, (ast.Assign, ast.AnnAssign))
                and ast.unparse(statement).startswith((f"{constant} =", f"{constant}:"))
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
            ):
                return inspect.cleandoc(below.value.value)
    return ""
