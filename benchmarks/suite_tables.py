"""The tables of a file of results: one machine's suites, as Markdown.

`everything` is the whole of a file; `summary` is the README's table.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gdcore.base.text_table import markdown
from gdcore.bench.table import duration, size, three_digits

SUMMARY = ("jax", "torch", "sklearn", "numpy")
"""The README's columns; a further release of one of them, such as jax-0.4.31, stands behind it."""
SAME = {"sklearn": ("sklearn", "sklearn.sgd")}
"""The README shows the faster of these as one library."""
LEFT_OUT = ("784-128-10, 64", "784-512-512-10, 256", "8-1, 1")
"""Rows of the suite train that the README leaves to the machine's page: it shows a smaller and a larger net, and linear
models in long epochs, since a call of scikit-learn's for 256 rows mostly checks its arguments."""
ADDED = {
    "shapes": ("3-5-2, 16", "10-17-17-3, 64"),
    "long": ("8-1, 1, 65,536/epoch", "20-1, 1, logistic, 65,536/epoch"),
}
"""Rows of other suites that the README shows too."""
VECTOR = 16
"""Numbers of float32 in the widest vector."""
VERSIONS = {
    "numpy": "NumPy",
    "torch": "PyTorch",
    "jax": "JAX",
    "sklearn": "scikit-learn",
    "keras": "Keras",
    "onnxruntime": "ONNX Runtime",
    "river": "river",
    "vowpalwabbit": "Vowpal Wabbit",
}

