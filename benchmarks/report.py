"""Writes the tables of README.md, benchmarks/README.md and docs/ from the tracked results.

`python -m benchmarks.report`. Each file of results fills its own places; one that is not there is left out.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gdcore.base.text_table import markdown
from gdcore.bench.plot import plot
from gdcore.bench.table import duration, size, three_digits

from .estimators import tables as estimators_tables
from .estimators.comparison import Row
from .power import tables
from .power.checkers import CHECKERS
from .power.tally import from_dict
from .rates import tables as rates_tables
from .rates.measure import from_dict as rates_from_dict
from .real import tables as real_tables
from .real.tally import from_dict as result_from

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "results.json"
POWER = HERE / "results" / "power.json"
ORDINARY = HERE / "results" / "power_ordinary.json"
RATES = HERE / "results" / "rates.json"
LONG = HERE / "results" / "long_epochs.json"
REAL = HERE / "results" / "real.json"
ESTIMATORS = HERE / "results" / "estimators.json"
PICTURE = HERE / "results" / "train.png"
PLACES = ((HERE.parent / "README.md", "benchmark"), (HERE / "README.md", "results"))
LONG_PLACES = ((HERE / "README.md", "long epochs"),)
DOCS = HERE.parent / "docs"
POWER_PLACE = (DOCS / "gradients.md", "power")
ORDINARY_PLACE = (DOCS / "gradients.md", "power-ordinary")
RATES_PLACE = (DOCS / "learning_rates.md", "rates")
REAL_PLACE = (DOCS / "real_data.md", "real")
ESTIMATORS_PLACE = (DOCS / "sklearn.md", "estimators")
SUMMARY = ("jax", "torch", "sklearn", "numpy")
LEFT_OUT = ("784-128-10, 64", "784-512-512-10, 256")
"""Rows of the suite train that the README leaves to benchmarks/README.md: it shows a smaller and a larger net."""
VECTOR = 16
"""Numbers of float32 in the widest vector."""

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


def where(report: Json) -> str:
    """Machine, versions, date."""
    machine, versions = report["machine"], report["versions"]
    names = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX", "sklearn": "scikit-learn"}
    numbers = {name: number for told in versions.values() for name, number in told.items()}
    parts = [f"{text} {numbers[name]}" for name, text in names.items() if name in numbers]
    compiler = versions["gdcore"]["compiler"].rpartition(" ")[2]
    kernels = f"one core of an {machine['cpu']} ({report['instruction_set']} kernels, gcc {compiler})"
    ours = f"Python {machine['python']}, gdcore {versions['gdcore']['gdcore']}; {machine['date'][:10]}"
    return ", ".join([kernels, *parts]) + f",\n{ours}"


def summary(report: Json) -> str:
    """The README's table: training steps, every library's ratio, gdcore's share of the peak, its step from Python."""
    suite = suite_of(report, "train")
    if suite is None:
        raise SystemExit("the results hold no suite train: run python -m benchmarks with --json")
    names = [name for name in SUMMARY if name in names_in(suite)]
    step = suite_of(report, "step")
    called = {} if step is None else {row["label"]: row["libraries"]["gdcore"]["seconds"] for row in step["rows"]}
    rows = []
    for row in (row for row in suite["rows"] if row["label"] not in LEFT_OUT):
        share = row["ratios"].get("peak")
        ratios = (row["ratios"].get(name) for name in names)
        rows.append(
            [
                row["label"],
                duration(row["libraries"]["gdcore"]["seconds"]),
                *("-" if ratio is None else f"{three_digits(ratio)}x" for ratio in ratios),
                "-" if share is None else f"{share:.0%}",
                duration(called[row["label"]]) if row["label"] in called else "-",
            ]
        )
    return (
        table(["layers, rows", "gdcore", *names, "of the peak", "`Trainer.step`"], rows)
        + "\nTime of one training step inside an epoch, and how many times longer the others take. A row names the\n"
        + "layers' widths, the rows of a batch, and what is not float32, tanh or plain gradient descent. Medians on\n"
        + f"{where(report)}.\n"
        + "`of the peak`: share of the core's measured peak. `Trainer.step`: the same step called from Python.\n"
    )


SPECIAL: Mapping[str, Sequence[Callable[[Json], str]]] = {
    "threads": (measured, cpu_seconds),
    "fits": (measured, cpu_seconds),
    "sizes": (worst_sizes,),
}
"""The suites whose tables are not `measured` alone."""


def everything(report: Json) -> str:
    """Every suite's tables, for benchmarks/README.md."""
    parts = [f"Medians on\n{where(report)}.\nIn brackets: times the first column's.\n"]
    if suite_of(report, "train") is not None:
        parts.append("![time of a training step over the number of parameters](results/train.png)\n")
    for suite in report["suites"]:
        parts.append(f"### {suite['suite']}: {suite['title']}\n")
        parts.extend(made(suite) for made in SPECIAL.get(suite["suite"], (measured,)))
    return "\n".join(parts)


def power(report: Json) -> str:
    """The checkers' power, for docs/gradients.md."""
    tally, machine = from_dict(report["power"]), report["machine"]
    names = tables.took_part(tally)
    versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    counted = f"{report['seeds']} seeds, {tally.cases:,} cases"
    found = [tables.checkers(tally), tables.scales(tally), tables.mutations(tally)]
    parts = [f"{counted}; {versions}, Python {machine['python']}; {machine['date'][:10]}.\n", table(*found[0])]
    for date, earlier in report.get("earlier", {}).items():
        parts.append(f"{', '.join(earlier)}: from the run of {date}, on the same cases.\n")
    parts.append(table(["checker", "what is called"], [[row.name, row.rule] for row in CHECKERS if row.name in names]))
    parts.append("By the loss's scale, in float64: wrong gradients found, right ones rejected.\n")
    parts += [table(*found[1]), "By mistake; what was found is of float64.\n", table(*found[2])]
    mine = tables.wrong(tally, names[0])
    parts.append(f"What {names[0]} got wrong: {len(mine) or 'nothing'}.\n")
    parts.append("".join(f"- {row['what']}: {row['mutation'] or 'nothing wrong'}; {row['case']}\n" for row in mine))
    return "\n".join(part for part in parts if part)


