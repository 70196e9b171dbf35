"""Writes the pages of the reference into docs/api/: one for each public name, one for each room, and their index.

Sphinx reads them and fills in the docstrings. A page is written only where its text has changed, so that a second build
reads little.
"""

import inspect
from pathlib import Path
from typing import Any

import public
from prose import escaped


def write(folder: Path) -> None:
    """Write the pages, and delete those whose name is gone."""
    things, names = public.objects(), filenames()
    pages = {names[name]: page(name, thing) for name, thing in things.items()}
    pages |= {f"room.{name}": room_page(name, names, things) for name in public.rooms()}
    pages |= {group_stem(title): group_page(title, mine, names) for title, mine in grouped().items()}
    pages["index"] = index(names)
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.rst"):
        if path.stem not in pages:
            path.unlink()
    for stem, text in pages.items():
        path = folder / f"{stem}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def filenames() -> dict[str, str]:
    """Return every public name -> its page's name; Sweep and sweep, which differ only in case, differ by more there."""
    things = public.objects()
    lower = [name.lower() for name in things]
    return {
        name: f"{name}-class" if isinstance(thing, type) and lower.count(name.lower()) > 1 else name
        for name, thing in things.items()
    }


def heading(text: str, line: str = "=") -> str:
    """Return a heading."""
    return f"{text}\n{line * len(text)}\n\n"


def toctree(names: list[str]) -> str:
    """Return a list of pages that is not shown where it stands."""
    return ".. toctree::\n   :hidden:\n\n" + "".join(f"   {name}\n" for name in names) + "\n"


def page(name: str, thing: Any) -> str:
    """Return the page of a class with its methods, of a function, or of a constant."""
    short = name.removeprefix("gdcore.")
    text = heading(short)
    if isinstance(thing, type):
        text += f".. autoclass:: {name}\n   :no-members:\n\n"
        found = public.methods(thing)
        if found:
            text += ".. rubric:: Methods\n\n"
        for each in found:
            kind = "property" if isinstance(inspect.getattr_static(thing, each), property) else "method"
            text += f".. auto{kind}:: {name}.{each}\n\n"
    elif inspect.isroutine(thing):
        text += f".. autofunction:: {name}\n\n"
    else:
        text += f".. py:data:: {name}\n\n   {first_paragraph(name)}\n\n"
        if isinstance(thing, tuple):
            text += "Its rows:\n\n" + "".join(f"- {row_text(row)}\n" for row in thing) + "\n"
    return text + f".. minigallery:: {name}\n   :add-heading: In the gallery\n\n"


def row_text(row: Any) -> str:
    """Return a row of a registry: a link where it is a class, else the call that makes it."""
    return f"`{row.__name__}`" if isinstance(row, type) else f"``{row!r}``"


def table(names: list[str], files: dict[str, str]) -> str:
    """Return a table of names and the first lines of their docstrings."""
    text = ".. list-table::\n   :widths: 30 70\n   :class: names\n\n"
    for name in names:
        text += f"   * - :doc:`{name.rpartition('.')[2]} <{files[name]}>`\n     - {first_paragraph(name)}\n"
    return text + "\n"


def first_paragraph(name: str) -> str:
    """Return what a docstring begins with, in one line."""
    return escaped(public.documented()[name].partition("\n\n")[0].replace("\n", " "))


def room_page(name: str, files: dict[str, str], things: dict[str, Any]) -> str:
    """Return the page of a room: its docstring, and its names."""
    full = f"gdcore.{name}"
    mine = [each for each in things if each.rpartition(".")[0] == full]
    text = heading(full) + f".. automodule:: {full}\n   :no-members:\n\n"
    return text + table(mine, files) + toctree([files[each] for each in mine])


def group_page(title: str, names: list[str], files: dict[str, str]) -> str:
    """Return the page of a group, under which its names stand in the menu."""
    notes = "".join(f".. automodule:: {module}\n   :no-members:\n\n" for module in public.NOTES.get(title, ()))
    return heading(title) + table(names, files) + notes + toctree([files[name] for name in names])


def index(files: dict[str, str]) -> str:
    """Return the page from which the reference begins."""
    text = heading("Reference") + INTRODUCTION
    for title, names in grouped().items():
        text += heading(title, "-") + table(names, files)
    text += heading("Rooms", "-") + ".. list-table::\n   :widths: 30 70\n   :class: names\n\n"
    for name in public.rooms():
        text += f"   * - :doc:`gdcore.{name} <room.{name}>`\n     - {first_paragraph(f'gdcore.{name}')}\n"
    return text + "\n" + toctree([*map(group_stem, grouped()), *(f"room.{name}" for name in public.rooms())])


def grouped() -> dict[str, list[str]]:
    """Return the groups with the full names."""
    return {title: [f"gdcore.{name}" for name in names] for title, names in public.groups().items()}


def group_stem(title: str) -> str:
    """Return the name of a group's page."""
    return "group." + title.lower().replace(" ", "_")


INTRODUCTION = """Every public name, with ``import gdcore as gd``. The same text is in ``help(gd.Trainer)``, and
:doc:`tables of all registries </reference>` show names and defaults side by side.

.. py:module:: gdcore

"""
