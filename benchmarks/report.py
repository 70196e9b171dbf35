"""Writes the tables of README.md, benchmarks/README.md and docs/ from the tracked results.

`python -m benchmarks.report`. Each file of results fills its own places; one that is not there is left out.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from gdcore.bench.plot import plot

from . import machines
from .estimators import tables as estimators_tables
from .estimators.comparison import Row
from .power import tables
from .power.checkers import CHECKERS
from .power.tally import from_dict
from .rates import tables as rates_tables
from .rates.measure import from_dict as rates_from_dict
from .real import tables as real_tables
from .real.tally import from_dict as result_from
from .suite_tables import Json, summary, table

HERE = Path(__file__).parent
POWER = HERE / "results" / "power.json"
ORDINARY = HERE / "results" / "power_ordinary.json"
RATES = HERE / "results" / "rates.json"
REAL = HERE / "results" / "real.json"
ESTIMATORS = HERE / "results" / "estimators.json"
PICTURE = HERE / "results" / "train.png"
PLACES = (
    (HERE.parent / "README.md", "benchmark"),
    *((HERE / "README.md", marker) for marker in ("results", "long epochs", "many", "cold")),
)
DOCS = HERE.parent / "docs"
POWER_PLACE = (DOCS / "gradients.md", "power")
ORDINARY_PLACE = (DOCS / "gradients.md", "power-ordinary")
RATES_PLACE = (DOCS / "learning_rates.md", "rates")
REAL_PLACE = (DOCS / "real_data.md", "real")
ESTIMATORS_PLACE = (DOCS / "sklearn.md", "estimators")


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


def contents(reports: Mapping[str, Json]) -> dict[str, str]:
    """What stands between the markers, by their names."""
    return {
        "benchmark": summary(reports[machines.main_kind(reports)]),
        "results": machines.together(reports),
        "long epochs": machines.long_epochs(reports),
        "many": machines.many(reports),
        "cold": machines.cold(reports),
    }


def write(path: Path, marker: str, content: str) -> None:
    """Put the content between a file's markers."""
    path.write_text(fill(path.read_text(encoding="utf-8"), marker, content), encoding="utf-8")


OTHERS = {
    POWER: (power, [POWER_PLACE]),
    ORDINARY: (ordinary, [ORDINARY_PLACE]),
    RATES: (rates, [RATES_PLACE]),
    REAL: (real, [REAL_PLACE]),
    ESTIMATORS: (estimators, [ESTIMATORS_PLACE]),
}
"""Results beside the main ones: how each is rendered, and where its tables stand."""


def main() -> None:
    """Fill the files, write the machines' pages, and draw the picture anew."""
    reports = machines.load()
    if reports:
        made = contents(reports)
        for path, marker in PLACES:
            write(path, marker, made[marker])
        for kind, report in reports.items():
            (machines.RESULTS / f"{kind}.md").write_text(machines.page(kind, report), encoding="utf-8")
        plot(reports[machines.main_kind(reports)], PICTURE)
    for path, (render, places) in OTHERS.items():
        if path.exists():
            text = render(json.loads(path.read_text(encoding="utf-8")))
            for place in places:
                write(*place, text)


if __name__ == "__main__":
    main()
