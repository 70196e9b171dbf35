"""Keeps characters of formulas from being taken for markup: |z - y|, 2 * x and val_ in docstrings are what they look
like.

Docstrings are written to be read as they are, in a terminal. Their markup is code in backticks, examples, and the
headings and references of numpydoc; they have no emphasis and no substitutions.
"""

import re
from typing import Any

from sphinx.application import Sphinx

CODE = re.compile(r"(``.+?``|`[^`]+`_?|\[\d+\]_)")
MARKUP = re.compile(r"(\||\*(?=\S)|(?<=\S)\*|(?<=\w)_(?!\w))")


def escaped(text: str) -> str:
    """Return a piece of prose in which only code is markup."""
    parts = CODE.split(text)
    return "".join(part if i % 2 else MARKUP.sub(r"\\\1", part) for i, part in enumerate(parts))


def set_apart(lines: list[str]) -> list[str]:
    """Return the lines of a module's docstring, whose indented tables and formulas become literal blocks."""
    found: list[str] = []
    inside = False
    for i, line in enumerate(lines):
        indented = line.startswith("    ")
        before = next((one for one in reversed(lines[:i]) if one.strip()), "")
        if indented and not inside and not before.rstrip().endswith("::"):
            found += ["", "::", ""]
        if inside and line.strip() and not indented:
            found.append("")
        if line.strip():
            inside = indented
        found.append(line)
    return found


def escape_docstring(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Escape the lines of a docstring in place, all but examples and literal blocks."""
    if what == "module":
        lines[:] = set_apart(lines)
    literal = None  # the indentation of the line that began a literal block
    example = False
    for i, line in enumerate(lines):
        indentation = len(line) - len(line.lstrip())
        if literal is not None and line.strip() and indentation <= literal:
            literal = None
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if literal is None and not example:
            lines[i] = escaped(line)
            if line.rstrip().endswith("::"):
                literal = indentation


def setup(app: Sphinx) -> dict[str, bool]:
    """Escape before numpydoc reads."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", escape_docstring, priority=400)
    return {"parallel_read_safe": True}
