"""What is planned for all models at once is what a plan of each model alone gives."""

import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest

import gdcore as gd
from gdcore.base.per_model import PerModel
from gdcore.layers.initializers import INITIALIZERS, Normal
from gdcore.many import initial
from gdcore.many.family import Family
from gdcore.many.fit_many import fit_many

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 3)), RNG.normal(size=(12, 2))
SEEDS = [0, 1, 1, 2**32 - 1, 2**32, 2**63 + 5, 2**64 - 1, 7]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("initializer", [*INITIALIZERS, Normal(0.5, 0.3)], ids=repr)
def test_initial_parameters_are_those_of_each_seed(initializer, dtype):
    layers = gd.Dense(3, 5, "tanh", weight_init=initializer), gd.LayerNorm(5), gd.Dense(5, 2, bias_init=initializer)
    stack = gd.Sequential(*layers, gd.Dense(2, 2, "relu"), gd.Dense(2, 1, bias=False), dtype=dtype).stack
    found = np.empty((len(SEEDS), stack.n_params), dtype)
    initial.draw_all(stack, found, SEEDS)
    for own, seed in zip(found, SEEDS, strict=True):
        np.testing.assert_array_equal(own, gd.Sequential(*stack.layers, seed=seed, dtype=dtype).params)


def test_initial_parameters_of_another_generator(monkeypatch):
    stack = gd.MLP([3, 4, 2]).stack
    draw = type(stack).draw
    monkeypatch.setattr(type(stack), "draw", lambda self, vector, seed: draw(self, vector, (seed + 3) % 2**64))
    found = np.empty((len(SEEDS), stack.n_params), np.float32)
    initial.draw_all(stack, found, SEEDS)
    for own, seed in zip(found, SEEDS, strict=True):
        wanted = np.empty(stack.n_params, np.float32)
        draw(stack, wanted, (seed + 3) % 2**64)
        np.testing.assert_array_equal(own, wanted)


@pytest.mark.parametrize("rule", gd.OPTIMIZERS, ids=lambda rule: rule.name)
def test_optimizers_of_arrays_are_the_records_of_their_entries(rule):
    rates, decays = np.linspace(0.01, 0.02, 5), [0.0, 0.1, 0.2, 0.3, 0.4]
    several = rule(rates, weight_decay=decays)
    assert several.columns is not None
    wanted = [rule(rate, weight_decay=decay) for rate, decay in zip(rates.tolist(), decays, strict=True)]
    assert [several[i] for i in range(5)] == wanted == list(several) == list(pickle.loads(pickle.dumps(several)))
    assert list(several.part(slice(1, 4))) == wanted[1:4]
    assert several == PerModel(rule, tuple(wanted), "")
    rates[0] = -1  # the records have a copy
    assert several[0] == wanted[0]


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_a_refused_entry_names_its_model(bad):
    with pytest.raises(ValueError, match="model 2: learning_rate"):
        gd.Adam(np.array([0.1, 0.2, bad, 0.3]))


RATES = np.linspace(0.01, 0.05, 6)
OPTIONS = {
    "one": {"optimizer": gd.SGD(0.01)},
    "rates": {"optimizer": gd.SGD(RATES)},
    "momenta": {"optimizer": gd.SGD(RATES, momentum=RATES * 10)},
    "momenta from 0": {"optimizer": gd.SGD(0.01, momentum=(RATES - 0.01) * 10)},
    "betas": {"optimizer": gd.Adam(RATES, (RATES * 10, 0.99))},
    "eps": {"optimizer": gd.RMSprop(RATES, eps=RATES, weight_decay=RATES[::-1])},
    "penalties": {"optimizer": gd.SGD(0.01), "l2": RATES, "l1": RATES[::-1]},
    "clipping": {"optimizer": gd.Adam(0.01), "clip_norm": RATES, "clip_value": RATES},
    "schedule": {"optimizer": gd.SGD(gd.schedules.StepDecay(0.1, 2))},
    "schedules": {"optimizer": gd.SGD(gd.schedules.StepDecay(RATES, 2, per="epoch"))},
    "batches": {"optimizer": gd.SGD(0.01), "batch_size": np.arange(1, 7)},
}


@pytest.mark.parametrize("threads", [None, 2])
@pytest.mark.parametrize("name", OPTIONS)
def test_models_are_those_of_single_plans(name, threads):
    net, options = gd.MLP([3, 4, 2], seed=3), {"batch_size": 4, "epochs": 2} | OPTIONS[name]
    many = fit_many(net, X, Y, "mse", n_models=6, threads=threads, **options)
    for i in range(6):
        own = {key: value[i].item() if isinstance(value, np.ndarray) else value for key, value in options.items()}
        if isinstance(own["optimizer"], PerModel):
            own["optimizer"] = own["optimizer"][i]
        model = gd.Sequential(*net.layers, seed=3 + i)
        history = model.fit(X, Y, loss="mse", **own)
        np.testing.assert_array_equal(many.params[i], model.params)
        assert replace(many.history(i), seconds=[]) == replace(history, seconds=[])