def ordinary(report: Json) -> str:
    """The checkers' power on ordinary tables, for docs/gradients.md."""
    tally, machine = from_dict(report["power"]), report["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    counted = f"{report['seeds']} seeds, {tally.cases:,} cases"
    mine = tables.wrong(tally, tables.took_part(tally)[0])
    return "\n".join(
        [
            f"{counted}; {versions}, Python {machine['python']}; {machine['date'][:10]}.\n",
            table(*tables.checkers(tally)),
            f"What {tables.took_part(tally)[0]} did not call wrong, or called wrong: {len(mine) or 'nothing'}.\n",
            "".join(f"- {row['what']}: {row['mutation'] or 'nothing wrong'}; {row['case']}\n" for row in mine),
        ]
    )


def rates(report: Json) -> str:
    """What became of the suggested learning rates, for docs/learning_rates.md."""
    outcomes, machine = [rates_from_dict(saved) for saved in report["rates"]], report["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    counted = f"{len(outcomes)} cases, {report['seeds']} seeds each"
    parts = [f"{counted}; {versions}, Python {machine['python']}; {machine['date'][:10]}.\n"]
    makers = (rates_tables.summary, rates_tables.by_optimizer, rates_tables.every_case)
    return "\n".join([*parts, *(table(*made(outcomes)) for made in makers)])


def long_epochs(report: Json) -> str:
    """The linear models' steps, in epochs of 256 rows and of many, for benchmarks/README.md."""
    suite = suite_of(report, "train")
    if suite is None:
        raise SystemExit(f"{LONG.name} holds no suite train: results/README.md says how it is made")
    machine = report["machine"]
    busy = f"The load was {machine['load_average']} on {machine['cores']} cores."
    return f"{measured(suite)}\nMedians on\n{where(report)}.\nIn brackets: times gdcore's. {busy}\n"


def real(report: Json) -> str:
    """Scores and seconds on real data sets, for docs/real_data.md."""
    results, machine = [result_from(values) for values in report["real"]], report["machine"]
    versions = {**{name: each[name] for name, each in report["versions"].items()}, **report["packages"]}
    named = ", ".join(f"{name} {number}" for name, number in versions.items())
    parts = [
        f"CPU seconds of one core of an {machine['cpu']} ({report['instruction_set']} kernels);\n"
        f"{named},\nPython {machine['python']}; {machine['date'][:10]}.\n"
    ]
    for models, title in (("networks", "Networks"), ("linear", "Linear models")):
        found = real_tables.of(results, models)
        parts += [f"### {title}\n", table(*real_tables.summary(found))]
        parts += [f"{title}, data set by data set:\n", table(*real_tables.datasets(found))]
    return "\n".join(parts)


def estimators(report: Json) -> str:
    """Scores and times of the estimators beside scikit-learn's, for docs/sklearn.md."""
    rows, machine = [Row.from_dict(saved) for saved in report["estimators"]], report["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    return (
        f"{report['seeds']} seeds, {report['folds']} folds; again: {report['again']} other seeds. One core of an "
        f"{machine['cpu']} ({report['instruction_set']} kernels);\n{versions}, Python {machine['python']}; "
        f"{machine['date'][:10]}.\n\n{table(*estimators_tables.every_row(rows))}\n{estimators_tables.summary(rows)}\n"
    )


def fill(text: str, marker: str, content: str) -> str:
    """The text with the content between its markers."""
    pattern = re.compile(rf"(?<=<!-- {marker} -->\n).*?(?=<!-- /{marker} -->\n)", re.DOTALL)
    text, n = pattern.subn(lambda _: content, text)
    assert n == 1, f"{n} places for {marker}"
    return text


def contents(report: Json) -> dict[str, str]:
    """What stands between the markers, by their names."""
    return {"benchmark": summary(report), "results": everything(report)}


def write(path: Path, marker: str, content: str) -> None:
    """Put the content between a file's markers."""
    path.write_text(fill(path.read_text(encoding="utf-8"), marker, content), encoding="utf-8")


OTHERS = {
    POWER: (power, [POWER_PLACE]),
    ORDINARY: (ordinary, [ORDINARY_PLACE]),
    RATES: (rates, [RATES_PLACE]),
    LONG: (long_epochs, LONG_PLACES),
    REAL: (real, [REAL_PLACE]),
    ESTIMATORS: (estimators, [ESTIMATORS_PLACE]),
}
"""Results beside the main ones: how each is rendered, and where its tables stand."""


def main() -> None:
    """Fill the files, and draw the picture anew."""
    if not any(path.exists() for path in (RESULTS, *OTHERS)):
        sys.exit(f"there is no {RESULTS}: run python -m benchmarks --json {RESULTS.relative_to(HERE.parent)}")
    if RESULTS.exists():
        report = json.loads(RESULTS.read_text(encoding="utf-8"))
        made = contents(report)
        for path, marker in PLACES:
            write(path, marker, made[marker])
        plot(report, PICTURE)
    for path, (render, places) in OTHERS.items():
        if path.exists():
            text = render(json.loads(path.read_text(encoding="utf-8")))
            for place in places:
                write(*place, text)


if __name__ == "__main__":
    main()
