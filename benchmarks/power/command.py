"""`python -m benchmarks power [--quick] [--seeds N] [--libraries A,B] [--data KIND] [--processes N]
[--json FILE]`."""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import gdcore as gd
from gdcore.base import checks
from gdcore.base.text_table import ruled
from gdcore.bench.machine import describe

from . import tables
from .checkers import CHECKERS
from .suite import CASES, DATA, run_seed
from .tally import Tally

SEEDS, QUICK_SEEDS = 100, 3


def main(argv: Sequence[str]) -> int:
    """Run the suite, print its tables, write JSON -> 0; 1 where gdcore rejected what is right or missed a mistake."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks power", description="How often gradient checkers are right, on random cases."
    )
    known = [row.name for row in CHECKERS]
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SEEDS} seeds in place of {SEEDS}")
    parser.add_argument("--seeds", metavar="N", type=int, help=f"so many seeds, of {CASES} cases each")
    parser.add_argument("--libraries", metavar="A,B", help=f"any of {', '.join(known)}; {known[0]} always takes part")
    parser.add_argument("--data", choices=list(DATA), default="random", help="where the cases come from")
    parser.add_argument("--processes", metavar="N", type=int, default=1, help="share the seeds; default 1")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all counts, machine and versions as well")
    args = parser.parse_args(argv)
    try:
        seeds = args.seeds if args.seeds is not None else QUICK_SEEDS if args.quick else SEEDS
        checks.integer("seeds", seeds, 1)
        checks.integer("processes", args.processes, 1)
        asked = args.libraries.split(",") if args.libraries else known
        wanted = {known[0], *(checks.known_name("library", name, known) for name in asked)}
        if args.json is not None and not args.json.parent.is_dir():
            raise ValueError(f"--json: there is no folder {args.json.parent}")
    except ValueError as error:
        parser.error(str(error))
    rows = [row for row in CHECKERS if row.name in wanted]
    for row in rows:
        if find_spec(row.needs) is None:
            print(f"skipped {row.name}: {row.needs} is not installed")
    here = [row for row in rows if find_spec(row.needs) is not None]
    began = time.perf_counter()
    tally = Tally()
    for done, part in enumerate(run(seeds, [row.name for row in here], args.processes, args.data), 1):
        tally.add(part)
        if sys.stderr.isatty():
            print(f"\r{done} of {seeds} seeds, {time.perf_counter() - began:.0f} s", end="", file=sys.stderr)
    show(tally, seeds, time.perf_counter() - began)
    if args.json is not None:
        needed = dict.fromkeys(row.needs for row in here)
        report = {
            "machine": describe(),
            "versions": {"gdcore": gd.__version__} | {name: version(name) for name in needed if name != "gdcore"},
            "seeds": seeds,
            "data": args.data,
            "power": tally.to_dict(),
        }
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 1 if any(tables.wrong(tally, row.name) for row in CHECKERS[:1]) else 0


def run(seeds: int, names: Sequence[str], processes: int, data: str) -> Iterator[Tally]:
    """The counts of each seed."""
    work = partial(run_seed, names=names, data=data)
    if processes == 1:
        yield from map(work, range(seeds))
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, range(seeds))


def show(tally: Tally, seeds: int, seconds: float) -> None:
    """Every table, and what gdcore got wrong."""
    print(f"\npower: {seeds} seeds, {tally.cases} cases, {seconds:.0f} s")
    for made in (tables.checkers, tables.scales, tables.mutations):
        head, rows = made(tally)
        print("\n" + "\n".join(ruled(head, rows)))
    for row in tally.named:
        if row["checker"] == CHECKERS[0].name or row["what"] == "error":
            print(", ".join(value for value in row.values() if value))
