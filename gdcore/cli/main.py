"""The command line: the verbs on tables, `gdcore train` first, and `demo`, `info`, `check`, `claims`, `bench`."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from .._version import __version__
from ..base.command_parser import CommandParser, WrongArguments
from ..base.spelling import did_you_mean
from ..base.terminal import any_encoding, complain, mute
from ..gradcheck.modes import MODES
from .failed import Failed, WrongUse
from .output import as_json
from .table_parsers import add_json, add_reading, add_table_verbs

FAILED = 1
NOT_RUN = 2
INTERRUPTED = 130
BROKEN_PIPE = 141
"""Exit status as a shell reports it: 128 + the signal's number."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; `bench` has options of its own."""
    return _parsers()[0]


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser of the command line, and those of the commands by name."""
    top = CommandParser(
        prog="gdcore",
        description="Dense networks and linear models trained by gradient descent on a CPU. "
        "gdcore train data.csv --target price makes model.gdc, and gdcore predict model.gdc new.csv uses it. "
        "Exit status 1 where a check fails, 3 where it cannot decide, 2 where a command could not be run or its output "
        "not be written, 130 after Ctrl-C.",
        epilog="gdcore COMMAND --help tells all options of a command, with examples.",
    )
    top.add_argument("--version", action="version", version=f"gdcore {__version__}")
    commands: Any = top.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    add_table_verbs(commands, _seed)
    demo = commands.add_parser(
        "demo",
        help="train on handwritten digits, check the gradients, compare with NumPy",
        description="Trains on handwritten digits, checks the gradients, compares the speed with NumPy's. "
        "Exit status 1 if any of it fails.",
    )
    demo.add_argument("--seed", type=_seed, default=0, help="of initial weights and shuffling (default: 0)")
    add_json(demo)
    info = commands.add_parser(
        "info",
        help="what a model's file holds; or version, instruction sets, caches, threads, compiler flags",
        description="Prints what the file MODEL holds. Without it, prints the version, the instruction sets "
        "that were built and that this machine runs, the caches, the threads, and the compiler with its flags: what a "
        "report of a fault should hold.",
    )
    info.add_argument("model", nargs="?", metavar="MODEL", help="a file that gdcore has saved")
    add_json(info)
    check = commands.add_parser(
        "check",
        help="check the gradient of a saved model, or of a model or a function in a Python file",
        description="With MODEL and DATA, checks the gradient of a model that gdcore train has saved, on the first "
        "rows of a table. Otherwise runs FILE.py and checks what OBJECT is: (model, X, y, loss) as check_gradients "
        "takes them, or (fun, grad, x) as check_gradient does, a dict of options last if there are any; a report; or a "
        "function that returns one of these. Exit status 0 for pass, 1 for fail, 3 for inconclusive, 2 where it could "
        "not be run.",
    )
    check.add_argument("target", metavar="FILE.py:OBJECT|MODEL")
    check.add_argument("data", metavar="DATA", nargs="?", help="a table, for MODEL")
    check.add_argument(
        "--mode",
        type=_mode,
        default="auto",
        metavar=f"{{{','.join(MODES)}}}",
        help="which entries are checked (default: auto)",
    )
    check.add_argument("--seed", type=_seed, default=0, help="of the entries or directions drawn (default: 0)")
    add_reading(check)
    claims = commands.add_parser(
        "claims",
        help="what is said of gradient descent, measured",
        description="Prints what four documents say of gradient descent beside what is measured: 1, why the "
        "learning rate must shrink when x grows; 2, the steps on (3 + 3A)^2; 3, the tables of an article; 4, a "
        "gradient that becomes very small. Takes some seconds.",
    )
    claims.add_argument("numbers", nargs="*", type=_document, metavar="{1,2,3,4}", help="which ones (default: all)")
    claims.add_argument("--plot", metavar="DIR", help="write the pictures there (needs matplotlib)")
    claims.add_argument(
        "--ask",
        action=argparse.BooleanOptionalAction,
        help="let the network of 4 answer numbers from the standard input (default: where that is a terminal)",
    )
    add_json(claims)
    commands.add_parser(
        "bench",
        help="the benchmark against NumPy; gdcore bench --help tells more",
        description="Measures gdcore beside other libraries.",
        add_help=False,
    )
    return top, dict(commands.choices)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        By default the process's arguments.

    Returns
    -------
    int
        0; 1 where a check of the command failed; 2 where there was nothing to check or the output could not be
        written, 3 where a check was inconclusive; 130 after Ctrl-C; 141 where nobody reads the output any more.

    Raises
    ------
    SystemExit
        For --help, --version and arguments that are not understood.

    Examples
    --------
    >>> main(["info"])  # doctest: +ELLIPSIS
    gdcore ...
    0
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    with any_encoding():
        top, commands = _parsers()
        if "_ARGCOMPLETE" in os.environ:  # a shell asks what may come next
            _complete(top)
        wants_json = "--json" in arguments and arguments[0] != "bench"
        try:
            known, others = _parsed(arguments, top, commands)
        except WrongArguments as error:
            _ended(error.message, NOT_RUN, wants_json)
            raise
        if known.command is None:
            top.print_help()
            return 0
        name, stdout = f"gdcore {known.command}", sys.stdout
        if stdout is None:
            complain(f"{name}: standard output is closed")
            return NOT_RUN
        try:
            known.typed = arguments
            status = _run(known, others)
            if not stdout.closed:  # a checked file may have closed it
                stdout.flush()
        except (WrongUse, Failed) as error:
            complain(f"{name}: {error}")
            status = NOT_RUN if isinstance(error, WrongUse) else FAILED
            return _ended(str(error), status, wants_json)
        except KeyboardInterrupt:
            complain(f"{name}: interrupted")
            return _ended("interrupted", INTERRUPTED, wants_json)
        except BrokenPipeError:
            mute(stdout)
            return BROKEN_PIPE
        except OSError as error:
            mute(stdout)
            complain(f"{name}: {error}")
            return NOT_RUN
        return status


def _ended(message: str, status: int, wants_json: bool) -> int:
    """Return the status of a command that has failed; with --json its document says why."""
    if wants_json:
        with contextlib.suppress(OSError, ValueError):  # the line on standard error has told it
            print(as_json({"error": message, "status": status}), flush=True)
    return status


def _complete(top: argparse.ArgumentParser) -> None:
    """Answer a shell by argcomplete, where that is installed; it ends the process."""
    with contextlib.suppress(ImportError):
        importlib.import_module("argcomplete").autocomplete(top)


def _parsed(
    arguments: list[str], top: argparse.ArgumentParser, commands: dict[str, argparse.ArgumentParser]
) -> tuple[argparse.Namespace, list[str]]:
    """Return the options, and the arguments for the command's own parser; exit if they are wrong."""
    if arguments and not arguments[0].startswith("-") and arguments[0] not in commands:
        names = ", ".join(commands)
        top.error(f"unknown command {arguments[0]!r}; known: {names}{did_you_mean(arguments[0], commands)}")
    known, others = top.parse_known_args(arguments)
    if others and known.command != "bench":
        usage = top.format_usage() + (commands[known.command].format_usage() if known.command else "")
        options = re.findall(r"--[a-z-]+", usage)
        top.error(f"unrecognized arguments: {' '.join(others)}{did_you_mean(others[0], options)}")
    return known, others


