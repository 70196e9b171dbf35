"""The report: what a data parallel step costs here, what the model predicts, and how many ranks pay.

Design
------
- What is predicted is also measured: steps of a fit with `comm`, of all ranks and of one (measuring.py).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..base import checks
from ..base.optional import optional
from ..base.text_table import columns
from .alone import Alone
from .communicator import communicator
from .cost_model import Step, efficiency, even_ranks, last_that_pays, step
from .measuring import Measured, measured

RANKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
"""That steps are predicted for."""
LAYERS, BATCH = (784, 512, 512, 10), 1024
SECONDS = 0.4
"""For each measurement, about."""


def main(argv: Sequence[str]) -> int:
    """Run `python -m gdcore.distributed report` on this rank; rank 0 prints."""
    parser = argparse.ArgumentParser(
        prog="mpiexec -n 4 python -m gdcore.distributed report",
        description="Measure the sum over the ranks and the computation of a step; plan how many ranks pay.",
    )
    parser.add_argument("--layers", default="-".join(map(str, LAYERS)), help="widths of the net (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=BATCH, help="rows of a step (default: %(default)s)")
    parser.add_argument("--shards", type=int, help="as in fit (default: 16, or one for each rank)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="per measurement (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    given = parser.parse_args(argv)
    try:
        widths = [checks.integer("each of --layers", int(width), 1) for width in given.layers.split("-")]
        checks.integer("--batch", given.batch, 2)
        checks.positive("--seconds", given.seconds)
        if len(widths) < 2:
            raise ValueError(f"--layers must have at least two widths, such as 784-10, got {given.layers}")
    except ValueError as error:
        parser.error(str(error))
    comm = world()
    shards = max(16, comm.Get_size()) if given.shards is None else given.shards
    found = measured(comm, tuple(widths), given.batch, shards, given.seconds)
    if comm.Get_rank() == 0:
        print(json.dumps(as_dict(found), indent=1) if given.json else report_text(found), flush=True)
    return 0


def world() -> Any:
    """Return MPI's world; without mpi4py, a communicator of this process alone."""
    try:
        return communicator(optional("mpi4py.MPI", "python -m gdcore.distributed report", "mpi4py mpich").COMM_WORLD)
    except ImportError:
        return Alone()


def predicted(found: Measured, ranks: int, batch: int | None = None) -> Step:
    """Return the step that the model predicts on some ranks."""
    rows = found.batch if batch is None else batch
    return step(found.compute, found.network, ranks, rows, 4 * found.n_params, max(found.shards, ranks))


def last_useful(found: Measured) -> int:
    """Return the number of ranks beyond which no step is shorter."""
    return last_that_pays(found.compute, found.network, found.batch, 4 * found.n_params, found.shards)


def as_dict(found: Measured) -> dict[str, Any]:
    """Return measurements and predictions for JSON."""
    one = predicted(found, 1)
    steps = [predicted(found, n) for n in RANKS if n <= found.batch]
    return {
        **found._asdict(),
        "compute": asdict(found.compute),
        "network": asdict(found.network),
        "sums": [timed._asdict() for timed in found.sums],
        "parts": [timed._asdict() for timed in found.parts],
        "measured": {"one": found.one, "all": found.all, "efficiency": found.one / (found.ranks * found.all)},
        "predicted": [
            {**asdict(step_), "seconds": step_.seconds, "efficiency": efficiency(one, step_)} for step_ in steps
        ],
        "pays_up_to": last_useful(found),
        "sum_takes_as_long_from": even_ranks(
            found.compute, found.network, found.batch, 4 * found.n_params, found.shards
        ),
    }


def report_text(found: Measured) -> str:
    """Return the report as text."""
    size, net, one = 4 * found.n_params, found.network, predicted(found, 1)
    lines = [
        f"{found.ranks} ranks; {'-'.join(map(str, found.layers))}: {found.n_params:,} parameters, {size / 1e6:.3g} MB "
        f"of gradient; {found.batch} rows in {found.shards} shards",
        "",
    ]
    if found.ranks > 1:
        rows: list[tuple[str, ...]] = [("bytes", "sum over the ranks, us", "the model, us")]
        rows += [
            (f"{n:,}", f"{seconds * 1e6:,.1f}", f"{net.seconds(found.ranks, n) * 1e6:,.1f}")
            for n, seconds in found.sums
        ]
        lines += [*columns(rows, (0, 1, 2)), ""]
        lines.append(
            f"latency {net.latency * 1e6:.3g} us a message; {_rate(net.byte)} below {net.cache / 1e6:.3g} MB, "
            f"{_rate(net.large_byte)} above"
        )
    else:
        lines.append("one process, so the network is an assumed one of 10 Gbit/s: start several with mpiexec")
    lines.append(
        f"computation: {found.compute.call * 1e6:.3g} us a shard, {found.compute.row * 1e6:.3g} us a row, "
        f"{found.compute.update * 1e6:.3g} us an update"
    )
    rows = [("ranks", "computation, ms", "latency", "bandwidth", "step, ms", "speed-up", "efficiency", "measured, ms")]
    measured_at = {1: found.one, found.ranks: found.all}
    for n in sorted({*RANKS, found.ranks}):
        if n <= found.batch:
            rows.append(_row(one, predicted(found, n), measured_at.get(n)))
    lines += ["", *columns(rows, range(8)), ""]
    pays, even = last_useful(found), as_dict(found)["sum_takes_as_long_from"]
    if pays == 1:
        lines.append("one rank is the fastest: more do not pay")
    else:
        lines.append(f"more than {pays} ranks do not pay: the step of {pays} is the shortest")
    if even is not None:
        lines.append(f"from {even} ranks on the sum takes as long as the computation")
    return "\n".join(lines)


def _rate(byte: float) -> str:
    return f"{1e-9 / byte:.3g} GB/s" if byte else "any number of bytes at once"


def _row(one: Step, found: Step, measured_seconds: float | None) -> tuple[str, ...]:
    parts = (found.compute, found.latency, found.bandwidth, found.seconds)
    told = "" if measured_seconds is None else f"{1e3 * measured_seconds:.3f}"
    speed = one.seconds / found.seconds
    return (f"{found.ranks:,}", *(f"{1e3 * t:.3f}" for t in parts), f"{speed:.2f}", f"{speed / found.ranks:.0%}", told)
