"""Libraries that gdcore uses where they are installed: imported when they are needed, never before."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from . import checks_fit


def optional(module: str, wanted_by: str, install: str) -> Any:
    """The module of that name.

    Parameters
    ----------
    module : str
        Its dotted name.
    wanted_by : str
        What the user called.
    install : str
        What pip is to be given.

    Raises
    ------
    ImportError
        Naming both, where it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise checks_fit.missing_library(module.partition(".")[0], wanted_by, install, error) from None