def test_arrays_with_an_axis_of_models_are_checked_at_once():
    own_X, own_y = RNG.normal(size=(6, 12, 3)), RNG.normal(size=(6, 12, 2))
    net, options = gd.MLP([3, 4, 2], seed=3), {"batch_size": 4, "epochs": 2, "optimizer": gd.SGD(RATES)}
    many = fit_many(net, own_X, own_y, "mse", **options)
    several = fit_many(net, list(own_X), list(own_y), "mse", **options)
    np.testing.assert_array_equal(many.params, several.params)
    own_X[4, 3, 1] = np.nan
    with pytest.raises(ValueError, match="model 4: X contains NaN in row 3"):
        fit_many(net, own_X, own_y, "mse", **options)
    with pytest.raises(ValueError, match=r"model 0: y has shape .11, 2.; expected .12, 2."):
        fit_many(net, own_X, own_y[:, 1:], "mse", **options)


def test_no_job_is_made_of_models_that_differ_in_numbers(monkeypatch):
    made = []
    monkeypatch.setattr(Family, "__getitem__", _counted(made, Family.__getitem__))
    fit_many(gd.MLP([3, 4, 2], seed=3), X, Y, "mse", optimizer=gd.SGD(np.full(700, 0.01)), epochs=2)
    assert 0 < sum(not isinstance(i, slice) for i in made) < 20


def _counted(made, of):
    def get(self, i):
        made.append(i)
        return of(self, i)

    return get


def test_planning_calls_little_python():
    """Calls of Python's functions for each of a thousand models, after a first call."""
    net, calls = gd.MLP([3, 4, 2], seed=3), [0]

    def count(frame, event, arg):
        calls[0] += event == "call"

    def fit(n):
        fit_many(net, X, Y, "mse", optimizer=gd.SGD(np.full(n, 0.01)), epochs=1)

    fit(10)
    sys.setprofile(count)
    try:
        fit(1010)
        most = calls[0]
        fit(10)
    finally:
        sys.setprofile(None)
    assert most - (calls[0] - most) < 5000


TWO = np.array([0.1, 0.2])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: gd.Adam(TWO, (0.9, 0.99), 1e-8, 0.0, False, 5), "takes 5 arguments by place"),
        (lambda: gd.SGD(TWO, learning_rate=0.3), "was given learning_rate twice"),
        (lambda: gd.SGD(TWO, 0.0, 0.0, 0.0, False, True), "takes 5 arguments by place"),
        (lambda: gd.SGD([2**64, -1]), "model 1: "),
        (lambda: gd.SGD(np.ma.array([0.1, 0.2], mask=[0, 1])), "model 1: "),
    ],
)
def test_calls_with_arrays_are_refused_as_those_with_numbers(call, says):
    with pytest.raises((TypeError, ValueError), match=says):
        call()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_initial_parameters_that_are_not_finite(dtype):
    params = np.zeros((3, 8), dtype)
    params[1, 2] = np.nan
    with pytest.raises(ValueError, match=r"params\[1\] contains NaN"):
        fit_many(gd.MLP([3, 2], dtype=dtype), X, Y, "mse", n_models=3, epochs=1, params=params)


def test_masked_seeds():
    with pytest.raises(ValueError, match="seeds is a masked array"):
        fit_many(gd.MLP([3, 2]), X, Y, "mse", seeds=np.ma.array([1, 2, 3], mask=[0, 1, 0]), epochs=1)


def test_criteria_from_a_generator():
    net = gd.MLP([3, 2], seed=0)
    many = fit_many(net, X, Y, "mse", n_models=3, epochs=5, stop=(each for each in [gd.LossThreshold(1e9)]))
    assert [len(many.history(i).loss) for i in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("per", ["epoch", "step"])
def test_a_schedule_where_rows_are_left_over(per):
    rate = gd.SGD(gd.schedules.StepDecay(0.05, 2, per=per))
    options = {"batch_size": 5, "drop_last": True, "epochs": 3, "optimizer": rate}
    many = fit_many(gd.MLP([3, 2], seed=4), X, Y, "mse", n_models=3, **options)
    net = gd.MLP([3, 2], seed=int(many.seeds[1]))
    net.fit(X, Y, "mse", **options)
    np.testing.assert_array_equal(many.params[1], net.params)
