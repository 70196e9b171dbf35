"""The README's tables, made from the registries: `python tests/readme_tables.py` writes them into README.md."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, fields
from inspect import cleandoc
from pathlib import Path

import gdcore as gd
from gdcore.base.record import plain_repr

README = Path(__file__).parent.parent / "README.md"


def code(text: str) -> str:
    return "`" + text.replace("|", r"\|") + "`"


def names(kind) -> str:
    return ", ".join(code(f'"{name}"') for name in (kind.name, *kind.aliases))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def activations() -> str:
    rows = [
        (code(f'"{row.name}"'), code(row.formula), code(row.output_range), code(row.slope_range), code(f'"{row.init}"'))
        for row in gd.ACTIVATIONS
    ]
    return table(("name", "a(z)", "range", "slope", '`"auto"` weights'), rows)


def losses() -> str:
    targets = {
        "real": "any number",
        "nonnegative": "0 or more",
        "unit": "0 to 1",
        "sign": "-1 or 1",
        "class": "labels, or probabilities",
    }
    rows = [(names(kind), code(call(kind)), code(kind.formula), targets[kind.target]) for kind in gd.LOSSES]
    return table(("name", "record", "of an output z and its target y", "targets"), rows)


def optimizers() -> str:
    rows = [(code(f'"{kind.rule}"'), first_sentence(kind), code(call(kind))) for kind in gd.OPTIMIZERS]
    return table(("name", "", "record with its defaults"), rows)


def initializers() -> str:
    rows = [(names(record), first_sentence(type(record)), code(repr(record))) for record in gd.INITIALIZERS]
    return table(("name", "", "record"), rows)


def schedules() -> str:
    rows = [(code(call(kind)), first_sentence(kind)) for kind in gd.SCHEDULES]
    return table(("record with its defaults", ""), rows)


def metrics() -> str:
    rows = [
        (code(f'"{kind.name}"'), code(call(kind)), code(kind.formula), first_sentence(kind)) for kind in gd.METRICS
    ]
    return table(("name", "record", "of an output z, its target y, the class c", ""), rows)


def averages() -> str:
    return table(("record with its defaults", ""), [(code(call(kind)), first_sentence(kind)) for kind in gd.AVERAGES])


def call(kind: type) -> str:
    """The constructor with its defaults."""
    options = [
        field.name + ("" if field.default is MISSING else f"={plain_repr(field.default)}") for field in fields(kind)
    ]
    return f"{kind.__name__}({', '.join(options)})"


def first_sentence(kind: type) -> str:
    """The first line of a docstring, without its stop."""
    return cleandoc(kind.__doc__).splitlines()[0].rstrip(".:").replace("|", r"\|")


TABLES: tuple[Callable[[], str], ...] = (activations, losses, optimizers, schedules, metrics, initializers, averages)


def block(name: str) -> re.Pattern[str]:
    """What stands between the markers of that name."""
    return re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->\n)", re.DOTALL)


def fill(text: str) -> str:
    """The README with its tables as the registries are now."""
    for made in TABLES:
        text, n = block(made.__name__).subn(lambda _, made=made: made(), text)
        assert n == 1, f"README.md has {n} places for {made.__name__}"
    return text


if __name__ == "__main__":
    README.write_text(fill(README.read_text(encoding="utf-8")), encoding="utf-8")
