"""A parser of command lines that tells what is wrong in one line.

Design
------
argparse prints how a command is used before each error, which hides the sentence that matters. `error` is the method
that it provides for other ways. Only the command line imports this file.
"""

from __future__ import annotations

import argparse
import re
from typing import NoReturn, final

from .terminal import complain

NOT_UNDERSTOOD = 2


@final
class WrongArguments(SystemExit):
    """The end of a command whose arguments were not understood; the message has been written to standard error."""

    def __init__(self, message: str) -> None:
        super().__init__(NOT_UNDERSTOOD)
        self.message = message


@final
class CommandParser(argparse.ArgumentParser):
    """A parser whose errors are one line.

    Examples
    --------
    >>> CommandParser(prog="gdcore bench").parse_args(["--fast"])
    Traceback (most recent call last):
    gdcore.base.command_parser.WrongArguments: 2
    """

    def error(self, message: str) -> NoReturn:
        """Write a line to standard error and end with status 2."""
        message = re.sub(r"^argument ([^:]+): ", r"\1: ", message)
        lacking = re.sub(r"^the following arguments are required: ", "", message)
        if lacking != message:
            message = f"{lacking} {'are' if ', ' in lacking else 'is'} missing: {self.prog} --help tells more"
        complain(f"{self.prog}: {message}")
        raise WrongArguments(message)
