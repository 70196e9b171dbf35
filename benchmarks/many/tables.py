"""The suite's table: a row for each kind of model, the first fits beside the steps."""

from gdcore.bench.table import duration, three_digits

from ..suite_tables import Json, names_in
from .cases import FIRST


def every_row(suite: Json) -> tuple[list[str], list[list[str]]]:
    """The head and the rows.

    Examples
    --------
    >>> row = {"label": "1-1, 2, 9 models", "libraries": {"gdcore": {"seconds": 1e-7}, "jax": {"seconds": 3e-7}}}
    >>> steps = row | {"ratios": {"jax": 3.0}}
    >>> first = {"label": "1-1, 2, 9 models, first", "libraries": {"jax": {"seconds": 2.0}}, "ratios": {}}
    >>> every_row({"rows": [steps, first]})[1]
    [['1-1, 2, 9 models', '100 ns', '3.00x', '-', '2.00 s']]
    """
    names = names_in(suite)
    base, *peers = names
    by_label = {row["label"]: row for row in suite["rows"]}
    head = ["layers, rows, models", f"{base}, a step", *peers, *(f"{name}, first fit" for name in names)]
    rows = []
    for label, row in by_label.items():
        if label.endswith(FIRST):
            continue
        first = by_label.get(f"{label}{FIRST}", {"libraries": {}})["libraries"]
        steps = duration(row["libraries"][base]["seconds"]) if base in row["libraries"] else "-"
        ratios = (row["ratios"].get(name) for name in peers)
        shown = ("-" if ratio is None else f"{three_digits(ratio)}x" for ratio in ratios)
        rows.append(
            [label, steps, *shown, *(duration(first[name]["seconds"]) if name in first else "-" for name in names)]
        )
    return head, rows
