"""Messages of this room."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any

from ..base import checks
from ..base.checks import short

REDUCTIONS = ("tree", "mpi")
SHARDS = 16


def no_communicator(comm: object) -> TypeError:
    """Return the error for a `comm` that is none."""
    return TypeError(f"comm must be a communicator such as mpi4py.MPI.COMM_WORLD, got {short(comm)}")


def null(comm: object) -> ValueError:
    """Return the error for a communicator of nobody."""
    return ValueError(
        f"comm must be a communicator, got one that is null ({short(comm)}): it was freed, or "
        "comm.Split(MPI.UNDEFINED) has left this rank out, which must not call fit"
    )


def no_folder(checkpoint: str | PathLike[str], folder: str) -> FileNotFoundError:
    """Return the error for a checkpoint in a folder that is not there."""
    return FileNotFoundError(
        f"checkpoint={fspath(checkpoint)!r} needs the folder {folder!r}, which does not exist: create it"
    )


def read_only(checkpoint: str | PathLike[str], folder: str) -> PermissionError:
    """Return the error for a checkpoint in a folder that cannot be written."""
    return PermissionError(
        f"checkpoint={fspath(checkpoint)!r} needs the folder {folder!r}, which this process may not write: pass another"
    )


def drifted(rank: int) -> str:
    """Return the message about a rank whose parameters have become others."""
    return (
        f"rank {rank} has other parameters or another learning rate than rank 0: what callbacks, metrics and criteria "
        "change, they must change on every rank alike"
    )


def alone(name: str, promised: str) -> RuntimeError:
    """Return the error for a world of one process where the launcher says that there are more."""
    return RuntimeError(
        f"comm has 1 process, but {name}={promised} says that the launcher has started {promised}: start the program "
        "with the mpiexec of the MPI that mpi4py loads (python -m mpi4py --mpi-lib-version)"
    )


def shards_for(shards: object, size: int, given: bool) -> int:
    """Check and return the number of shards for `size` ranks; `given` says whether there is a communicator."""
    found = SHARDS if shards is None and given else checks.integer("shards", shards, 1, 2**20)
    if found < size:
        raise ValueError(
            f"shards={found} for {size} ranks leaves some without work: start at most {found}, or pass shards={size} "
            "or more, which changes the bits"
        )
    return found


def mini_batches_only(optimizer: object) -> ValueError:
    """Return the error for an optimizer that takes all data at once."""
    return ValueError(
        f"comm and shards cut mini-batches, and {optimizer!r} takes all data at once: pass another optimizer, such as "
        "gdcore.Adam()"
    )


def whole_batches() -> ValueError:
    """Return the error for a training that sums the losses of each output."""
    return ValueError(
        "comm and shards cut batches, and the loss of each output by itself is summed over whole ones: fit each output "
        "by itself, or leave out sum_outputs()"
    )


def differs(rank: int, name: str, own: Any, first: Any) -> ValueError:
    """Return the error for a rank that has another value than rank 0."""
    remedy = "make the same call with the same arguments on every rank"
    if name in ("seed", "parameters"):
        remedy += ", and pass seed= to the model"
    if name in ("data", "samples"):
        remedy += ", and the same data, of which each takes its own rows"
    if name == "data":
        return ValueError(f"rank {rank} has data with other values in X, y or the weights than rank 0: {remedy}")
    return ValueError(f"rank {rank} has {name} {own}, but rank 0 has {first}: {remedy}")


def other_calls(calls: dict[int, str]) -> str:
    """Return the message about ranks that do different things."""
    told = ", ".join(f"rank {rank} {call}" for rank, call in sorted(calls.items()))
    return (
        f"the ranks have come apart: {told}: callbacks, stopping criteria and interrupts must end a fit on every rank "
        "or on none"
    )


def waits_long(rank: int, seconds: float) -> str:
    """Return the message about a rank that waits for the others to begin."""
    return (
        f"gdcore: rank {rank} has waited {seconds:.0f} s for the others to begin a fit, and waits on: every rank of "
        "the communicator must call it; timeout= ends such a wait"
    )


def has_left(rank: int) -> str:
    """Return the message about a rank that will not come."""
    return (
        f"rank {rank} has ended its program, but this one begins a fit, and would wait for it for ever: make the same "
        "calls on every rank"
    )


def other_shards(found: int, shards: int) -> ValueError:
    """Return the error for a checkpoint of a fit with another number of shards."""
    was, now = (f"shards={n}" if n else "no shards" for n in (found, shards))
    return ValueError(f"the checkpoint was made with {was}, got {now}: pass the same, or another checkpoint")


def other_settings(path: object, name: str, found: object, own: object) -> ValueError:
    """Return the error for a checkpoint of a trainer with other settings."""
    return ValueError(
        f"{path} holds a trainer with {name} {short(found)}, this one has {short(own)}: pass the same, or another file"
    )


def no_path(checkpoint: object) -> TypeError:
    """Return the error for a checkpoint that is no path."""
    return TypeError(f"checkpoint must be the path of a file, got {short(checkpoint)}")


def needs_checkpoint() -> ValueError:
    """Return the error for `resume` without a file."""
    return ValueError("resume=True needs checkpoint=, the file to go on from")
