"""The kinds of machine that were measured: each has a file of results and a page of tables.

Design
------
- A kind is a processor and the instruction set that the kernels used: `results/xeon-v3.json` is what GDCORE_ISA=v3
  gives on a processor that has AVX-512 too.
- The first kind with the suite train fills the README and the picture.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from gdcore.bench.table import duration, three_digits

from .cold import tables as cold_tables
from .many import tables as many_tables
from .suite_tables import Json, conditions, everything, measured, suite_of, table, where

RESULTS = Path(__file__).parent / "results"
KINDS = ("xeon-v4", "xeon-v3", "epyc-v4", "epyc-v3")
"""In the order of the tables; one whose file is not there is left out."""
TOGETHER = ("train", "shapes", "long", "step", "predict")
"""The suites that are shown for all machines side by side, and searched for peers that were faster."""
NOT_PEERS = ("peak",)


def load() -> dict[str, Json]:
    """The results of every kind that was measured."""
    paths = {kind: RESULTS / f"{kind}.json" for kind in KINDS}
    return {kind: json.loads(path.read_text(encoding="utf-8")) for kind, path in paths.items() if path.exists()}


def main_kind(reports: Mapping[str, Json]) -> str:
    """The kind that fills the README: the first with the suite train."""
    found = [kind for kind, report in reports.items() if suite_of(report, "train") is not None]
    if not found:
        raise SystemExit("no results hold the suite train: benchmarks/results/README.md says how they are made")
    return found[0]


def page(kind: str, report: Json) -> str:
    """A kind's own page."""
    return f"# {kind}\n\nWritten by `python -m benchmarks.report` from `{kind}.json`.\n\n{everything(report)}"


def fastest(row: Json) -> tuple[str, float] | None:
    """The fastest peer of a row and its time over gdcore's."""
    peers = {name: ratio for name, ratio in row["ratios"].items() if name not in NOT_PEERS and ratio is not None}
    name = min(peers, key=lambda name: peers[name], default=None)
    return None if name is None or "gdcore" not in row["libraries"] else (name, peers[name])


def _cell(row: Json | None) -> str:
    """gdcore's time and its fastest peer; in bold where the peer is faster."""
    found = None if row is None else fastest(row)
    if row is None or found is None:
        return "-"
    name, ratio = found
    told = f"{name} {three_digits(ratio)}x"
    return f"{duration(row['libraries']['gdcore']['seconds'])}, {f'**{told}**' if ratio < 1 else told}"


def side_by_side(reports: Mapping[str, Json]) -> Iterator[str]:
    """Yield a table for each suite: gdcore's times on every kind of machine, and the fastest peer's ratio."""
    for name in TOGETHER:
        suites = {kind: suite_of(report, name) for kind, report in reports.items()}
        by_label = {
            kind: {row["label"]: row for row in suite["rows"]} for kind, suite in suites.items() if suite is not None
        }
        if not by_label:
            continue
        labels = dict.fromkeys(label for rows in by_label.values() for label in rows)
        lines = [[label, *(_cell(rows.get(label)) for rows in by_label.values())] for label in labels]
        title = next(suite["title"] for suite in suites.values() if suite is not None)
        yield f"### {name}: {title}\n"
        yield table(["layers, rows", *by_label], lines)


def together(reports: Mapping[str, Json]) -> str:
    """The results for benchmarks/README.md: who was measured, the picture, the machines side by side."""
    listed = []
    for kind, report in reports.items():
        names = ", ".join(suite["suite"] for suite in report["suites"])
        told = where(report).replace("\n", " ")
        listed.append(f"- [{kind}](results/{kind}.md): {told}. Suites: {names}.")
    picture = f"![time of a training step over the number of parameters, {main_kind(reports)}](results/train.png)"
    parts = ["\n".join(listed), "", picture, ""]
    parts.append("gdcore's time, and the fastest peer's over it: in bold where the peer is faster.\n")
    return "\n".join([*parts, *side_by_side(reports)])


def long_epochs(reports: Mapping[str, Json]) -> str:
    """The linear models' steps in long epochs, a table for each machine."""
    parts = []
    for kind, report in reports.items():
        suite = suite_of(report, "long")
        if suite is not None:
            machine = report["machine"]
            busy = conditions(suite) or f"The load was {machine['load_average']} on {machine['cores']} cores.\n"
            parts += [f"{kind}: {where(report)}.\n{busy}", measured(suite)]
    return "\n".join(parts)


def many(reports: Mapping[str, Json]) -> str:
    """Fits of many models, a table for each machine where they were measured."""
    parts = []
    for kind, report in reports.items():
        suite = suite_of(report, "many")
        if suite is not None:
            parts += [f"{kind}: {where(report)}.\n{conditions(suite)}", table(*many_tables.every_row(suite))]
    return "\n".join(parts) or "Not measured yet.\n"


def cold(reports: Mapping[str, Json]) -> str:
    """Whole processes, a table for each machine where they were measured."""
    parts = []
    for kind, report in reports.items():
        if "cold" in report:
            told = report["cold"]
            named = ", ".join(f"{name} {runs[0]['version']}" for name, runs in told["libraries"].items())
            parts += [f"{kind}: {named}.\n{conditions(told)}"]
            parts.append(table(cold_tables.HEAD, cold_tables.rows(told["libraries"], told["goal"])))
    return "\n".join(parts) or "Not measured yet.\n"
