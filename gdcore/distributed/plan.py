"""The tables of docs/distributed_plan.md: steps on 2 … 10,000 machines, by the arithmetic that the page shows."""

from __future__ import annotations

from math import ceil, log2

from ..base.text_table import markdown
from .cost_model import PRESETS, Compute, Network, step

MACHINES = (2, 10, 100, 1_000, 10_000)
PARAMETERS = 669_706
"""Of a network 784-512-512-10."""
FLOPS = 1e12
"""That a machine makes in a second: 16 cores, each at some 60 Gflop/s in products of this size."""
ROWS, WEAK_ROWS = 65_536, 1_024
"""Of a step of all machines, and of each machine where the batch grows with them."""


def compute_of(parameters: int, flops: float = FLOPS) -> Compute:
    """Return what a row costs: 6 operations for each parameter, 2 forward and 4 backward; and an update, 28 bytes.

    Examples
    --------
    >>> compute_of(1_000_000).row
    6e-06
    """
    return Compute(0.0, 6 * parameters / flops, 28 * parameters / 20e9)


def by_mpi(network: Network, machines: int, size: int) -> float:
    """Return the time of `reduce="mpi"`, where MPI halves the vector and doubles it again: 2 log2(n) messages.

    Examples
    --------
    >>> by_mpi(Network(1e-5, 0.0, 0.0), 1024, 4)
    0.0002
    """
    return 2 * ceil(log2(machines)) * network.latency + 2 * (machines - 1) / machines * size * network.byte


def row_of(name: str, machines: int, rows: int, parameters: int = PARAMETERS) -> tuple[str, ...]:
    """Return a row of a table: machines and the parts of a step of so many rows in all, in milliseconds."""
    network, compute, size = PRESETS[name], compute_of(parameters), 4 * parameters
    found = step(compute, network, machines, rows, size, machines)
    alone = step(compute, network, 1, rows, size).seconds
    mpi = found.compute + by_mpi(network, machines, size)
    return (
        f"{machines:,}",
        f"{2 * (machines - 1):,}",
        f"{2 * (machines - 1) / machines * size / 1e6:.2f}",
        *(f"{1e3 * part:.3f}" for part in (found.compute, found.latency, found.bandwidth, found.seconds)),
        f"{alone / found.seconds / machines:.0%}",
        f"{1e3 * mpi:.3f}",
        f"{alone / mpi / machines:.0%}",
    )


HEADER = (
    "machines", "messages", "MB sent", "compute, ms", "latency, ms", "bandwidth, ms", "step, ms", "efficiency",
    'with "mpi", ms', "efficiency",
)  # fmt: skip


def table(name: str, *, weak: bool) -> str:
    """Return a table in Markdown for a network of `PRESETS`; `weak` lets the batch grow with the machines.

    Examples
    --------
    >>> print(table("10GbE", weak=False).splitlines()[0][:21])
    | machines | messages
    """
    rows = [row_of(name, n, WEAK_ROWS * n if weak else ROWS) for n in MACHINES]
    return markdown(HEADER, rows, range(len(HEADER)))


def tables() -> dict[str, str]:
    """Return the page's tables, by what stands above them."""
    return {
        f"{name}, {what}": table(name, weak=weak)
        for what, weak in (("65,536 rows in all", False), ("1,024 rows for each machine", True))
        for name in PRESETS
    }
