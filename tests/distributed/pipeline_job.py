"""What the ranks of the pipeline's tests do: `pipeline_job.py case …`; a line of JSON for each rank, in order."""

import hashlib
import json
import os
import resource
import signal
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
from mpi4py import MPI

import gdcore as gd
from gdcore.distributed import Pipeline

COMM = MPI.COMM_WORLD
RANK = COMM.Get_rank()


def samples(n=700):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, 24), dtype=np.float32), rng.integers(0, 5, n)


def layers():
    return [
        gd.Dense(24, 64, "relu"), gd.Dropout(0.3), gd.Dense(64, 48, "relu"), gd.LayerNorm(48), gd.Dropout(0.2),
        gd.Dense(48, 40, "tanh"), gd.Dense(40, 5),
    ]  # fmt: skip


def tell(**facts):
    """Print the facts of all ranks, in their order."""
    for line in COMM.gather(json.dumps({"rank": RANK, **facts})) or ():
        print(line, flush=True)


def bits(params):
    return hashlib.sha256(params.tobytes()).hexdigest()


def pipeline(comm=COMM, **options):
    given = {"loss": "cross_entropy", "optimizer": gd.Adam(1e-2), "micro_batches": 4, "batch_size": 256, "seed": 5}
    return Pipeline(layers(), comm, **{**given, "l2": 1e-4, "clip_norm": 1.0, "clip_value": 0.5, **options})


def train(stages, shards=0):
    pipe = pipeline(stages=int(stages) or None, shards=int(shards) or None)
    history = pipe.fit(*samples(), epochs=2)
    outputs, whole = pipe.predict(samples()[0]), pipe.gather()
    assert (whole is None) == (RANK > 0)
    same = None if whole is None else float(np.abs(whole.predict(samples()[0]) - outputs).max())
    facts = {"loss": history.loss, "norms": history.gradient_norm, "clipped": history.clipped_steps}
    whole_bits = None if whole is None else bits(whole.params)
    tell(bits=whole_bits, outputs=bits(outputs), apart=same, n_params=pipe.n_params, **facts)


def whole_fit(pipe, **options):
    """Fit with all that a Trainer's fit takes, and return the history."""
    X, y = samples(300)
    weight = np.random.default_rng(1).random(300).astype(np.float32) + 0.1
    given = {"epochs": 6, "sample_weight": weight, "validation_split": 0.2, "metrics": ("accuracy", gd.metrics.TopK(2))}
    given |= {"class_weight": "balanced", "record": "progressive", "stop": gd.EarlyStopping(2, restore_best=True)}
    return pipe.fit(X, y, **given | options)


def told(pipe, history):
    """Return what is the same on any number of ranks."""
    whole, found = pipe.gather(), history.to_dict()
    found.pop("seconds")
    return {"bits": COMM.bcast(None if whole is None else bits(whole.params)), **found}


def everything(stages, shards):
    """Train with weights, validation, metrics, criteria, callbacks and a schedule that follows a loss."""
    seen = []

    class Sees(gd.Callback):
        def on_epoch_end(self, end):
            seen.append((end.epoch, end.values["val_accuracy"], end.learning_rate))
            return "enough" if end.epoch == 4 else None

    rate = gd.schedules.ReduceOnPlateau(0.02, patience=0, threshold=0.2)
    pipe = pipeline(stages=int(stages), shards=int(shards), optimizer=gd.Adam(rate), batch_size=64)
    history = whole_fit(pipe, callbacks=Sees(), stop=())
    tell(**told(pipe, history), seen=seen, steps=pipe.steps_done)


def checkpointed(stages, path, resume, kills_at):
    """Train with checkpoints; one stage dies while the files of an epoch are written."""
    pipe = pipeline(stages=int(stages), shards=4, batch_size=64)
    last, real = COMM.Get_size() - 1, os.replace

    def replace(*arguments):
        if int(kills_at) == pipe.epochs_done and last == RANK:
            time.sleep(0.5)  # the other stages have written theirs
            os.kill(os.getpid(), signal.SIGKILL)
        real(*arguments)

    os.replace = replace if int(kills_at) else real
    history = whole_fit(pipe, checkpoint=path, resume=resume == "resume")
    tell(**told(pipe, history))


