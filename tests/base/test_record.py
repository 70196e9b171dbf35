"""Records and registries: every record goes through JSON and through its repr unchanged; a bad dict is told."""

import copy
import json
import pickle
from dataclasses import dataclass, fields, is_dataclass, replace

import numpy as np
import pytest

import gdcore as gd
from gdcore.base.record import Record, Registry
from gdcore.layers import initializers
from gdcore.layers.activations import PARAMETRIC
from gdcore.layers.layer import LAYERS
from gdcore.losses import get_loss
from gdcore.metrics import get_metric
from gdcore.optimizers import Optimizer, get_optimizer
from gdcore.optimizers.full_batch import FULL_BATCH, METHODS, get_method
from gdcore.schedules import Schedule
from gdcore.training.stopping.base import Function
from gdcore.training.stopping.registry import CRITERIA

REGISTRIES = {
    "optimizer": METHODS,
    "schedule": gd.SCHEDULES,
    "loss": gd.LOSSES,
    "metric": gd.METRICS,
    "initializer": gd.INITIALIZERS,
    "activation": PARAMETRIC,
    "layer": LAYERS,
    "stopping criterion": CRITERIA,
    "average": gd.AVERAGES,
}

NEEDED = {
    "StepDecay": {"step_size": 7},
    "MultiStep": {"milestones": (5, 9)},
    "Exponential": {"gamma": 0.5},
    "Polynomial": {"total_steps": 9},
    "Cosine": {"period": 9},
    "OneCycle": {"total_steps": 9},
    "Constant": {"value": 0.1},
    "Uniform": {"low": -1.0, "high": 2},
    "Dense": {"in_features": 3, "out_features": 4},
    "LayerNorm": {"features": 3},
    "Standardize": {"mean": (0.5, -1.0), "std": (2.0, 3.0)},
    "MinMax": {"minimum": (0.0, -1.0), "maximum": (1.0, 1.0)},
    "Log1p": {"in_features": 2},
    "ScaledTarget": {"mean": (1e6,), "std": (3,)},
    "LossThreshold": {"threshold": -0.5},
    "GradientNormThreshold": {"threshold": 1e-6},
    "RelativeChange": {"tol": 1e-3},
    "TimeLimit": {"seconds": 60},
}
"""Values for the fields without a default."""

CHANGES = {
    "learning_rate": 0.25, "betas": (0.5, 0.75), "eps": 1e-3, "weight_decay": 0.125, "amsgrad": True, "momentum": 0.5,
    "momentum_decay": 0.5, "decoupled_weight_decay": True, "dampening": 0.0, "nesterov": True, "alpha": 0.5,
    "centered": True, "rho": 0.5, "lr_decay": 0.5, "initial_accumulator_value": 0.5, "memory": 3, "ftol": 0, "gtol": 1,
    "per": "epoch", "step_size": 3, "gamma": 0.75, "milestones": (2, 3), "power": 2, "total_steps": 20, "end": 0.125,
    "period": 20, "warmup": 3, "start_factor": 0.5, "restarts": True, "period_factor": 2, "pct_start": 0.25,
    "anneal": "linear", "div_factor": 5.0, "final_div_factor": 10, "three_phase": True, "factor": 0.5, "patience": 3,
    "threshold": 0.5, "threshold_mode": "abs", "cooldown": 2, "min_rate": 1e-3, "monitor": "val_loss", "mode": "max",
    "delta": 0.5, "q": 0.75, "label_smoothing": 0.1, "k": 3, "value": -2, "std": 0.5, "mean": 0.25, "low": -2,
    "high": 3.0, "gain": 2, "slope": -0.2, "in_features": 5, "out_features": 6, "activation": "tanh", "bias": False,
    "weight_init": "he_uniform", "bias_init": "ones", "l1": 1e-3, "l2": 0.5, "max_norm": 3, "rate": 0.25,
    "minimum": (-2.0, -3.0), "maximum": (2.0, 3.0), "min_delta": 0.5, "restore_best": False, "of": "epoch", "tol": 0.5,
    "n_epochs": 3, "seconds": 0.5, "decay": 0.75, "start": 4, "validate": True, "features": 6, "epsilon": 0.5,
    "cumulative_l1": False,
}  # fmt: skip
"""Another value for every field of every record."""


def default(kind):
    """A record with nothing but what it needs."""
    needed = dict(NEEDED.get(kind.__name__, {}))
    if issubclass(kind, Schedule):
        needed = {"learning_rate": 0.5, **{name: value for name, value in needed.items() if name != "value"}}
    return kind(**needed)


