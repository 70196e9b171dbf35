"""What the tasks of the tests' jobs have in common: ranks, data, and how they tell what they found."""

import hashlib
import json
import os
import sys

RANK = int(os.environ.get("PMI_RANK", os.environ.get("OMPI_COMM_WORLD_RANK", "0")))
if sys.argv[2] == "isa" and RANK == 1:
    os.environ["GDCORE_ISA"] = "base"

import numpy as np  # noqa: E402

import gdcore as gd  # noqa: E402
import gdcore.distributed  # noqa: E402

if int(sys.argv[1]):
    from mpi4py import MPI

    COMM = MPI.COMM_WORLD
else:
    COMM = MPI = None

__all__ = ["COMM", "LABELS", "MPI", "RANK", "WEIGHT", "X", "Y", "gd", "gdcore", "np", "say", "sha", "squares", "told"]

RNG = np.random.default_rng(0)
X = RNG.standard_normal((205, 6)).astype(np.float32)
LABELS = np.abs(X[:, 0] * 2 + X[:, 1]).astype(np.int64).clip(0, 2)
Y = np.sin(X[:, :2]) + 0.1
WEIGHT = RNG.random(205) + 0.1


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def told(trainer, history):
    """What must have the same bits on any number of ranks."""
    found = history.to_dict()
    found.pop("seconds")
    return {"params": sha(trainer.model.params), "state": sha(trainer.optimizer_state.slots), **found}


def say(value):
    """Print a value from rank 0, after comparing it with the other ranks'."""
    if COMM is not None:
        values = COMM.allgather(json.dumps(value))
        assert len(set(values)) == 1, values
    if RANK == 0:
        print("JSON:", json.dumps(value), flush=True)


def squares(outputs, y):
    error = outputs - y
    return float((error.astype(float) ** 2).mean()), 2 * error / error.size
