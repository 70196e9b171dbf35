"""`python -m benchmarks real [--quick] [--libraries A,B] [--datasets A,B] [--json FILE]`."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gdcore.base import checks
from gdcore.base.text_table import ruled
from gdcore.bench.library import Entry
from gdcore.bench.machine import describe
from gdcore.bench.runner import QUICK, Runner, installed
from gdcore.bench.suites import Suite
from gdcore.bench.tasks import Case

from . import tables
from .contenders import LINEAR_MODELS, NETWORKS
from .datasets import DATASETS, MAX_ROWS, DataSet
from .folds import BATCH, EPOCHS, FOLDS, HIDDEN, RATE, RIDGE, problems, table
from .tally import Fits, Result, to_dicts

GROUPS = (("networks", NETWORKS), ("linear", LINEAR_MODELS))
SETTINGS = {
    "folds": FOLDS,
    "hidden": HIDDEN,
    "batch": BATCH,
    "learning_rate": RATE,
    "epochs": EPOCHS,
    "ridge": RIDGE,
    "max_rows": MAX_ROWS,
}


class FitFailedError(RuntimeError):
    """A contender could not fit a data set; the message says which and why."""


def main(argv: Sequence[str]) -> int:
    """Fit the data sets, print the tables, write JSON -> 0; 1 where a contender failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks real", description="Scores and CPU seconds on real data sets, five folds of each."
    )
    libraries = list(dict.fromkeys(entry.library or entry.name for _, entries in GROUPS for entry in entries))
    known = [dataset.name for dataset in DATASETS]
    parser.add_argument("--quick", action="store_true", help="one fold of each")
    parser.add_argument("--libraries", metavar="A,B", help=f"any of {', '.join(libraries)}; gdcore always takes part")
    parser.add_argument("--datasets", metavar="A,B", help=f"any of {', '.join(known)}")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all scores, machine and versions as well")
    args = parser.parse_args(argv)
    try:
        wanted = names("library", args.libraries, libraries) | {libraries[0]}
        chosen = names("data set", args.datasets, known)
        if args.json is not None and not args.json.parent.is_dir():
            raise ValueError(f"--json: there is no folder {args.json.parent}")
    except ValueError as error:
        parser.error(str(error))
    absent = [name for name in ("pandas", *dict.fromkeys(d.package for d in DATASETS)) if find_spec(name) is None]
    if "pandas" in absent:
        parser.error("pandas is not installed, which reads the data sets")
    for name in absent:
        print(f"skipped {name}'s data sets: it is not installed")
    here = [dataset for dataset in DATASETS if dataset.name in chosen and dataset.package not in absent]
    machine = describe()
    print(f"{machine['cpu']}, {machine['cores']} cores, load {machine['load_average']}; Python {machine['python']}")
    results: list[Result] = []
    versions: dict[str, dict[str, str]] = {}
    try:
        for models, entries in GROUPS:
            taking_part, _ = installed([entry for entry in entries if (entry.library or entry.name) in wanted])
            for result in measured(here, models, taking_part, 1 if args.quick else FOLDS, versions):
                results.append(result)
                print(progress(result), flush=True)
    except FitFailedError as error:
        print(error, file=sys.stderr)
        return 1
    show(results)
    if args.json is not None:
        sources = dict.fromkeys(dataset.package for dataset in here)
        report = {
            "machine": machine,
            "versions": versions,
            "packages": {name: version({"sklearn": "scikit-learn"}.get(name, name)) for name in sources},
            "instruction_set": versions["gdcore"]["instruction set"],
            "settings": SETTINGS,
            "real": to_dicts(results),
        }
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


def names(kind: str, asked: str | None, known: list[str]) -> set[str]:
    """Return the names that were asked for, all of them where none was."""
    return {checks.known_name(kind, name, known) for name in asked.split(",")} if asked else set(known)


def measured(
    datasets: Sequence[DataSet], models: str, entries: Sequence[Entry], folds: int, versions: dict[str, Any]
) -> Iterator[Result]:
    """Yield every data set's result; the contenders take turns, fold by fold, each in a process of its own.

    Raises
    ------
    FitFailedError
        If a contender cannot fit a data set.
    """
    suite = Suite(models, models, "benchmarks.real.task:fit", "score", (), compared=False)
    with Runner(entries, QUICK) as runner:
        for dataset in datasets:
            problem = problems(dataset)[[name for name, _ in GROUPS].index(models)]
            rows = [runner.run(suite, Case(problem, what=str(fold))) for fold in range(folds)]
            for row in rows:
                for name, why in row.failed.items():
                    raise FitFailedError(f"{name} failed on {dataset.name}, fold {row.case.what}: {why}")
            fits = {
                entry.name: Fits(
                    [row.checks[entry.name] for row in rows], [row.timings[entry.name].median for row in rows]
                )
                for entry in entries
            }
            n, p = table(dataset.name).X.shape
            kind = dataset.kind
            yield Result(dataset.name, dataset.package, kind.name, kind.score, n, p, models, fits)
        for entry in entries:
            if entry.name in runner.versions:
                versions.setdefault(entry.library or entry.name, runner.versions[entry.name])


def progress(result: Result) -> str:
    """Return a data set's line: every contender's median score and seconds."""
    head, [row] = tables.datasets([result])
    return f"{result.models}: " + ", ".join(f"{name} {cell}" for name, cell in zip(head, row, strict=True))


def show(results: Sequence[Result]) -> None:
    """Print every table."""
    for models, _ in GROUPS:
        found = tables.of(results, models)
        for made in (tables.datasets, tables.summary):
            head, rows = made(found)
            print(f"\n{models}\n" + "\n".join(ruled(head, rows)))
    print("\nMedians over the folds; in brackets quartiles over the data sets. x: times gdcore's CPU seconds.")