def changed(kind):
    """A record all of whose fields have another value."""
    values = {field.name: CHANGES[field.name] for field in fields(kind)}
    if kind.name in ("standardize", "scaled_target"):
        values = {"mean": (1, 2.5, -3.0, 4.0, 5.0), "std": (1.0, 2.0, 3.0, 4.0, 1e300)}
    return kind(**values)


KINDS = [(what, kind) for what, registry in REGISTRIES.items() for kind in registry.kinds().values()]
each_kind = pytest.mark.parametrize(("what", "kind"), KINDS, ids=[kind.__name__ for _, kind in KINDS])

NESTED = [
    ("optimizer", gd.Adam(gd.schedules.Cosine(0.5, 10, warmup=2))),
    ("optimizer", gd.SGD(gd.schedules.MultiStep(0.5, (10, 15)), momentum=0.5)),
    ("optimizer", gd.SGD(gd.schedules.ReduceOnPlateau(0.5, patience=3))),
    ("optimizer", gd.SGD(0.5, weight_decay=0.125, cumulative_l1=True)),
    ("layer", gd.Dense(2, 3, gd.LeakyReLU(0.2), weight_init=gd.Orthogonal(2.0), bias_init=gd.Constant(0.5), l1=0.5)),
    ("layer", gd.Dense(2, 3, "ReLU", weight_init=gd.Zeros())),
    ("layer", gd.Standardize((0.1 + 0.2, 5e-324), (1e308, 1 / 3))),
    ("initializer", gd.Uniform(-0.1, 0.1)),
    ("schedule", gd.schedules.Constant(1 / 3)),
]
RECORDS = [(what, made(kind)) for what, kind in KINDS for made in (default, changed)] + NESTED
each_record = pytest.mark.parametrize(("what", "record"), RECORDS, ids=[repr(record)[:60] for _, record in RECORDS])


@each_kind
def test_every_field_has_another_value_here(what, kind):
    names = [field.name for field in fields(kind)]
    same = [name for name in names if getattr(default(kind), name) == getattr(changed(kind), name)]
    assert set(same) <= {"dampening", "cumulative_l1"}  # nesterov and momentum exclude them
    assert "kind" not in names


@each_record
def test_a_record_goes_through_json(what, record):
    registry = REGISTRIES[what]
    saved = record.to_dict()
    assert saved == registry.to_dict(record)
    assert saved["kind"] == record.name
    again = registry.from_dict(json.loads(json.dumps(saved)))
    assert again == record
    assert type(again) is type(record)
    assert repr(again) == repr(record)
    assert again.to_dict() == saved


@each_record
def test_the_repr_is_the_call(what, record):
    if any(isinstance(value, tuple) and len(value) > 4 for value in vars(record).values()):
        pytest.skip("many columns are shown as their number")
    known = vars(gd.schedules) if what == "schedule" else {**vars(gd.schedules), **vars(gd.metrics), **vars(gd)}
    names = {name: getattr(gd, name) for name in gd.__all__ if what != "schedule"}
    names |= vars(initializers) if what in ("layer", "initializer") else {}
    assert eval(repr(record), {**known, **names}) == record


def test_the_repr_shows_what_differs():
    cases = {
        gd.Adam(): "Adam(0.001)",
        gd.Huber(): "Huber()",
        gd.EMA(0.9): "EMA(decay=0.9)",
        gd.Dropout(): "Dropout(0.5)",
        gd.Dense(2, 3): "Dense(2, 3)",
        gd.Dense(2, 3, bias=False): "Dense(2, 3, bias=False)",
        gd.Dense(2, 3, "relu", l2=0.5): "Dense(2, 3, 'relu', l2=0.5)",
        gd.Log1p(3): "Log1p(in_features=3)",
        gd.Standardize((1.0,) * 5, (1.0,) * 5): "Standardize(mean=<5 numbers>, std=<5 numbers>)",
        gd.MinMax((0.0,), (1.0,), high=np.float64(2.0)): "MinMax(minimum=(0.0,), maximum=(1.0,), high=2.0)",
        gd.GradientNormThreshold(0.5): "GradientNormThreshold(0.5, of='full')",
        gd.Zeros(): "Zeros()",
        gd.Normal(0.5): "Normal(std=0.5)",
    }
    assert {record: repr(record) for record in cases} == cases


