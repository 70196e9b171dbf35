"""`python -m benchmarks estimators [--quick] [--datasets A,B] [--json FILE]`."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gdcore as gd
from gdcore._kernels import CHOSEN
from gdcore.base import checks
from gdcore.base.text_table import ruled
from gdcore.bench.machine import describe

from ..real.datasets import load
from . import tables
from .comparison import AGAIN, FOLDS, SEEDS, Row, compare
from .settings import DATASETS, QUICK, settings_of

QUICK_SEEDS = 2


def main(argv: Sequence[str]) -> int:
    """Fit with both libraries, print the table, write JSON -> 0; 1 where gdcore's score is below, also again."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks estimators",
        description="Scores and times of gdcore.sklearn's estimators beside scikit-learn's, on real data sets.",
    )
    known = [dataset.name for dataset in DATASETS]
    parser.add_argument("--quick", action="store_true", help=f"{', '.join(QUICK)}; {QUICK_SEEDS} seeds, once")
    parser.add_argument("--datasets", metavar="A,B", help=f"any of {', '.join(known)}")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all rows, machine and versions as well")
    args = parser.parse_args(argv)
    try:
        asked = args.datasets.split(",") if args.datasets else QUICK if args.quick else known
        chosen = {checks.known_name("data set", name, known) for name in asked}
        if args.json is not None and not args.json.parent.is_dir():
            raise ValueError(f"--json: there is no folder {args.json.parent}")
    except ValueError as error:
        parser.error(str(error))
    absent = [name for name in ("sklearn", "pandas") if find_spec(name) is None]
    if absent:
        parser.error(f"{' and '.join(absent)} not installed: pip install gdcore[bench]")
    began = time.perf_counter()
    seeds, again = (QUICK_SEEDS, 0) if args.quick else (SEEDS, AGAIN)
    rows: list[Row] = []
    packages = ["sklearn"]
    for dataset in (dataset for dataset in DATASETS if dataset.name in chosen):
        if find_spec(dataset.package) is None:
            print(f"skipped {dataset.name}: {dataset.package} is not installed")
            continue
        packages.append(dataset.package)
        data = load(dataset)
        for name, options in settings_of(dataset):
            rows.append(compare(dataset, data, name, options, seeds, again))
            if sys.stderr.isatty():
                print(f"\r{dataset.name}, {name}, {time.perf_counter() - began:.0f} s", end="  ", file=sys.stderr)
    print(f"\nestimators: {seeds} seeds, {FOLDS} folds, {time.perf_counter() - began:.0f} s\n")
    print("\n".join(ruled(*tables.every_row(rows))))
    print(f"\n{tables.summary(rows)}")
    if args.json is not None:
        report: dict[str, Any] = {
            "machine": describe(),
            "versions": {"gdcore": gd.__version__}
            | {name: version({"sklearn": "scikit-learn"}.get(name, name)) for name in dict.fromkeys(packages)},
            "instruction_set": CHOSEN,
            "seeds": seeds,
            "again": again,
            "folds": FOLDS,
            "estimators": [row.to_dict() for row in rows],
        }
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 1 if any(row.again is not None and not row.within for row in rows) else 0
