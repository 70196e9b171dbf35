"""What memory training takes, and whether it grows: counted, not timed.

Design
------
- The process's own heap is what glibc says is in use (`mallinfo2`, blocks in the heap and blocks mapped by themselves):
  it counts every array and workspace, whoever took it, and nothing that was given back. `tracemalloc` sees what Python
  and NumPy took; the resident set is what the system sees.
- Growth is measured over 10,000 steps, after one epoch. `tracemalloc` comes last of the growths: it slows what follows.
- Needed is what the formulas need: parameters, gradients, the optimizer's slots, two arrays of activations per layer.
"""

import ctypes
import gc
import os
import tracemalloc
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from gdcore.bench.library import Library
from gdcore.bench.problems import Problem, make_workload
from gdcore.bench.tasks import Case, Counted

STEPS = 10_000
SLOTS = {"sgd": 0, "adam": 2}


FIELDS = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")


@final
class Mallinfo2(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in FIELDS)


def heap_in_use() -> int:
    """Bytes that this process has taken by `malloc` and not given back."""
    gc.collect()
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = Mallinfo2
    found = ask()
    return found.uordblks + found.hblkhd


def resident() -> int:
    """Bytes of this process that are in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def traced() -> int:
    """Bytes that Python and NumPy hold of what they took since this was first asked."""
    if not tracemalloc.is_tracing():
        tracemalloc.start()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def needed(problem: Problem) -> int:
    """Bytes of parameters, gradients, slots, and two arrays (batch, n_out) per layer."""
    numbers = (2 + SLOTS[problem.optimizer]) * problem.n_params + 2 * problem.batch * sum(problem.widths[1:])
    return numbers * (8 if problem.dtype == "float64" else 4)


def nothing(problem: Problem) -> int:
    """What 10,000 more steps need."""
    return 0


@final
@dataclass(frozen=True)
class Quantity:
    """A number of bytes: how it is counted, and what is needed."""

    name: str
    amount: Callable[[Library, Problem], int]
    needed: Callable[[Problem], int]


def of_trainer(library: Library, problem: Problem) -> int:
    """What a second trainer takes beside a first one, as much as both can share aside; the data are one batch."""
    work = make_workload(replace(problem, samples=problem.batch))
    library.setup(work)
    library.epoch()
    library.wait()
    second = copy(library)
    before = heap_in_use()
    second.setup(work)
    second.epoch()
    second.wait()
    return heap_in_use() - before


def growth_of(measured: Callable[[], int]) -> Callable[[Library, Problem], int]:
    """How much more there is after 10,000 steps than after an epoch."""

    def growth(library: Library, problem: Problem) -> int:
        library.setup(make_workload(problem))
        library.epoch()
        library.wait()
        before = measured()
        for _ in range(-(-STEPS // problem.steps)):
            library.epoch()
        library.wait()
        return measured() - before

    return growth


def of_process(library: Library, problem: Problem) -> int:
    """The resident set after an epoch."""
    library.setup(make_workload(problem))
    library.epoch()
    library.wait()
    return resident()


QUANTITIES = (
    Quantity("trainer", of_trainer, needed),
    Quantity("heap growth", growth_of(heap_in_use), nothing),
    Quantity("traced growth", growth_of(traced), nothing),
    Quantity("process growth", growth_of(resident), nothing),
    Quantity("process", of_process, needed),
)


def memory(library: Library, case: Case) -> Counted:
    """The quantity that `case.what` names, and the bytes that are needed."""
    quantity = next(quantity for quantity in QUANTITIES if quantity.name == case.what)
    return Counted(quantity.amount(library, case.problem), quantity.needed(case.problem))