def test_every_name_stands_once():
    for what, registry in REGISTRIES.items():
        names = [name for kind in registry.kinds().values() for name in (kind.name, *kind.aliases)]
        assert len(names) == len(set(names)), what
        assert all(issubclass(kind, Record) and is_dataclass(kind) for kind in registry.kinds().values())


def test_public_records_are_in_a_registry():
    public = {value for value in map(gd.__dict__.get, gd.__all__) if isinstance(value, type)}
    public |= {getattr(gd, name) for name in gd.__all__ if isinstance(getattr(gd, name), type)}
    assert {kind for kind in public if issubclass(kind, Record)} <= {kind for _, kind in KINDS}


def test_numpy_numbers_become_pythons():
    saved = gd.Adam(np.float32(0.5), betas=(np.float64(0.5), 0.25)).to_dict()
    assert type(saved["learning_rate"]) is float
    assert [type(beta) for beta in saved["betas"]] == [float, float]
    layer = gd.Dense(np.int64(3), 2)
    assert type(layer.to_dict()["in_features"]) is int
    assert LAYERS.from_dict(layer.to_dict()) == layer


@pytest.mark.parametrize(("what", "kind"), KINDS, ids=[kind.__name__ for _, kind in KINDS])
def test_fields_are_neither_left_out_nor_invented(what, kind):
    saved = default(kind).to_dict()
    for name in saved:
        less = {key: value for key, value in saved.items() if key != name}
        with pytest.raises(ValueError, match=f"the saved {what} .*lacks {name}"):
            REGISTRIES[what].from_dict(less)
    with pytest.raises(ValueError, match=f"the saved {what} '{kind.name}' has no field 'colour'"):
        REGISTRIES[what].from_dict({**saved, "colour": 1})


def test_fields_that_came_later_are_saved_where_they_differ():
    assert "cumulative_l1" not in gd.SGD(0.5).to_dict()
    saved = gd.SGD(0.5, cumulative_l1=True).to_dict()
    assert saved.pop("cumulative_l1") is True
    assert gd.OPTIMIZERS.from_dict(saved) == gd.SGD(0.5)
    with pytest.raises(TypeError, match="cumulative_l1 must be True or False"):
        gd.OPTIMIZERS.from_dict({**saved, "cumulative_l1": "absurd"})


@each_kind
def test_the_records_own_checks_see_every_value(what, kind):
    saved = default(kind).to_dict()
    for name in [name for name in saved if name != "kind"]:
        for wrong in ({"kind": "nothing"}, [[]], "absurd"):
            if (name, wrong) == ("monitor", "absurd"):  # the name of a metric, which the fit checks
                continue
            with pytest.raises((TypeError, ValueError)):
                REGISTRIES[what].from_dict({**saved, name: wrong})


def unsaved(function=print):
    return gd.metrics.get_metric(function, "shown")


