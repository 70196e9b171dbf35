"""What the ranks of the tests' jobs run: program.py RANKS TASK [ARGUMENT ...]."""

import sys

from job_setup import COMM, LABELS, WEIGHT, X, Y, gd, say, squares, told
from program_faults import FAULTS


def dropout(**spread):
    net = gd.MLP([6, 16, 16, 3], dropout=0.3, seed=0)
    trainer = gd.Trainer(net, "cross_entropy", gd.Adam(0.01), batch_size=50, clip_norm=1.0, l2=1e-3, seed=1)
    options = {"validation_data": (X[:50], LABELS[:50]), "metrics": "accuracy"}
    return trainer, trainer.fit(X, LABELS, epochs=3, **options, **spread)


def weighted(**spread):
    """Steps of 20 and 5 rows, some shards empty, penalties, accumulation and an average."""
    net = gd.MLP([6, 8, 3], activation="tanh", seed=0)
    options = {"batch_size": 10, "accumulate": 2, "l1": 1e-4, "average": gd.EMA(0.9), "clip_value": 0.05}
    trainer = gd.Trainer(net, "cross_entropy", gd.SGD(0.1, momentum=0.9), seed=1, **options)
    record = ("update_ratio", "weight_norm", "layer_gradient_norm", "progressive")
    options = {"sample_weight": WEIGHT, "class_weight": "balanced", "validation_split": 0.2, "record": record}
    history = trainer.fit(X, LABELS, epochs=2, **options, **spread)
    net.params = trainer.averaged
    return trainer, history


def whole_batch(**spread):
    net = gd.MLP([6, 8, 2], activation="tanh", seed=0, dtype="float64")
    trainer = gd.Trainer(net, gd.Huber(0.5), gd.Lion(0.01), batch_size=1000, seed=1)
    return trainer, trainer.fit(X, Y, epochs=4, sample_weight=WEIGHT, **spread)


def stopped(**spread):
    net = gd.MLP([6, 8, 2], seed=0, dtype="float64")
    rate = gd.schedules.ReduceOnPlateau(0.05, patience=0, threshold=0.2)
    trainer = gd.Trainer(net, "mse", gd.RMSprop(rate), batch_size=41, seed=1)
    stop = [gd.EarlyStopping(patience=2, min_delta=0.05), gd.TimeLimit(1000)]
    return trainer, trainer.fit(X, Y, epochs=30, validation_data=(X, Y), stop=stop, **spread)


def frozen(**spread):
    net = gd.Sequential(gd.Dense(6, 8, "relu", max_norm=1.0), gd.LayerNorm(8), gd.Dense(8, 2), seed=0)
    rate = gd.schedules.Cosine(0.05, 12)
    options = {"layer_rates": {"norm0": 0, "dense1": 0.5, "dense1.bias": 2}, "drop_last": True, "shuffle": False}
    trainer = gd.Trainer(net, "mse", gd.AdamW(rate), batch_size=32, seed=1, **options)
    first = trainer.fit(X, Y, max_steps=8, **spread)  # ends within an epoch
    second = trainer.fit(X, Y, epochs=1, **spread)
    return trainer, second if first.epochs == 2 else None


def custom(**spread):
    net = gd.MLP([6, 12, 2], dropout=0.2, seed=0)
    trainer = gd.Trainer(net, squares, gd.Adagrad(0.05), batch_size=20, accumulate=2, seed=1)
    return trainer, trainer.fit(X, Y, epochs=2, **spread)


def streamed(**spread):
    net = gd.MLP([6, 8, 2], seed=0)
    trainer = gd.Trainer(net, "mse", gd.Adam(0.01), batch_size=20, seed=1)
    source = gd.data.Rows(X, Y, window_rows=60, block_rows=7)
    return trainer, trainer.fit(source, epochs=2, metrics="r2", validation_data=source, **spread)


def by_parts(**spread):
    """Epochs and steps one by one, of which a block shares the rows out."""
    net = gd.MLP([6, 16, 3], dropout=0.3, seed=0)
    trainer = gd.Trainer(net, "cross_entropy", gd.Adam(0.01), batch_size=50, seed=1)
    with gd.distributed.spread(**spread):
        trainer.epoch(X, LABELS, WEIGHT)
        trainer.step(X[:60], LABELS[:60])
    return trainer, gd.History([trainer.epoch(X, LABELS)])


def few(**spread):
    """Fewer rows than shards, and one row."""
    net = gd.MLP([6, 8, 3], seed=0)
    trainer = gd.Trainer(net, "cross_entropy", gd.Adam(0.01), batch_size=50, seed=1)
    for n in (1, 3, 17):
        history = trainer.fit(X[:n], LABELS[:n], sample_weight=WEIGHT[:n], epochs=2, **spread)
    return trainer, history


FITS = (few, by_parts, dropout, weighted, whole_batch, stopped, frozen, custom, streamed)


def bits(shards):
    say({fit.__name__: told(*fit(comm=COMM, shards=int(shards))) for fit in FITS})


def by_mpi():
    """MPI's own sum: all ranks agree, and come near the tree's."""
    net = gd.MLP([6, 16, 3], seed=0)
    history = net.fit(X, LABELS, "cross_entropy", epochs=2, seed=1, comm=COMM, reduce="mpi")
    say({"params": net.params.tolist(), "loss": history.loss})


def progress():
    gd.LinearModel(6, 2, seed=0).fit(X, Y, "mse", epochs=2, comm=COMM, progress=True)


TASKS = (bits, by_mpi, progress, *FAULTS)

if __name__ == "__main__":
    {task.__name__: task for task in TASKS}[sys.argv[2]](*sys.argv[3:])
