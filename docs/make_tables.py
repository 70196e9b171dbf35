"""Write the tables of docs/reference.md from the registries: `python docs/make_tables.py`, from an installed gdcore."""

import argparse
import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from inspect import cleandoc
from pathlib import Path

import gdcore as gd
from gdcore.base.record import plain_repr
from gdcore.base.text_table import markdown
from gdcore.layers.layer import LAYERS

PAGE = Path(__file__).parent / "reference.md"


def code(text: str) -> str:
    """Return the text as inline code that may stand in a table."""
    return "`" + text.replace("|", r"\|") + "`"


def names(kind) -> str:
    """Return the names and aliases of a record."""
    return ", ".join(code(f'"{name}"') for name in (kind.name, *kind.aliases))


def activations() -> str:
    """Return the table of `gd.ACTIVATIONS`."""
    rows = [
        (code(f'"{row.name}"'), code(row.formula), code(row.output_range), code(row.slope_range), code(f'"{row.init}"'))
        for row in gd.ACTIVATIONS
    ]
    return markdown(("name", "a(z)", "range", "slope", '`"auto"` weights'), rows)


def layers() -> str:
    """Return the table of the layers."""
    return markdown(("record with its defaults", ""), [(code(call(kind)), first_sentence(kind)) for kind in LAYERS])


def losses() -> str:
    """Return the table of `gd.LOSSES`."""
    targets = {
        "real": "any number",
        "nonnegative": "0 or more",
        "unit": "0 to 1",
        "sign": "-1 or 1",
        "class": "labels, or probabilities",
    }
    rows = [(names(kind), code(call(kind)), code(kind.formula), targets[kind.target]) for kind in gd.LOSSES]
    return markdown(("name", "record", "of an output z and its target y", "targets"), rows)


def optimizers() -> str:
    """Return the table of `gd.OPTIMIZERS`."""
    rows = [(code(f'"{kind.name}"'), first_sentence(kind), code(call(kind))) for kind in gd.OPTIMIZERS]
    return markdown(("name", "", "record with its defaults"), rows)


def initializers() -> str:
    """Return the table of `gd.INITIALIZERS`."""
    rows = [(names(record), first_sentence(type(record)), code(repr(record))) for record in gd.INITIALIZERS]
    return markdown(("name", "", "record"), rows)


def schedules() -> str:
    """Return the table of `gd.SCHEDULES`."""
    rows = [(code(call(kind)), first_sentence(kind)) for kind in gd.SCHEDULES]
    return markdown(("record with its defaults", ""), rows)


def metrics() -> str:
    """Return the table of `gd.METRICS`."""
    rows = [(code(f'"{kind.name}"'), code(call(kind)), code(kind.formula), first_sentence(kind)) for kind in gd.METRICS]
    return markdown(("name", "record", "of an output z, its target y, the class c", ""), rows)


def averages() -> str:
    """Return the table of `gd.AVERAGES`."""
    return markdown(
        ("record with its defaults", ""), [(code(call(kind)), first_sentence(kind)) for kind in gd.AVERAGES]
    )


def call(kind: type) -> str:
    """Return the call that makes the record, with its defaults."""
    options = [
        field.name + ("" if field.default is MISSING else f"={plain_repr(field.default)}") for field in fields(kind)
    ]
    return f"{kind.__name__}({', '.join(options)})"


def first_sentence(kind: type) -> str:
    """Return the first line of a docstring, without its stop."""
    return cleandoc(kind.__doc__).splitlines()[0].rstrip(".:").replace("|", r"\|")


TABLES: tuple[Callable[[], str], ...] = (
    layers,
    activations,
    losses,
    optimizers,
    schedules,
    metrics,
    initializers,
    averages,
)


def block(name: str) -> re.Pattern[str]:
    """Return the pattern of what stands between the markers of that name."""
    return re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->\n)", re.DOTALL)


def fill(text: str) -> str:
    """Return the page with its tables made anew."""
    for made in TABLES:
        text, n = block(made.__name__).subn(lambda _, made=made: made(), text)
        assert n == 1, f"{PAGE.name} has {n} places for {made.__name__}"
    return text


def main() -> None:
    """Overwrite the tables of the page."""
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    argparse.ArgumentParser(description="Overwrites the tables of docs/reference.md.").parse_args()
    main()