def _run(known: argparse.Namespace, others: list[str]) -> int:
    if known.command == "bench":
        from ..bench import main as bench

        return bench(others)
    if known.command == "info":
        from .info import run_info

        return run_info(known)
    if known.command == "train":
        from .train import run_train

        return run_train(known)
    if known.command == "export":
        from .export import run_export

        return run_export(known)
    if known.command == "diagnose":
        from .judge import run_diagnose

        return run_diagnose(known)
    if known.command in ("predict", "evaluate"):
        from .predict import run_evaluate, run_predict

        return (run_predict if known.command == "predict" else run_evaluate)(known)
    if known.command == "check":
        return _check(known)
    if known.command == "claims":
        return _claims(known)
    from .demo import demo

    return demo(known.seed, known.json)


def _check(known: argparse.Namespace) -> int:
    from .check import NotRunError, run_check

    if known.data is not None:
        from .judge import run_check_model

        return run_check_model(known)
    try:
        return run_check(known.target, known.mode, known.seed, known.json)
    except NotRunError as error:
        raise WrongUse(str(error)) from error


def _claims(known: argparse.Namespace) -> int:
    from ..claims import measured, reproduce

    try:
        if known.json:
            print(as_json(measured(*known.numbers, plot=known.plot)))
        else:
            reproduce(*known.numbers, plot=known.plot, ask=known.ask)
    except ImportError as error:
        raise WrongUse(str(error)) from error
    return 0


def _document(text: str) -> int:
    if text not in ("1", "2", "3", "4"):
        raise argparse.ArgumentTypeError(f"must be 1, 2, 3 or 4, got {text!r}")
    return int(text)


def _mode(text: str) -> str:
    if text not in MODES:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(MODES)}, got {text!r}{did_you_mean(text, MODES)}")
    return text


def _seed(text: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= value < 2**64:
        raise argparse.ArgumentTypeError(f"must be a whole number in 0 … 2**64 - 1, got {text!r}")
    return value
