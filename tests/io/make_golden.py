"""Write the golden files of the present format version: `python tests/io/make_golden.py`.

They are made once for each version, when it is released, and stay: every later gdcore must read them. The parameters of
the models are chosen, not trained, so that all machines agree on them.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

import gdcore as gd
import gdcore.tables
from gdcore import schedules
from gdcore.io.container import VERSION

GOLDEN = Path(__file__).parent / "golden"


def filled(net):
    net.params = np.linspace(-1, 1, net.n_params)
    return net


def own_loss(outputs, y):
    return float(((outputs - y) ** 2).mean()), 2 * (outputs - y) / y.size


def models():
    """Every kind of layer, initializer and activation."""
    yield "linear", filled(gd.LinearModel(3, seed=7))
    scale = gd.Standardize((0.5,) * 20, tuple(1.0 + i for i in range(20)))
    layers = [gd.Dense(20, 3, "tanh", l1=0.1, l2=0.2, max_norm=3.0), gd.Dropout(0.25), gd.Dense(3, 2, bias=False)]
    yield "scaled", filled(gd.Sequential(scale, *layers, gd.ScaledTarget((1e6, 2e6), (1e5, 1e-5)), dtype="float64"))
    inputs = gd.Log1p(2), gd.MinMax((0.0, 0.0), (1.0, 9.0), low=-1.0)
    names = [row.name for row in gd.ACTIVATIONS]
    deep = [gd.Dense(2, 2, name) for name in [*names, gd.LeakyReLU(0.3)]]
    deep += [gd.Dense(2, 2, weight_init=init, bias_init=init) for init in gd.INITIALIZERS]
    yield "deep", filled(gd.Sequential(*inputs, *deep, seed=2**64 - 1))


def trainers():
    """Every optimizer and schedule, and a place within an epoch."""
    rates = [
        schedules.Constant(0.1),
        schedules.StepDecay(0.1, 5),
        schedules.MultiStep(0.1, tuple(range(1, 30))),
        schedules.Exponential(0.1, 0.9),
        schedules.InverseScaling(0.1),
        schedules.Polynomial(0.1, 30),
        schedules.Cosine(0.1, 30, warmup=3),
        schedules.OneCycle(0.1, 1000),
        schedules.ReduceOnPlateau(0.1, patience=1),
        0.25,
    ]
    X, y = np.linspace(-1, 1, 30).reshape(10, 3), np.linspace(0, 1, 10)
    losses = [kind() for kind in gd.LOSSES if kind.target == "real"]
    for i, (kind, rate) in enumerate(zip(gd.OPTIMIZERS, rates, strict=True)):
        average = (None, gd.Polyak(2), gd.EMA(0.9))[i % 3]
        net = filled(gd.LinearModel(3, seed=i))
        trainer = gd.Trainer(net, losses[i % len(losses)], kind(rate), batch_size=4, average=average, clip_norm=1.0)
        stop = gd.EarlyStopping(50), gd.RelativeChange(1e-9, 30)
        trainer.fit(X, y, max_steps=8, validation_data=(X, y), stop=stop)
        yield kind.__name__.lower(), trainer
    custom = gd.Trainer(filled(gd.LinearModel(3, seed=0)), own_loss, layer_rates={"dense0": 0.5}, l1=0.1)
    yield "custom", custom


HISTORY = gd.History(
    loss=[0.5, 0.25],
    val_loss=[0.75, float("inf")],
    seconds=[0.1, 0.2],
    stop_reason="all 2 epochs were run",
    metrics={"r2": [0.5, float("nan")]},
    learning_rate=[0.1, 0.1],
    clipped_steps=[1, 2],
)


def many_models():
    """Models of one size in float64, of two sizes, and of groups, with histories that are chosen."""
    X, y = np.linspace(-1, 1, 24).reshape(12, 2), np.linspace(0, 1, 12)
    line, net = gd.LinearModel(2, seed=0), gd.MLP([2, 3, 1], activation="tanh", dropout=0.25, seed=1)
    wide = gd.LinearModel(2, seed=5, dtype="float64")
    levels = gd.Quantile([0.1, 0.5, 0.9])
    yield "same", gd.fit_many(wide, X, y, levels, epochs=2, validation_data=(X, y), metrics="mae")
    yield "sizes", gd.fit_many([line, net, line], X, y, "mse", seeds=[3, 2**64 - 1, 4], epochs=3)
    places = ["north", "south", "west"] * 4
    yield "groups", gd.fit_many(net, X, y, "huber", groups=places, dropout=[0.1, 0.2, 0.3], epochs=1)


def chosen(many):
    """Many models whose parameters and histories all machines agree on."""
    many.vector[:] = np.linspace(-1, 1, len(many.vector))
    for i, column in enumerate(many.columns.values()):
        column[:] = np.arange(column.size).reshape(column.shape) + i / 8
    many.records.diverged[-1] = True
    many.records.stop_reasons[0] = "the training loss stopped falling"
    return many


def table_models():
    """A regression with every kind of column, and a classification of texts."""
    columns = {
        "size": [40.0, 60.0, None, 100.0, 120.0, 140.0, 160.0, 180.0, 200.0, 220.0],
        "place": ["by the sea", "in town"] * 5,
        "built": [f"{1990 + i}-0{i % 9 + 1}-15" for i in range(10)],
        "price": [110.0 + 25 * i for i in range(10)],
        "kind": ["flat", "house", "house", "flat", "hut"] * 2,
    }
    table = gd.tables.Table.from_columns(columns)
    for target in ("price", "kind"):
        settings = gd.tables.Settings(hidden=(3,), rate=0.01, epochs=2, impute=True, validation=0)
        model = gd.tables.train(table, target, settings)
        filled(model.net)
        for name in ("seconds", "loss", "learning_rate", "gradient_norm", "clipped_steps"):
            getattr(model.history, name)[:] = [1, 2]
        model.history.loss_name = ""  # which the files of version 1 lack
        yield target, replace(model, baseline=1.0, facts=halves(model.facts)), table


def halves(value):
    """Facts with 0.5 for each number that a training has found."""
    if isinstance(value, dict):
        return {name: halves(entry) for name, entry in value.items()}
    return 0.5 if isinstance(value, float) else value


def told(state, path=""):
    """The entries of a state by their places: an array as its type, shape and bytes, anything else as its repr."""
    if isinstance(state, np.ndarray):
        return {path: f"{state.dtype.name} {state.shape} {state.tobytes().hex()}"}
    inner = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, tuple | list) else None
    if inner is None:
        return {path: repr(state)}
    return {name: value for key, part in inner for name, value in told(part, f"{path}/{key}").items()}


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, model in models():
        model.save(GOLDEN / f"v{VERSION}_model_{name}.gdc")
    for name, many in many_models():
        chosen(many).save(GOLDEN / f"v{VERSION}_many_{name}.gdc")
    for name, model, _ in table_models():
        gd.save(model, GOLDEN / f"v{VERSION}_table_{name}.gdc")
    states = {}
    for name, trainer in trainers():
        trainer.save(GOLDEN / f"v{VERSION}_trainer_{name}.gdc", history=HISTORY)
        states[name] = told(trainer.state_dict())
    (GOLDEN / f"v{VERSION}_states.json").write_text(json.dumps(states, indent=1) + "\n", encoding="utf-8")
