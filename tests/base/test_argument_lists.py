"""The kernels' argument lists are short: what belongs together is passed as a struct, or as a record from Python.

Every list in parentheses behind a name counts, of definitions, declarations and calls alike; `self` does not.
"""

import re
from pathlib import Path

import pytest

import gdcore

SOURCES = Path(gdcore.__file__).parents[1] / "src"
MAX_ARGUMENTS = 8

TABLE_ROW = "A row of a table has a value for each column."
LONG_LISTS = {
    "LayerKind": TABLE_ROW,
    "StageKind": TABLE_ROW,
}


def without_text(source, is_cython):
    """Return the source without comments, its strings empty."""
    if is_cython:
        pattern = r'"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*'
    else:
        pattern = r'/\*[\s\S]*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"'
    return re.sub(pattern, lambda match: '""' if match[0][0] == '"' else "", source)


def argument_lists(source, is_cython=True):
    """Yield (name, number of arguments) of every list; a method's name stands behind its class's."""
    code = without_text(source, is_cython)
    owner = ""
    for match in re.finditer(r"^(?:cdef )?class (\w+)|^(?=\S)|(\w+)\)?\s*(?=\()", code, re.MULTILINE):
        if match[1] or not match[2]:
            owner = match[1] or ""
            continue
        depth, count, filled = 0, 0, False
        start = match.end()
        for at in range(start, len(code)):
            if code[at] in "([{":
                depth += 1
            elif code[at] in ")]}":
                depth -= 1
                if depth == 0:
                    break
            elif code[at] == "," and depth == 1:
                count, filled = count + filled, False
                continue
            filled = filled or (depth > 0 and at > start and not code[at].isspace())
        arguments = code[start + 1 : at].lstrip()
        is_method = re.match(r"self\b\s*(,|$)", arguments) is not None
        is_star = re.search(r",\s*\*\s*,", arguments) is not None
        yield f"{owner}.{match[2]}" if owner and is_method else match[2], count + filled - is_method - is_star


def test_no_list_is_long():
    files = [path for path in SOURCES.rglob("*") if path.suffix in (".pyx", ".pxi", ".h")]
    assert len(files) > 30
    found = set()
    for path in files:
        lists = argument_lists(path.read_text(encoding="utf-8"), path.suffix != ".h")
        found |= {name for name, n in lists if n > MAX_ARGUMENTS}
    assert not found - set(LONG_LISTS), f"more than {MAX_ARGUMENTS} arguments: {sorted(found - set(LONG_LISTS))}"
    assert not set(LONG_LISTS) - found, f"no longer long, take it from the list: {sorted(set(LONG_LISTS) - found)}"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("cdef void f(int a, (b, c) d, x[1, 2] e,) noexcept:", ("f", 3)),
        ("def f():\n    return 1", ("f", 0)),
        ("cdef class A:\n    def f(self, int a, *, b=(1, 2)):", ("A.f", 2)),
        ("cdef void f(\n    int a,   # one, two, three\n    int b,\n) noexcept:", ("f", 2)),
        ("    void (*f)(int a, int b) noexcept nogil", ("f", 2)),
    ],
)
def test_lists_are_counted(source, expected):
    assert expected in set(argument_lists(source))


def test_lists_of_c_are_counted():
    source = '/* f(a, b, c) */ static void f(int a, int b) { g(a, "x, y", b); }'
    assert list(argument_lists(source, is_cython=False)) == [("f", 2), ("g", 3)]