Json = Mapping[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its first column to the left and the others to the right."""
    return markdown(head, rows, right=range(1, len(head)))


def suite_of(report: Json, name: str) -> Json | None:
    """The suite of that name, where it was run."""
    return next((suite for suite in report["suites"] if suite["suite"] == name), None)


def names_in(suite: Json) -> list[str]:
    """What was measured in a suite, in its order."""
    return list(dict.fromkeys(name for row in suite["rows"] for name in row["libraries"]))


def amount(seconds: float, unit: str) -> str:
    """A measured number in its suite's unit."""
    if unit == "flop/s":
        return f"{three_digits(1e-9 / seconds)} GFLOP/s"
    return size(seconds) if unit == "B" else duration(seconds)


def cell(row: Json, name: str, base: str, unit: str) -> str:
    """A number, and its ratio to the base's behind it."""
    if name not in row["libraries"]:
        return "-"
    value = amount(row["libraries"][name]["seconds"], unit)
    ratio = row["ratios"].get(name)
    return value if name == base or ratio is None else f"{value} ({three_digits(ratio)}x)"


def measured(suite: Json) -> str:
    """A suite as a table."""
    names = names_in(suite)
    rows = [[row["label"], *(cell(row, name, names[0], suite["unit"]) for name in names)] for row in suite["rows"]]
    return table(["layers, rows", *names], rows)


def cpu_seconds(suite: Json) -> str:
    """The CPU time of a suite's work, all threads together."""
    names = names_in(suite)
    rows = []
    for row in suite["rows"]:
        found = (row["libraries"].get(name) for name in names)
        rows.append([row["label"], *(duration(one["cpu"]) if one else "-" for one in found)])
    return table(["CPU time", *names], rows)


def worst_sizes(suite: Json) -> str:
    """Per form, the widths that fall furthest below the rate of the next multiple of the vector's width."""
    rates: dict[str, dict[int, float]] = {}
    for row in suite["rows"]:
        width = row["case"]["problem"]["widths"][0]
        rates.setdefault(row["case"]["what"], {})[width] = 1 / row["libraries"]["gdcore"]["seconds"]
    rows = []
    for form, by_width in rates.items():
        shares = sorted((rate / by_width[-(-w // VECTOR) * VECTOR], w) for w, rate in by_width.items())
        small, large = ([(share, w) for share, w in shares if (w < VECTOR) == less] for less in (True, False))
        rows.append([form, *(", ".join(f"{w}: {share:.0%}" for share, w in some[:5]) for some in (small, large))])
    head = f"rate as a share of the rate at the next multiple of {VECTOR}: the five lowest"
    return table(["product", f"{head} below {VECTOR}", f"from {VECTOR} on"], rows)


def versions(told: Json, python: str) -> str:
    """The versions of the libraries, all releases that were measured, and their Python where it is another one."""
    found: dict[str, list[str]] = {}
    for facts in told.values():
        for name in VERSIONS.keys() & facts.keys():
            other = "" if facts.get("python", python) == python else f" (Python {facts['python']})"
            found.setdefault(name, []).append(facts[name] + other)
    named = ((text, " and ".join(dict.fromkeys(found[name]))) for name, text in VERSIONS.items() if name in found)
    return ", ".join(f"{text} {numbers}" for text, numbers in named)


def where(report: Json) -> str:
    """Machine, versions, date."""
    machine, ours = report["machine"], report["versions"].get("gdcore", {})
    compiler = f", gcc {ours['compiler'].rpartition(' ')[2]}" if ours else ""
    core = f"one core of an {machine['cpu']} ({report['instruction_set']} kernels{compiler})"
    parts = [core, versions(report["versions"], machine["python"])]
    gdcore = f", gdcore {ours['gdcore']}" if ours else ""
    told = f"Python {machine['python']}{gdcore}; {machine['date'][:10]}"
    return ", ".join(part for part in parts if part) + f",\n{told}"


def summary(report: Json) -> str:
    """The README's table: training steps, every library's ratio, gdcore's share of the peak, its step from Python."""
    suite = suite_of(report, "train")
    if suite is None:
        raise SystemExit("the results hold no suite train: run python -m benchmarks with --json")
    rows = [row for row in suite["rows"] if row["label"] not in LEFT_OUT]
    for name, labels in ADDED.items():
        rows += [row for row in (suite_of(report, name) or {"rows": ()})["rows"] if row["label"] in labels]
    present = list(dict.fromkeys(name for row in rows for name in row["libraries"]))
    shown = [name for base in SUMMARY for name in present if name == base or name.startswith(f"{base}-")]
    step = suite_of(report, "step")
    called = {} if step is None else {row["label"]: row["libraries"]["gdcore"]["seconds"] for row in step["rows"]}
    made = []
    for row in rows:
        share = row["ratios"].get("peak")
        made.append(
            [
                row["label"],
                duration(row["libraries"]["gdcore"]["seconds"]),
                *(_ratio(row, SAME.get(name, (name,))) for name in shown),
                "-" if share is None else f"{share:.0%}",
                duration(called[row["label"]]) if row["label"] in called else "-",
            ]
        )
    return (
        table(["layers, rows", "gdcore", *shown, "of the peak", "`Trainer.step`"], made)
        + "\nTime of one training step inside an epoch, and how many times longer the others take. A row names the\n"
        + "layers' widths, the rows of a batch, and what is not float32, tanh or plain gradient descent. Medians on\n"
        + f"{where(report)}.\n"
        + "`of the peak`: share of the core's measured peak. `Trainer.step`: the same step called from Python.\n"
    )


def _ratio(row: Json, names: Sequence[str]) -> str:
    """The smallest ratio of these libraries."""
    found = [row["ratios"][name] for name in names if row["ratios"].get(name) is not None]
    return f"{three_digits(min(found))}x" if found else "-"


SPECIAL: Mapping[str, Sequence[Callable[[Json], str]]] = {
    "threads": (measured, cpu_seconds),
    "fits": (measured, cpu_seconds),
    "sizes": (worst_sizes,),
}
"""The suites whose tables are not `measured` alone."""


def conditions(suite: Json) -> str:
    """When a suite was measured and how busy the machine was, where the suite says so itself."""
    if "machine" not in suite:
        return ""
    machine = suite["machine"]
    return f"Measured on {machine['date'][:10]}; the load was {machine['load_average']} on {machine['cores']} cores.\n"


def everything(report: Json) -> str:
    """Every suite's tables."""
    parts = [f"Medians on\n{where(report)}.\nIn brackets: times the first column's.\n"]
    for suite in report["suites"]:
        parts.append(f"### {suite['suite']}: {suite['title']}\n")
        parts += [conditions(suite)] if conditions(suite) else []
        parts.extend(made(suite) for made in SPECIAL.get(suite["suite"], (measured,)))
    return "\n".join(parts)
