"""`python -m benchmarks rates [--quick] [--cases N] [--seeds N] [--json FILE]`."""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gdcore as gd
from gdcore.base import checks
from gdcore.base.text_table import ruled
from gdcore.bench.machine import describe

from . import tables
from .cases import CASES, draw, missing
from .measure import Outcome, measure

SEEDS, QUICK_SEEDS, QUICK_CASES = 20, 3, 20


def main(argv: Sequence[str]) -> int:
    """Run the suite, print its tables, write JSON -> 0; 1 where a fit diverged at a suggested rate."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks rates", description="What becomes of fits at the rates that are suggested."
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_CASES} cases, {QUICK_SEEDS} seeds")
    parser.add_argument("--cases", metavar="N", type=int, help=f"the first so many; default {CASES}")
    parser.add_argument("--seeds", metavar="N", type=int, help=f"seeds of each case; default {SEEDS}")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every run, machine and versions as well")
    args = parser.parse_args(argv)
    try:
        number = args.cases if args.cases is not None else QUICK_CASES if args.quick else CASES
        seeds = args.seeds if args.seeds is not None else QUICK_SEEDS if args.quick else SEEDS
        checks.integer("cases", number, 1)
        checks.integer("seeds", seeds, 1)
        if args.json is not None and not args.json.parent.is_dir():
            raise ValueError(f"--json: there is no folder {args.json.parent}")
    except ValueError as error:
        parser.error(str(error))
    lacking = missing()
    drawn = draw(cases=number)
    cases = [case for case in drawn if case.source.needs not in lacking]
    if lacking:
        print(f"skipped {len(drawn) - len(cases)} cases: {', '.join(sorted(lacking))} not installed")
    began = time.perf_counter()
    outcomes = []
    for done, case in enumerate(cases, 1):
        outcomes.append(measure(case, seeds))
        if sys.stderr.isatty():
            print(f"\r{done} of {len(cases)} cases, {time.perf_counter() - began:.0f} s", end="", file=sys.stderr)
    print(f"\nrates: {len(cases)} cases, {seeds} seeds each, {time.perf_counter() - began:.0f} s")
    for head, rows in (tables.every_case(outcomes), tables.by_optimizer(outcomes), tables.summary(outcomes)):
        print("\n" + "\n".join(ruled(head, rows)))
    if args.json is not None:
        packages = {"sklearn": "scikit-learn"}
        needed = sorted({case.source.needs for case in cases} - {"gdcore"})
        versions = {"gdcore": gd.__version__} | {name: version(packages.get(name, name)) for name in needed}
        args.json.write_text(written(describe(), versions, seeds, outcomes), encoding="utf-8")
    return 1 if any(outcome.diverged for outcome in outcomes) else 0


def written(machine: Mapping[str, Any], versions: Mapping[str, str], seeds: int, outcomes: Sequence[Outcome]) -> str:
    """A run as JSON, a line for each case."""
    head = json.dumps({"machine": machine, "versions": versions, "seeds": seeds}, indent=1).removesuffix("\n}")
    lines = ",\n".join(json.dumps(outcome.to_dict()) for outcome in outcomes)
    return f'{head},\n "rates": [\n{lines}\n]}}\n'