def ends(stages, path, dies):
    """Let a criterion end a fit, of which one stage cannot write the end."""
    pipe = pipeline(stages=int(stages), shards=4, batch_size=64)

    class Dies(gd.Callback):
        def on_epoch_end(self, end):
            pass

        def on_fit_end(self, history):
            if RANK == 1 and dies == "yes":
                time.sleep(0.5)  # the other stage has written its file
                os.kill(os.getpid(), signal.SIGKILL)

    def third(end):
        return end.epochs_done == 3 and "enough"

    history = whole_fit(pipe, checkpoint=path, resume=True, stop=third, callbacks=Dies())
    tell(**told(pipe, history))


def goes_wrong(what):
    """Make a mistake on rank 1 alone, and train again."""
    odd, pipe = RANK == 1, pipeline(batch_size=64)

    class Bad(gd.Callback):
        def on_epoch_end(self, end):
            if odd and what == "callback":
                raise ZeroDivisionError("a bad callback")
            if odd and what == "hangs":
                time.sleep(60)
            return odd and what == "stops"

    def metric(outputs, y):
        if odd and what == "metric":
            raise ZeroDivisionError("a bad metric")
        return 1.0

    options = {"callbacks": Bad(), "metrics": {"m": metric}, "epochs": 5 + (odd and what == "epochs")}
    if what == "hangs":
        options["timeout"] = 1.5
    try:
        whole_fit(pipe, **options)
    except (RuntimeError, ZeroDivisionError, ValueError) as error:
        tell(error=f"{type(error).__name__}: {error}", epochs=pipe.epochs_done)
    pipe.fit(*samples(64), epochs=1)


