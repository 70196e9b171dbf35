"""A library's own process, which reads requests from standard input and answers on standard output, one JSON object a
line.

Design
------
- One request `prepare` for a case, then one `run` after the other: between two runs the caller asks the other
  libraries for one each.
- What a library prints goes to standard error; the answers have the true standard output to themselves.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
import traceback
from typing import Any, TextIO, final

from .library import Library, find
from .measure import calibrate, timed_run
from .problems import Problem
from .tasks import Case, Counted, Prepared


def case_from(values: dict[str, Any]) -> Case:
    """Return a case from the result of `dataclasses.asdict`, after JSON."""
    problem = values["problem"]
    return Case(**{**values, "problem": Problem(**{**problem, "widths": tuple(problem["widths"])})})


@final
class Session:
    """The library, and the call being timed."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.prepared: Prepared
        self.n_calls = 0

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out a request."""
        if request["do"] == "prepare":
            return self.prepare(request["task"], case_from(request["case"]), request["run_seconds"])
        return self.run()

    def prepare(self, task: str, case: Case, run_seconds: float) -> dict[str, Any]:
        """Prepare a call, warm it up, and find how many calls make a run."""
        reason = self.library.refuses(task, case.problem)
        if reason:
            return {"refused": reason}
        made = find(task)(self.library, case)
        if isinstance(made, Counted):
            return {"check": made.check, "amount": made.amount}
        self.prepared = made
        self.n_calls = calibrate(self.prepared.call, run_seconds=run_seconds, wait=self.library.wait)
        return {"check": self.prepared.check, "n_calls": self.n_calls}

    def run(self) -> dict[str, Any]:
        """Make one run; a short call is made once before, since another library has used the caches since."""
        call, wait = self.prepared.call, self.library.wait
        if self.n_calls > 1:
            call()
            wait()
        work = self.n_calls * self.prepared.units
        cpu = time.process_time()
        seconds = timed_run(call, self.n_calls, wait=wait) / self.prepared.units
        return {"seconds": seconds, "cpu": (time.process_time() - cpu) / work}


def serve(adapter: str, requests: TextIO, answers: TextIO) -> None:
    """Answer until the requests end."""

    def reply(values: dict[str, Any]) -> None:
        print(json.dumps(values), file=answers, flush=True)

    try:
        session = Session(find(adapter)())
        reply({"versions": session.library.versions() | {"python": platform.python_version()}})
    except Exception:
        reply({"failed": traceback.format_exc()})
        return
    for line in requests:
        try:
            reply(session.answer(json.loads(line)))
        except Exception:
            reply({"failed": traceback.format_exc()})


def main() -> None:
    """Serve the adapter that the command line names."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        serve(sys.argv[1], sys.stdin, answers)
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(130)


if __name__ == "__main__":
    main()
