"""The command that `gdcore bench` and `python -m benchmarks` share."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from .._kernels import CHOSEN
from ..base import checks
from ..base.command_parser import CommandParser
from .interpreters import in_suite, with_interpreters
from .library import Entry
from .machine import describe
from .plot import check_plot, plot
from .results_file import earlier_results, merged
from .runner import FULL, QUICK, THREAD_VARIABLES, TOLERANCE, Budget, Row, Runner, installed
from .suites import LIBRARIES, SUITES, Suite
from .table import check_table, complaints, groups, header, line, suite_to_dict

STDOUT = Path("-")


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
    """Parse the arguments, measure, print each row as soon as it is known, and write JSON.

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
    parser = CommandParser(prog=prog, description="Measure gdcore beside other libraries, each in a process.")
    known = ", ".join(suite.name for suite in suites)
    parser.add_argument("suite", nargs="*", metavar="SUITE", help=f"any of {known}; all by default")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    parser.add_argument(
        "--json",
        metavar="FILE",
        type=Path,
        nargs="?",
        const=STDOUT,
        help="write all runs, machine and versions as well; without FILE, to the standard output in place of tables",
    )
    parser.add_argument(
        "--merge", action="store_true", help="keep the suites in the file of --json that are not run now"
    )
    parser.add_argument("--plot", metavar="FILE.png", type=Path, help="draw the time of a step over the network's size")
    parser.add_argument("--libraries", metavar="A,B", help=f"any of {', '.join(entry.name for entry in libraries)}")
    parser.add_argument("--problems", metavar="A,B", help="only the cases of these problems, such as 8-32-32-1,digits")
    told = "the interpreter of a library, or of a further release of it, such as jax-0.4.31=/path/to/bin/python"
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PYTHON", help=told)
    args = parser.parse_args(argv)
    earlier = None
    try:
        libraries = with_interpreters(libraries, args.python)
        asked = _known("suite", args.suite, [suite.name for suite in suites])
        chosen = [suite for suite in suites if suite.name in asked]
        wanted = args.libraries.split(",") if args.libraries else []
        wanted = _known("library", wanted, [entry.name for entry in libraries])
        names = list(dict.fromkeys(case.problem.name for suite in chosen for case in suite.cases))
        problems = _known("problem", args.problems.split(",") if args.problems else [], names)
        for option, path in (("--json", args.json), ("--plot", args.plot)):
            if path is not None and not path.parent.is_dir():
                raise ValueError(f"{option}: there is no folder {path.parent}")
        if args.plot is not None:
            check_plot([suite.name for suite in chosen])
        if args.merge:
            if args.json in (None, STDOUT):
                raise ValueError("--merge needs --json FILE, the file to be completed")
            earlier = earlier_results(args.json, describe(), CHOSEN)
    except ValueError as error:
        parser.error(str(error))
    with contextlib.redirect_stdout(sys.stderr) if args.json == STDOUT else contextlib.nullcontext():
        report, ok = _report(parser, args, libraries, wanted, chosen, problems)
    if args.json == STDOUT:
        print(json.dumps(report))
    elif args.json is not None:
        args.json.write_text(json.dumps(merged(report, earlier), indent=1) + "\n", encoding="utf-8")
    if args.plot is not None:
        plot(report, args.plot)
    return 0 if ok else 1


def _report(
    parser: CommandParser,
    args: argparse.Namespace,
    libraries: Sequence[Entry],
    wanted: Sequence[str],
    suites: Sequence[Suite],
    problems: Sequence[str],
) -> tuple[dict[str, Any], bool]:
    """Return all measurements by the libraries that are installed; end where none is."""
    here, absent = installed([entry for entry in libraries if entry.name in wanted])
    for entry in absent:
        print(f"skipped {entry.name}: {entry.needs} is not installed")
    if not here:
        parser.error("none of the libraries is installed")
    return _measure(suites, problems, here, QUICK if args.quick else FULL)


def _known(kind: str, wanted: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the requested names, or all of them if none was."""
    return [checks.known_name(kind, name, list(known)) for name in wanted] or list(known)


def _contenders(suite: Suite, libraries: Sequence[Entry]) -> list[Entry]:
    """Return the libraries of a suite: all of them, or those and the variants that the suite names."""
    names = [entry.name for entry in libraries]
    named = [entry for entry in suite.contenders if (entry.library or entry.name) in names]
    return in_suite(named, libraries) or [*libraries]


def _measure(
    suites: Sequence[Suite], problems: Sequence[str], libraries: Sequence[Entry], budget: Budget
) -> tuple[dict[str, Any], bool]:
    """Return all measurements, ready for JSON, and whether they can be trusted."""
    machine = describe()
    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
    results: list[Any] = []
    versions: dict[str, dict[str, str]] = {}
    ok = True
    cores = f"{machine['cores']} core{'s' * (machine['cores'] != 1)}"
    print(f"{machine['cpu']}, {cores}, load {machine['load_average']}; Python {machine['python']}")
    for suite in suites:
        cases = [case for case in suite.cases if case.problem.name in problems]
        contenders = _contenders(suite, libraries)
        if not cases:
            continue
        rows, conditions = [], describe()
        parts = groups([entry.name for entry in contenders], width)
        print("\n" + header(suite, parts[0]), flush=True)
        with Runner(contenders, budget) as runner:
            for case in cases:
                row = runner.run(suite, case)
                rows.append(row)
                ok = ok and row.ok
                print("\n".join([line(row, parts[0], suite.unit), *complaints(row)]), flush=True)
        here: dict[str, dict[str, str]] = {}
        for entry in contenders:
            if entry.name in runner.versions:
                here.setdefault(entry.library or entry.name, runner.versions[entry.name])
        versions = here | versions
        _print_rest(suite, rows, parts, [entry.name for entry in contenders])
        results.append({**suite_to_dict(suite, rows), "machine": conditions, "versions": here})
    print()
    known = [entry.name for entry in libraries if entry.name in versions]
    for name in known:
        facts = ", ".join(f"{key} {value}" for key, value in versions[name].items() if key != "compiler flags")
        print(f"{name}: {facts}")
    print("Medians of runs taken in turn, one thread unless a row says more; ~IQR: distance of the quartiles.")
    report = {
        "machine": machine,
        "versions": {name: versions[name] for name in known},
        "instruction_set": CHOSEN,
        "threads": {"variables": THREAD_VARIABLES, "pinned": sys.platform == "linux"},
        "budget": asdict(budget),
        "tolerance": TOLERANCE,
        "suites": results,
    }
    return report, ok


def _print_rest(suite: Suite, rows: Sequence[Row], parts: Sequence[Sequence[str]], names: Sequence[str]) -> None:
    """Print the libraries that did not fit into the table, CPU seconds, and what was compared."""
    measured = {name for row in rows for name in row.timings}
    for part in parts[1:]:
        if measured.isdisjoint(part[1:]):
            continue
        print("\n" + "\n".join([header(suite, part), *(line(row, part, suite.unit) for row in rows)]), flush=True)
    if suite.cpu:
        cpu = replace(suite, title=f"{suite.title}: CPU seconds")
        for part in parts:
            lines = [line(replace(row, timings=row.cpu), part) for row in rows]
            print("\n" + "\n".join([header(cpu, part), *lines]), flush=True)
    if len(names) > 2:
        compared = [name for name in names if any(name in row.checks for row in rows)]
        print("\n".join(check_table(suite, rows, compared)), flush=True)