def parts_of_the_job():
    """Train two pipelines side by side, each on half of the ranks, and then one on all of them."""
    half = COMM.Split(RANK // 2, RANK)
    pipe = pipeline(half, seed=5 + RANK // 2)
    first, whole = pipe.fit(*samples(), epochs=1).loss, pipe.gather()
    together = pipeline(stages=2, shards=2)
    net = gd.MLP([24, 16, 5], seed=0)
    data_parallel = net.fit(*samples(), "cross_entropy", epochs=1, seed=0, comm=half).loss
    tell(
        first=first, bits=whole and bits(whole.params), loss=together.fit(*samples(), epochs=1).loss, own=data_parallel
    )


def leaves():
    """Let a rank leave between two fits."""
    pipe = pipeline()
    pipe.fit(*samples(64), epochs=1)
    if RANK == 1:
        sys.exit()
    pipe.fit(*samples(64), epochs=1)


def data_of_this_process():
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(text.split("VmData:")[1].split()[0])


def memory(room):
    """Train a model, where each rank may take only `room` bytes beyond what Python itself takes."""
    wide, tall = 1024, 6
    stack = [gd.Dense(wide, wide, "relu") for _ in range(tall)]
    rng = np.random.default_rng(0)
    X = rng.standard_normal((32, wide), dtype=np.float32)
    limit = data_of_this_process() + int(room)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        pipe = Pipeline(stack, COMM, loss="mse", optimizer=gd.Adam(1e-3), micro_batches=4, batch_size=32, seed=0)
        loss = [pipe.step(X, X) for _ in range(3)]
        tell(loss=loss, n_params=pipe.n_params)
    except (MemoryError, RuntimeError) as error:
        tell(error=str(error))


class Noted:
    """A stage that notes what it does: a word, and the row at which the micro-batch starts."""

    def __init__(self, kernel):
        self.kernel, self.actions = kernel, []

    def __getattr__(self, name):
        method = getattr(self.kernel, name)
        if name not in ("forward", "backward"):
            return method

        def call(slot, inputs, start, *others):
            self.actions.append((name, start))
            method(slot, inputs, start, *others)

        return call


def order(*micro_batches):
    """Tell in which order this stage works in one step of so many micro-batches, and which share of it it waits."""
    found, rows = {}, 16
    rng = np.random.default_rng(0)
    for m in map(int, micro_batches):
        X = rng.standard_normal((rows * m, 8), dtype=np.float32)
        stack = [gd.Dense(8, 8, "tanh") for _ in range(2 * COMM.Get_size())]
        pipe = Pipeline(stack, COMM, loss="mse", micro_batches=m, batch_size=rows * m, seed=0)
        pipe.step(X, X)
        pipe._work.kernel = Noted(pipe._work.kernel)
        pipe.step(X, X)
        actions = [(word, start // rows) for word, start in pipe._work.kernel.actions]
        found[m] = {"idle": pipe.idle, "actions": actions}
    tell(found=found)


def diverges():
    """Let a step diverge: nothing changes on any rank, and the next step succeeds."""
    net = gd.Sequential(*layers(), seed=0)
    net.parameters()[0][1][:] *= 50
    pipe = Pipeline(net, COMM, loss="cross_entropy", optimizer=gd.SGD(0.01), micro_batches=4)
    X, y = samples(64)
    pipe.step(X, y)
    before = pipe.gather()
    bad = X * np.float32(1e37)
    try:
        pipe.step(bad, y)
    except gd.DivergedError as error:
        message = str(error)
    after = pipe.gather()
    same = None if before is None else bool((before.params == after.params).all())
    tell(same=same, message=message, steps=pipe.steps_done, loss=pipe.step(X, y))


def differ(what):
    """Give rank 1 another argument than the others, and tell the error of each rank."""
    other = RANK == 1
    options = {"rate": {"optimizer": gd.Adam(2e-2 if other else 1e-2)}, "precision": {"dtype": "float64"}}
    try:
        if what in ("y", "samples", "data"):
            pipe = pipeline()
            X, y = samples(64)
            n = 60 if other and what == "samples" else 64
            pipe.step((X + (other and what == "data"))[:n], y[:60] if other and what == "y" else y[:n])
        elif what == "parameters":
            Pipeline(gd.Sequential(*layers(), seed=RANK), COMM, loss="cross_entropy", seed=1)
        elif what == "seed":
            pipeline(seed=RANK)
        elif what == "stages":
            pipeline(stages=3)
        else:
            pipeline(**(options[what] if other or what == "rate" else {}))
    except (TypeError, ValueError, RuntimeError) as error:
        tell(error=str(error))


def bad_arguments():
    """Make a mistake on rank 1 alone, again and again, which the program catches; then train."""
    odd, found, made = RANK == 1, [], []
    pipeline_room = sys.modules["gdcore.distributed.pipeline"]
    real = pipeline_room.begins

    def begins(comm):
        made.append(comm)
        real(comm)

    pipeline_room.begins = begins
    for name, value in (("loss", "msee"), ("optimizer", "adan"), ("batch_size", 0), ("seed", 1.5), ("model", 3)):
        options = {"loss": "cross_entropy", "optimizer": "adam", "batch_size": 64, "model": layers(), "seed": 5}
        try:
            Pipeline(**{**options, **({name: value} if odd else {})}, comm=COMM)
        except (TypeError, ValueError, RuntimeError) as error:
            found.append(f"{type(error).__name__}: {error}")
    pipeline_room.begins = real
    freed = sum(comm == MPI.COMM_NULL for comm in made)
    tell(found=found, freed=freed, loss=pipeline().fit(*samples(64), epochs=1).loss)


def many():
    """Make more pipelines than MPI has room for communicators, each closed before the next one."""
    X, y = samples(64)
    for _ in range(1500):
        pipeline().close()
    with closing(pipeline()) as pipe:
        loss = pipe.step(X, y)
    pipe.close()
    tell(loss=loss)


def fails():
    """Let rank 1 fail in the middle of a step."""
    pipe = pipeline()
    if RANK == 1:
        pipe._work.gradient = None
    pipe.step(*samples(64))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
