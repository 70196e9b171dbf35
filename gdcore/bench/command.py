"""The command that `gdcore bench` and `python -m benchmarks` share."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import checks
from .library import Entry
from .machine import describe
from .runner import FULL, QUICK, THREAD_VARIABLES, TOLERANCE, Budget, Runner, installed
from .suites import LIBRARIES, SUITES, Suite
from .table import complaints, groups, header, line, suite_to_dict


def main(argv: Sequence[str]) -> int:
    """Run `gdcore bench`.

    Parameters
    ----------
    argv : sequence of str
        The arguments behind `bench`.

    Returns
    -------
    int
        0; 1 where libraries disagree or one failed.

    Raises
    ------
    SystemExit
        With status 2, for arguments that it does not know.
    """
    return run_command(argv, "gdcore bench", SUITES, LIBRARIES)


def run_command(argv: Sequence[str], prog: str, suites: Sequence[Suite], libraries: Sequence[Entry]) -> int:
    """Parse the arguments, measure, print a row as soon as it is there, write JSON.

    Parameters
    ----------
    argv : sequence of str
    prog : str
        The command's name in its help.
    suites, libraries
        What there is to choose from; all by default. The first library is the one that others are compared with.

    Returns
    -------
    int
        As in `main`.
    """
    parser = argparse.ArgumentParser(prog=prog, description="Measure gdcore beside other libraries, each in a process.")
    known = ", ".join(suite.name for suite in suites)
    parser.add_argument("suite", nargs="*", metavar="SUITE", help=f"any of {known}; all by default")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all runs, machine and versions as well")
    parser.add_argument("--libraries", metavar="A,B", help=f"any of {', '.join(entry.name for entry in libraries)}")
    parser.add_argument("--problems", metavar="A,B", help="only the cases of these problems, such as 8-32-32-1,digits")
    args = parser.parse_args(argv)
    try:
        chosen = [suite for suite in suites if suite.name in _known("suite", args.suite, [s.name for s in suites])]
        wanted = args.libraries.split(",") if args.libraries else []
        wanted = _known("library", wanted, [entry.name for entry in libraries])
        names = list(dict.fromkeys(case.problem.name for suite in suites for case in suite.cases))
        problems = _known("problem", args.problems.split(",") if args.problems else [], names)
        if args.json is not None and not args.json.parent.is_dir():
            raise ValueError(f"--json: there is no folder {args.json.parent}")
    except ValueError as error:
        parser.error(str(error))
    here, absent = installed([entry for entry in libraries if entry.name in wanted])
    for entry in absent:
        print(f"skipped {entry.name}: {entry.needs} is not installed")
    if not here:
        parser.error("none of the libraries is installed")
    return _measure(chosen, problems, here, QUICK if args.quick else FULL, args.json)


def _known(kind: str, wanted: Sequence[str], known: Sequence[str]) -> list[str]:
    """The names that were asked for, all of them where none was."""
    return [checks.known_name(kind, name, list(known)) for name in wanted] or list(known)


def _measure(
    suites: Sequence[Suite], problems: Sequence[str], libraries: Sequence[Entry], budget: Budget, path: Path | None
) -> int:
    machine = describe()
    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
    parts = groups([entry.name for entry in libraries], width)
    results: list[Any] = []
    ok = True
    print(f"{machine['cpu']}, {machine['cores']} cores, load {machine['load_average']}; Python {machine['python']}")
    with Runner(libraries, budget) as runner:
        for suite in suites:
            cases = [case for case in suite.cases if case.problem.name in problems]
            if not cases:
                continue
            rows = []
            print("\n" + header(suite, parts[0]), flush=True)
            for case in cases:
                row = runner.run(suite, case)
                rows.append(row)
                ok = ok and row.ok
                print("\n".join([line(row, parts[0]), *complaints(row)]), flush=True)
            for names in parts[1:]:
                print("\n" + "\n".join([header(suite, names), *(line(row, names) for row in rows)]), flush=True)
            results.append(suite_to_dict(suite, rows))
        versions = runner.versions
    print()
    for name, facts in versions.items():
        print(f"{name}: {', '.join(f'{key} {value}' for key, value in facts.items() if key != 'compiler flags')}")
    print("Medians of runs taken in turn, one thread unless a row says more; ~IQR: distance of the quartiles.")
    if path is not None:
        report = {
            "machine": machine,
            "versions": versions,
            "instruction_set": versions.get("gdcore", {}).get("instruction set"),
            "threads": {"variables": THREAD_VARIABLES, "pinned": sys.platform == "linux"},
            "budget": asdict(budget),
            "tolerance": TOLERANCE,
            "suites": results,
        }
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0 if ok else 1
