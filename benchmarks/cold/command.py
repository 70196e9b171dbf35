"""`python -m benchmarks cold [--quick] [--seeds N] [--libraries A,B] [--python NAME=PYTHON] [--json FILE]`."""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gdcore._kernels import CHOSEN
from gdcore.base import checks
from gdcore.base.text_table import ruled
from gdcore.bench.interpreters import with_interpreters
from gdcore.bench.machine import describe
from gdcore.bench.results_file import earlier_results, merged
from gdcore.bench.runner import installed

from . import tables
from .measure import LIBRARIES, Run, run_program, write_digits

SEEDS, QUICK_SEEDS = 7, 2
GOAL = 0.97


def main(argv: Sequence[str]) -> int:
    """Run the suite, print its table, write JSON -> 0; 1 where a program failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks cold", description="From a process's start to a digits network at 97 %."
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SEEDS} seeds")
    parser.add_argument("--seeds", metavar="N", type=int, help=f"runs of each library; default {SEEDS}")
    parser.add_argument("--libraries", metavar="A,B", help=f"any of {', '.join(entry.name for entry in LIBRARIES)}")
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PYTHON", help="as of the other suites")
    parser.add_argument(
        "--json", metavar="FILE", type=Path, help="write every run into this file, beside what it holds"
    )
    args = parser.parse_args(argv)
    machine = describe()
    earlier = None
    try:
        entries = with_interpreters(LIBRARIES, args.python)
        names = [entry.name for entry in entries]
        wanted = [checks.known_name("library", name, names) for name in (args.libraries or ",".join(names)).split(",")]
        seeds = args.seeds if args.seeds is not None else QUICK_SEEDS if args.quick else SEEDS
        checks.integer("seeds", seeds, 1)
        if args.json is not None:
            if not args.json.parent.is_dir():
                raise ValueError(f"--json: there is no folder {args.json.parent}")
            earlier = earlier_results(args.json, machine, CHOSEN)
    except ValueError as error:
        parser.error(str(error))
    here, absent = installed([entry for entry in entries if entry.name in wanted])
    for entry in absent:
        print(f"skipped {entry.name}: {entry.needs} is not installed")
    print(f"{machine['cpu']}, one core, load {machine['load_average']}; {seeds} seeds")
    runs: dict[str, list[Run]] = {entry.name: [] for entry in here}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "digits.npz"
        write_digits(data)
        for seed in range(-1, seeds):  # The run before the first brings files into the system's cache.
            for entry in (entry for entry in here if entry.name not in failed):
                try:
                    run = run_program(entry, data, max(0, seed))
                except RuntimeError as error:
                    failed[entry.name] = str(error)
                    continue
                runs[entry.name] += [run] if seed >= 0 else []
    made = {name: [run.to_dict() for run in those] for name, those in runs.items() if those}
    print("\n" + "\n".join(ruled(tables.HEAD, tables.rows(made, GOAL))))
    for name, message in failed.items():
        print(f"{name} failed: {message}")
    if args.json is not None:
        report = earlier or {"machine": machine, "instruction_set": CHOSEN, "versions": {}, "suites": []}
        cold = {"machine": machine, "goal": GOAL, "libraries": made}
        text = json.dumps(merged({**report, "cold": cold}, earlier), indent=1)
        args.json.write_text(text + "\n", encoding="utf-8")
    return 1 if failed else 0
