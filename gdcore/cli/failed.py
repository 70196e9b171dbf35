"""What ends a verb: one line on standard error, and the exit status that goes with it."""

from __future__ import annotations


class WrongUse(Exception):
    """A verb that cannot be run as asked: status 2; the message is one sentence with the remedy."""


class Failed(Exception):
    """A verb whose work has failed, such as a training that diverged: status 1."""
