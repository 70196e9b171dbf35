"""Tasks of jobs in which something goes wrong; program.py runs them."""

import contextlib
import json
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path

from job_setup import COMM, LABELS, MPI, RANK, X, Y, gd, np, say, sha, squares, told


def error_of(call):
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "none"


def fit_once(**options):
    y = options.pop("y", Y)
    given = options.pop("X", X)
    net = options.pop("net", None)
    net = gd.LinearModel(6, 2, seed=0) if net is None else net
    return net.fit(given, y, options.pop("loss", "mse"), **{"epochs": 1, "seed": 1, "comm": COMM, **options})


def with_version(module, odd):
    """A fit in which one rank has another version."""
    found = sys.modules[module]
    before = found.__version__
    found.__version__ = "0.0.7" if odd else before
    try:
        fit_once()
    finally:
        found.__version__ = before


def disagree():
    """Each difference is told on every rank, by rank and name, and the next fit succeeds."""
    last = COMM.Get_size() - 1
    odd = last == RANK
    other = X.copy()
    other[3, 2] += odd
    calls = {
        "seed": lambda: fit_once(seed=7 if odd else 1),
        "parameters": lambda: fit_once(net=gd.LinearModel(6, 2, seed=9 if odd else 0)),
        "layers": lambda: fit_once(net=gd.MLP([6, 3 + odd, 2], seed=0)),
        "precision": lambda: fit_once(net=gd.LinearModel(6, 2, seed=0, dtype="float64" if odd else "float32")),
        "samples": lambda: fit_once(X=X[: 200 + odd], y=Y[: 200 + odd]),
        "data": lambda: fit_once(X=other),
        "loss": lambda: fit_once(loss="mae" if odd else "mse"),
        "optimizer": lambda: fit_once(optimizer=gd.SGD(0.1 if odd else 0.2)),
        "batch_size": lambda: fit_once(batch_size=16 + odd),
        "epochs": lambda: fit_once(epochs=1 + odd),
        "metrics": lambda: fit_once(metrics="r2" if odd else ()),
        "stop": lambda: fit_once(stop=gd.LossThreshold(0.1 + odd)),
        "shards": lambda: fit_once(shards=8 + odd),
        "gdcore": lambda: with_version("gdcore.distributed.agreement", odd),
        "NumPy": lambda: with_version("numpy", odd),
    }
    found = {name: error_of(call) for name, call in calls.items()}
    found["good"] = error_of(fit_once)
    say(found)


def one_fails():
    """What goes wrong on one rank is an error on all of them, and the next fit succeeds."""
    odd = RANK == 1
    bad = X.copy()
    bad[17, 2] = np.nan if odd else 0

    def loss(outputs, y):
        if odd:
            raise ZeroDivisionError("a bad loss")
        return squares(outputs, y)

    class Bad(gd.Callback):
        def on_epoch_end(self, end):
            if odd:
                raise OSError("a bad callback")

    calls = {
        "input": lambda: fit_once(X=bad),
        "loss": lambda: fit_once(loss=loss),
        "callback": lambda: fit_once(callbacks=Bad(), epochs=3),
        "stop": lambda: fit_once(stop=lambda end: odd, epochs=3),
        "diverged": lambda: fit_once(optimizer=gd.SGD(1e30), epochs=20),
        "shards": lambda: fit_once(shards=1),
        "full batch": lambda: fit_once(optimizer="cg"),
        "good": fit_once,
    }
    found = {name: error_of(call) for name, call in calls.items()}
    told = COMM.allgather(found)
    if RANK == 0:
        print("JSON:", json.dumps(told), flush=True)


def uncaught():
    fit_once()
    if RANK == 1:
        raise ValueError("a mistake of the user's program")
    fit_once()


def freed():
    """A communicator that is no more when the program fails."""
    own = COMM.Dup()
    fit_once(comm=own)
    own.Free()
    if RANK == 1:
        raise ValueError("a mistake after the fit")
    fit_once()


def leaves(code):
    """One rank leaves between two fits; the others do not wait for it."""
    fit_once()
    fit_once(comm=COMM.Split(0, RANK))
    if RANK == 1:
        sys.exit(int(code))
    fit_once()


