"""`gdcore check FILE.py:OBJECT`, which checks the gradient that a user's file provides.

Design
------
- An exception that the file raises, when it is run or in a checked function, is reported with its type and line, since
  its text alone, such as that of a KeyError, may say nothing. gdcore's own errors are reported as they are.
- A file that ends the process (sys.exit) counts as one that raises: its status is not passed on. So does one that
  raises KeyboardInterrupt itself; a handler tells whether the signal came.
- Whatever goes wrong is a `NotRunError`: a traceback would end with status 1, which means that a gradient is wrong.
"""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from ..base import checks
from ..base.spelling import did_you_mean
from ..base.terminal import mute
from ..gradcheck.check import check_gradients
from ..gradcheck.function_check import check_gradient
from ..gradcheck.report.report import GradientReport
from . import checks as cli_checks
from .output import as_json

EXIT = (("pass", 0), ("fail", 1), ("inconclusive", 3))
"""Exit statuses; 2 means wrong arguments or a file that does not run."""


class NotRunError(Exception):
    """Nothing could be checked; the message is one sentence."""


def run_check(target: str, mode: str, seed: int, json: bool = False) -> int:
    """Check the object that FILE.py:OBJECT names, print the report and return the exit status.

    The object is a `GradientReport`; a tuple of arguments of `check_gradients` (model, X, y, loss) or of
    `check_gradient` (fun, grad, x), a dict of options last if there are any; or a function that returns one of these.

    Raises
    ------
    NotRunError
        Where there is no such file or object, it is none of these, it raises something, or the report cannot be
        written.
    BrokenPipeError
        Where nobody reads the report.
    """
    path, _, name = target.rpartition(":")
    if not path or not name:
        raise NotRunError(f"the target must be FILE.py:OBJECT, got {target!r}")
    file = _real(path)  # before the file changes the working directory
    before, search, stdout = sys.path, list(sys.path), sys.stdout
    sys.path.insert(0, str(Path(path).parent))
    with _interruptions() as interrupted:
        try:
            report = report_of(load_object(path, name), mode, seed)
            verdict, text = report.verdict, as_json(report.to_dict()) if json else str(report)
        except BaseException as error:
            if interrupted and isinstance(error, KeyboardInterrupt):
                raise
            raise NotRunError(_said(path, file, error)) from error
        finally:
            sys.path, sys.stdout = before, stdout
            sys.path[:] = search
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        mute(stdout)
        raise NotRunError(f"the report could not be written: {error}") from error
    return dict(EXIT)[verdict]


@contextlib.contextmanager
def _interruptions() -> Iterator[list[int]]:
    """Collect the Ctrl-C signals that arrive meanwhile; each still raises KeyboardInterrupt."""
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)
        raise KeyboardInterrupt

    usual = threading.current_thread() is threading.main_thread()
    if not usual or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield came
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _said(path: str, file: str, error: BaseException) -> str:
    """Return the text of an exception with the line of the file that raised it; only the text if gdcore refused an
    argument.
    """
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if _real(frame.f_code.co_filename) == file]
    try:
        words = str(error)
    except Exception:  # raised by an exception class of the file
        words = ""
    place = f"{path}, line {lines[-1]}" if lines else path
    if isinstance(error, SyntaxError):
        words = error.msg
        where = error.filename or path
        place = f"{where}, line {error.lineno}" if error.lineno else where
    elif not lines and isinstance(error, OSError | TypeError | ValueError):
        return words
    return f"{type(error).__name__}{': ' * bool(words)}{words} ({place})"


def _real(path: str) -> str:
    """Return the path without links, or unchanged if the system does not know it."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return path


def load_object(path: str, name: str) -> Any:
    """Run a file and take an object from it."""
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(f"checked_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is not a Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up their module
    spec.loader.exec_module(module)
    if name not in vars(module):
        known = [key for key in vars(module) if not key.startswith("_")]
        hint = did_you_mean(name, known)
        raise ValueError(f"{path} has no object {name!r}; it has: {', '.join(known) or 'nothing'}{hint}")
    return vars(module)[name]


def report_of(found: Any, mode: str, seed: int) -> GradientReport:
    """Return the report on what a file provides."""
    made = found() if callable(found) and not isinstance(found, GradientReport) else found
    if isinstance(made, GradientReport):
        return made
    arguments, options = cli_checks.call_arguments("the object", made, (3, 4))
    check: Callable[..., GradientReport] = check_gradient if len(arguments) == 3 else check_gradients
    known = [key for key, one in inspect.signature(check).parameters.items() if one.kind is one.KEYWORD_ONLY]
    options = {"mode": mode, "seed": seed, **{checks.known_name("option", key, known): options[key] for key in options}}
    return check(*arguments, **options)