ADAM, DENSE = gd.Adam().to_dict(), gd.Dense(2, 3).to_dict()
ERRORS = [
    (
        lambda: gd.LOSSES.from_dict("huber"),
        TypeError,
        "a saved loss must be a dict, got 'huber': pass to_dict()'s ",
    ),
    (
        lambda: gd.LOSSES.from_dict({"delta": 1}),
        ValueError,
        "the saved loss lacks kind: save all that to_dict() ",
    ),
    (
        lambda: gd.METRICS.from_dict({"kind": "top_kk", "k": 1}),
        ValueError,
        "unknown kind of metric 'top_kk'; known: accuracy, binary_accuracy, top_k, mae, r2; did you mean 'top_k'?",
    ),
    (
        lambda: gd.LOSSES.from_dict({"kind": "mse"}),
        ValueError,
        "unknown kind of loss 'mse'; known: mean_squared_",
    ),
    (
        lambda: gd.AVERAGES.from_dict({"kind": ["ema"]}),
        ValueError,
        "unknown kind of average ['ema']; known: polyak",
    ),
    (
        lambda: gd.LOSSES.from_dict({"kind": "huber", "delta": 1.0, "detla": 2.0}),
        ValueError,
        "the saved loss 'huber' has no field 'detla'; did you mean 'delta'?",
    ),
    (
        lambda: gd.LOSSES.from_dict({"kind": "huber", "delta": 1.0, "x": 2.0}),
        ValueError,
        "the saved loss 'huber' has no field 'x'; leave it out",
    ),
    (lambda: METHODS.from_dict({**ADAM, "eps": -1}), ValueError, "eps must be >= 0, got -1"),
    (lambda: METHODS.from_dict({**ADAM, "betas": 0.9}), TypeError, "betas must be a tuple of two numbers, got 0.9"),
    (lambda: METHODS.from_dict({**ADAM, "amsgrad": 1}), TypeError, "amsgrad must be True or False, got 1"),
    (
        lambda: METHODS.from_dict({**ADAM, "learning_rate": {"kind": "cosin"}}),
        ValueError,
        "unknown kind of schedule 'cosin'; known: constant, ",
    ),
    (
        lambda: METHODS.from_dict({**ADAM, "learning_rate": {"kind": "cosine"}}),
        ValueError,
        "the saved schedule 'cosine' lacks learning_rate, period, ",
    ),
    (
        lambda: LAYERS.from_dict({**DENSE, "activation": "rleu"}),
        ValueError,
        "unknown activation 'rleu'; known: ident",
    ),
    (
        lambda: LAYERS.from_dict({**DENSE, "weight_init": {"kind": "adam"}}),
        ValueError,
        "unknown kind of initializer 'adam'; known: zeros, ",
    ),
    (
        lambda: gd.METRICS.to_dict(unsaved()),
        TypeError,
        "metric must be one of gdcore's own records to become a dict, got ",
    ),
    (
        lambda: unsaved().to_dict(),
        TypeError,
        "function of CustomMetric is <built-in function print>, which a dict",
    ),
    (
        lambda: Function(len).to_dict(),
        TypeError,
        "function of Function is <built-in function len>, which a dict",
    ),
    (
        lambda: gd.LOSSES.to_dict(len),
        TypeError,
        "loss must be one of gdcore's own records to become a dict, got <built-in function len>: pass it again",
    ),
    (
        lambda: gd.LOSSES.to_dict(gd.Adam()),
        TypeError,
        "loss must be one of gdcore's own records to become a dict, got ",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[row[2][:50] for row in ERRORS])
def test_errors(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_record_of_ones_own_is_not_saved():
    @dataclass(frozen=True, repr=False)
    class Mine(Schedule):
        name = "constant"
        per = "step"

        def formula(self, step):
            return 1.0

        def horizon(self):
            return 1

    with pytest.raises(TypeError, match="schedule must be one of gdcore's own records"):
        gd.SGD(Mine()).to_dict()


@pytest.mark.parametrize("registry", [*REGISTRIES.values(), gd.ACTIVATIONS, gd.OPTIMIZERS, FULL_BATCH])
def test_a_registry_is_a_tuple(registry):
    assert isinstance(registry, tuple)
    for again in (pickle.loads(pickle.dumps(registry)), copy.deepcopy(registry), copy.copy(registry)):
        assert type(again) is Registry
        assert again == registry
        assert list(again.by_name) == list(registry.by_name)
    for name, row in registry.by_name.items():
        assert registry.find(name) is registry.find(name.upper()) is row


def test_one_look_up_answers_everywhere():
    for look_up, what in ((get_optimizer, "optimizer"), (get_method, "optimizer"), (get_loss, "loss")):
        with pytest.raises(ValueError, match=f"unknown {what} 'xyz'; known: "):
            look_up("xyz")
        with pytest.raises(TypeError, match=f"{what} must be a name or a record, got 3; names: "):
            look_up(3)
    with pytest.raises(ValueError, match=r"unknown metric 'acuracy'; known: .*; did you mean 'accuracy'"):
        get_metric("acuracy")


@pytest.mark.parametrize("optimizer", gd.OPTIMIZERS)
def test_an_optimizer_hands_over_all_but_the_rate(optimizer):
    record = changed(optimizer)
    flat = np.concatenate([np.atleast_1d(getattr(record, field.name)) for field in fields(record)[1:]])
    np.testing.assert_array_equal(record.hyper(), flat)
    assert isinstance(record, Optimizer)
    scheduled = replace(record, learning_rate=gd.schedules.Constant(0.5))
    assert scheduled.hyper() == record.hyper()


def test_a_loss_hands_over_its_number():
    options = {loss.name: changed(loss).option() for loss in gd.LOSSES if fields(loss)}
    epsilons = dict.fromkeys(("epsilon_insensitive", "squared_epsilon_insensitive"), 0.5)
    assert options == {"huber": 0.5, "quantile": 0.75, "cross_entropy": 0.1, **epsilons}
    assert {loss().option() for loss in gd.LOSSES if not fields(loss)} == {0.0}