def leaves_one_of_two():
    """A rank leaves between fits on a part of the job, which is the last one that the others have trained with too."""
    fit_once()
    part = COMM.Split(RANK // 2, RANK)
    fit_once(comm=part)
    if RANK == 1:
        sys.exit()
    fit_once(comm=part)


def begins_late():
    sys.modules["gdcore.distributed.leaving"].NOTICE = 0.5
    time.sleep(1.5 * RANK)
    fit_once()


def leave_together():
    """Ranks that have trained in several groups end their programs at their own times, some communicators freed."""
    fit_once()
    for color in (RANK // 2, RANK % 2):
        part = COMM.Split(color, RANK)
        fit_once(comm=part)
        if color == 1:
            part.Free()
    time.sleep(0.3 * RANK)
    say("well")
    if RANK == 2:
        MPI.Finalize()


def early(how):
    """A rank fails before its first fit."""
    if RANK == 1 and how == "raises":
        raise FileNotFoundError("the data of rank 1")
    if RANK == 1 and how == "leaves":
        sys.exit("the data of rank 1")
    fit_once(comm=3 if RANK == 1 else COMM)


def interrupted():
    """An interrupt between two exchanges of one gradient: the others are not at a meeting."""
    reduction = sys.modules["gdcore.distributed.reduction"]
    real, calls = reduction.summed, []

    def summed(*arguments):
        calls.append(1)
        if RANK == 1 and len(calls) == 5:
            raise KeyboardInterrupt
        return real(*arguments)

    reduction.summed = summed
    fit_once(epochs=100)


def interrupted_at_the_beginning():
    """An interrupt, which the program catches, while a rank waits for the others to begin."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if RANK == 1:
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        with contextlib.suppress(KeyboardInterrupt):
            fit_once()
    else:
        time.sleep(1.5)
        fit_once()


def raises():
    class Bad(gd.Callback):
        def on_epoch_end(self, end):
            if RANK == 1 and end.epoch == 1:
                raise ValueError("a mistake of the user's callback")

    fit_once(callbacks=Bad(), epochs=1000)


def hangs():
    class Slow(gd.Callback):
        def on_epoch_end(self, end):
            if RANK == 1:
                time.sleep(600)

    fit_once(callbacks=Slow(), epochs=3, timeout=1.5)


def comes_late():
    """One rank does not come to the fit at all."""
    fit_once()
    if RANK == 1:
        time.sleep(600)
    fit_once(timeout=1.5)


def long_fit(path):
    """Train until somebody kills this; say whose processes there are."""
    Path(path, f"pid{RANK}").write_text(str(os.getpid()))
    fit_once(epochs=10**6)


def checkpointed(kills_at, path, resume):
    """A fit with a checkpoint after each epoch; rank 1 dies in the middle of a later one."""
    net = gd.MLP([6, 12, 3], dropout=0.2, seed=0)
    trainer = gd.Trainer(net, "cross_entropy", gd.Adam(0.01), batch_size=32, seed=1, average=gd.Polyak())
    victim = (1 if COMM else 0) == RANK
    at = int(kills_at)

    def metric(outputs, y):
        if at and victim and trainer.epochs_done > at:
            os.kill(os.getpid(), signal.SIGKILL)
        return float(outputs.sum())

    stop = gd.EarlyStopping(patience=1000, restore_best=True)
    spread = {"checkpoint": path, "resume": resume == "resume", "comm": COMM, "shards": 16}
    history = trainer.fit(X, LABELS, epochs=8, metrics={"m": metric}, validation_data=(X, LABELS), stop=stop, **spread)
    say({**told(trainer, history), "averaged": sha(trainer.averaged)})


def full_disk(path):
    """The second checkpoint does not fit: the first one stays."""

    class Early(gd.Callback):  # it runs before the checkpoint
        def on_epoch_end(self, end):
            if end.epoch == 1 and RANK == 0:
                resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))

    found = error_of(lambda: fit_once(checkpoint=path, epochs=3, callbacks=Early()))
    told = COMM.allgather(found)
    if RANK == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print("JSON:", json.dumps(told), flush=True)


def isa():
    say({"error": error_of(fit_once)})


FAULTS = (
    disagree,
    one_fails,
    uncaught,
    freed,
    leaves,
    leaves_one_of_two,
    leave_together,
    begins_late,
    early,
    interrupted,
    interrupted_at_the_beginning,
    raises,
    hangs,
    comes_late,
    long_fit,
    checkpointed,
    full_disk,
    isa,
)
