"""gdcore check FILE.py:OBJECT: the check of what a user's file provides.

Design
------
- What the file raises, as it is run or from a function that is checked, is told by its type and its line: its text
  alone, such as that of a KeyError, may say nothing. What gdcore says of the object's arguments is told as it is.
- A file that ends the process (sys.exit) counts as one that raises: its status is not passed on.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import checks, checks_gradients
from .check import check_gradients
from .function_check import check_gradient
from .report import GradientReport

EXIT = (("pass", 0), ("fail", 1), ("inconclusive", 3))
"""Exit statuses; 2 is that of arguments that are not understood, and of files that do not work."""


class NotRunError(Exception):
    """There was nothing to check, or it could not be run: the message is one sentence."""


def run_check(target: str, mode: str, seed: int) -> int:
    """Check the object that a target FILE.py:OBJECT names, print the report -> the exit status.

    The object is a `GradientReport`; a tuple of arguments of `check_gradients` (model, X, y, loss) or of
    `check_gradient` (fun, grad, x), a dict of options last if there are any; or a function that returns one of these.

    Raises
    ------
    NotRunError
        Where there is no such file or object, it is none of these, or it raises something.
    """
    path, _, name = target.rpartition(":")
    if not path or not name:
        raise NotRunError(f"the target must be FILE.py:OBJECT, got {target!r}")
    folder = str(Path(path).parent)
    sys.path.insert(0, folder)
    try:
        report = report_of(load_object(path, name), mode, seed)
    except (Exception, SystemExit) as error:
        said = raised_in(path, error)
        if said is None and not isinstance(error, OSError | TypeError | ValueError):
            raise
        raise NotRunError(said or str(error)) from error
    finally:
        sys.path.remove(folder)
    print(report)
    return dict(EXIT)[report.verdict]


def raised_in(path: str, error: BaseException) -> str | None:
    """What a file raised, with the line of the file where it did so; None where its code had no part in it."""
    file = Path(path).resolve()
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__)
             if Path(frame.f_code.co_filename).resolve() == file]  # fmt: skip
    words = str(error)
    if isinstance(error, SyntaxError) and error.filename is not None:
        place, words = f"{error.filename}, line {error.lineno}", error.msg
    elif lines:
        place = f"{path}, line {lines[-1]}"
    else:
        return None
    return f"{type(error).__name__}{': ' * bool(words)}{words} ({place})"


def load_object(path: str, name: str) -> Any:
    """Run a file and take an object from it."""
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(f"checked_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is not a Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module    # dataclasses look their module up
    spec.loader.exec_module(module)
    if name not in vars(module):
        known = ", ".join(key for key in vars(module) if not key.startswith("_"))
        raise ValueError(f"{path} has no object {name!r}; it has: {known or 'nothing'}")
    return vars(module)[name]


def report_of(found: Any, mode: str, seed: int) -> GradientReport:
    """The report on what a file provided."""
    made = found() if callable(found) and not isinstance(found, GradientReport) else found
    if isinstance(made, GradientReport):
        return made
    arguments, options = checks_gradients.call_arguments("the object", made, (3, 4))
    check: Callable[..., GradientReport] = check_gradient if len(arguments) == 3 else check_gradients
    known = [key for key, one in inspect.signature(check).parameters.items() if one.kind is one.KEYWORD_ONLY]
    options = {"mode": mode, "seed": seed, **{checks.known_name("option", key, known): options[key] for key in options}}
    return check(*arguments, **options)
