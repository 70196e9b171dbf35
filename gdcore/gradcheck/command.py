"""gdcore check FILE.py:OBJECT: the check of what a user's file provides."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import checks_gradients
from .check import check_gradients
from .function_check import check_gradient
from .report import GradientReport

EXIT = (("pass", 0), ("fail", 1), ("inconclusive", 3))
"""Exit statuses; 2 is that of arguments that are not understood, and of files that do not work."""


def run_check(target: str, mode: str, seed: int) -> int:
    """Check the object that a target FILE.py:OBJECT names, print the report -> the exit status.

    The object is a `GradientReport`; a tuple of arguments of `check_gradients` (model, X, y, loss) or of
    `check_gradient` (fun, grad, x), a dict of options last if there are any; or a function that returns one of these.

    Raises
    ------
    ValueError, TypeError, OSError
        Where there is no such file or object, or it is none of these.
    """
    path, _, name = target.rpartition(":")
    if not path or not name:
        raise ValueError(f"the target must be FILE.py:OBJECT, got {target!r}")
    folder = str(Path(path).parent)
    sys.path.insert(0, folder)
    try:
        report = report_of(load_object(path, name), mode, seed)
    finally:
        sys.path.remove(folder)
    print(report)
    return dict(EXIT)[report.verdict]


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
    options = {"mode": mode, "seed": seed, **options}
    check: Callable[..., GradientReport] = check_gradient if len(arguments) == 3 else check_gradients
    return check(*arguments, **options)
