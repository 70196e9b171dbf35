"""Schedules: PyTorch's rates, and how they reach a trainer, a bare optimizer and a resumed run."""

import copy
import importlib.util
import pickle
import warnings
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd
from gdcore import schedules

EPS = np.finfo(float).eps
DATA = Path(__file__).parents[1] / "recorded"
spec = importlib.util.spec_from_file_location("make_torch_schedules", DATA / "make_torch_schedules.py")
maker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(maker)

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 4)), RNG.normal(size=(50, 2))
EXAMPLES = [eval(call, vars(schedules)) for call in maker.CASES]
PER_STEP = [schedule for schedule in EXAMPLES if schedule.per == "step"]
ONE_OF_EACH = list({type(schedule): schedule for schedule in EXAMPLES}.values())


def our_rates(schedule, values):
    if schedule.per != "plateau":
        return schedule.rates(0, len(values))
    state, found = schedules.PlateauState(), []
    for value in values:
        found.append(schedule(state.plateaus))
        state = schedule.observe(state, value, schedule.mode == "max")
    return np.array(found)


def assert_parity(call, rates, values):
    schedule = eval(call, vars(schedules))
    np.testing.assert_allclose(our_rates(schedule, values), rates, rtol=200 * EPS, atol=10 * EPS)


def test_recorded_rates():
    with np.load(DATA / "torch_schedules.npz") as recorded:
        assert recorded["calls"].tolist() == list(maker.CASES)
        for call, rates in zip(recorded["calls"], recorded["rates"], strict=True):
            assert_parity(str(call), rates, recorded["values"])


@pytest.mark.parametrize("call", maker.CASES)
def test_live_rates(call):
    torch = pytest.importorskip("torch")
    values = maker.draw_values() + np.random.default_rng(1).random(maker.N_STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SequentialLR calls its parts in a way that torch itself deprecates
        assert_parity(call, maker.rates(torch, call, maker.CASES[call], values), values)


def test_every_schedule_is_compared():
    assert {type(schedule) for schedule in EXAMPLES} == set(schedules.SCHEDULES)


def test_inverse_scaling_is_scikit_learns():
    """eta0 / t**power_t with t from 1; its partial sums grow and those of its squares at power 1 do not."""
    np.testing.assert_allclose(schedules.InverseScaling(0.5, 0.25).rates(0, 9), 0.5 / np.arange(1, 10) ** 0.25)


@pytest.mark.parametrize("schedule", EXAMPLES, ids=repr)
def test_records(schedule):
    assert eval(repr(schedule), vars(schedules)) == schedule
    assert fields(schedule)[0].name == "learning_rate"
    assert {field.name for field in fields(schedule)} >= ({"per"} if schedule.per == "step" else {"monitor"})
    n = schedule.horizon()
    assert 1 < n < 10000
    rates = schedule.rates(0, n + 5)
    assert rates.dtype == float
    assert (rates >= 0).all()
    assert rates.max() <= schedule.learning_rate
    assert type(schedule(3)) is float
    np.testing.assert_array_equal(schedule.rates(7, 20), [schedule(step) for step in range(7, 27)])
    with pytest.raises(AttributeError):
        schedule.learning_rate = 1.0


def test_a_cosine_stays_at_its_end_and_a_one_cycle_at_its_last_rate():
    assert schedules.Cosine(0.5, 10, 0.1)(10) == schedules.Cosine(0.5, 10, 0.1)(1000) == pytest.approx(0.1)
    assert schedules.OneCycle(0.5, 10)(9) == schedules.OneCycle(0.5, 10)(1000) == pytest.approx(0.5 / 25 / 1e4)
    assert schedules.OneCycle(0.5, 3, 0.3)(0) == 0.5  # no steps to rise in


def test_a_plateau_of_negative_values_and_nan():
    """A threshold is a share of the value's size, whatever its sign; NaN is no improvement."""
    rule, state = schedules.ReduceOnPlateau(1.0, patience=0, threshold=0.1), schedules.PlateauState()
    found = []
    for value in (np.nan, -1.0, -1.05, -1.2):
        state = rule.observe(state, value)
        found.append((state.best, state.plateaus))
    assert found == [(None, 1), (-1.0, 1), (-1.0, 2), (-1.2, 2)]


def net(dtype="float64", seed=3):
    return gd.MLP([4, 9, 2], "tanh", dropout=0.3, seed=seed, dtype=dtype)


def custom_mse(outputs, y):
    return float(np.mean((outputs - y) ** 2)), 2 * (outputs - y) / outputs.size


@pytest.mark.parametrize("optimizer", gd.OPTIMIZERS)
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("loss", ["mse", custom_mse], ids=["built-in", "custom"])
def test_each_step_has_its_rate(optimizer, drop_last, loss):
    """Setting the rate by hand before each step gives the same bits, epoch by epoch and step by step."""
    schedule = schedules.Cosine(0.05, 30, warmup=4)
    options = {"batch_size": 8, "shuffle": False, "drop_last": drop_last, "clip_norm": 0.5, "l2": 1e-3}
    trained, by_steps, by_hand = (
        gd.Trainer(net(), loss, optimizer(rate), **options) for rate in (schedule, schedule, 1.0)
    )
    for _ in range(2):
        trained.epoch(X, Y)
        assert trained.learning_rate == schedule(trained.steps_done)
        for first in range(0, 48 if drop_last else 50, 8):
            by_hand.learning_rate = schedule(by_hand.steps_done)
            by_hand.step(X[first : first + 8], Y[first : first + 8])
            by_steps.step(X[first : first + 8], Y[first : first + 8])
    np.testing.assert_array_equal(trained.model.params, by_hand.model.params)
    np.testing.assert_array_equal(by_steps.model.params, by_hand.model.params)
    np.testing.assert_array_equal(trained.optimizer_state.slots, by_hand.optimizer_state.slots)


def test_per_epoch_counts_epochs():
    history = net().fit(X, Y, loss="mse", optimizer=gd.SGD(schedules.StepDecay(0.5, 2, per="epoch")), epochs=5)
    np.testing.assert_allclose(history.learning_rate, [0.5, 0.5, 0.05, 0.05, 0.005])
    history = net().fit(X, Y, loss="mse", optimizer=gd.SGD(schedules.StepDecay(0.5, 4)), batch_size=10, epochs=3)
    np.testing.assert_allclose(history.learning_rate, [0.05, 5e-3, 5e-4])  # the rates of steps 4, 9 and 14


def test_a_fit_reduces_on_a_plateau():
    """The rates are those that the recorded losses give."""
    rule = schedules.ReduceOnPlateau(0.1, 0.5, patience=1, threshold=0.1)
    for validation, name in (((X[:9], Y[:9]), "val_loss"), (None, "loss")):
        history = net().fit(X, Y, loss="mse", optimizer=gd.SGD(rule), epochs=12, validation_data=validation)
        want = our_rates(rule, getattr(history, name))
        assert len(set(want)) > 2
        np.testing.assert_array_equal(history.learning_rate, want)


def test_a_plateau_of_a_metric():
    rule = schedules.ReduceOnPlateau(0.01, 0.5, patience=0, threshold=0.1, monitor="val_r2")
    history = net().fit(X, Y, loss="mse", optimizer=gd.SGD(rule), epochs=8, validation_data=(X, Y), metrics="r2")
    state, want = schedules.PlateauState(), []
    for value in history.metrics["val_r2"]:
        want.append(rule(state.plateaus))
        state = rule.observe(state, value, greater_is_better=True)
    assert len(set(want)) > 2
    np.testing.assert_array_equal(history.learning_rate, want)


WAYS = {
    "pickle": lambda trainer, fresh: pickle.loads(pickle.dumps(trainer)),
    "deepcopy": lambda trainer, fresh: copy.deepcopy(trainer),
    "state_dict": lambda trainer, fresh: (fresh.load_state_dict(trainer.state_dict()), fresh)[1],
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("schedule", ONE_OF_EACH, ids=repr)
def test_a_resumed_fit_goes_on_bit_for_bit_at_every_epoch(schedule, way):
    def trainer():
        return gd.Trainer(net("float32"), "mse", gd.Adam(schedule), batch_size=16)

    whole = trainer()
    want = whole.fit(X, Y, epochs=5)
    stopped, losses, rates = trainer(), [], []
    for _ in range(5):
        history = stopped.fit(X, Y, epochs=1)
        losses, rates = losses + history.loss, rates + history.learning_rate
        stopped = way(stopped, trainer())
    assert losses == want.loss
    assert rates == want.learning_rate
    assert stopped.learning_rate == whole.learning_rate
    np.testing.assert_array_equal(stopped.model.params, whole.model.params)
    np.testing.assert_array_equal(stopped.optimizer_state.slots, whole.optimizer_state.slots)


def test_a_bare_state_counts_its_steps():
    schedule = schedules.Exponential(0.5, 0.5)
    params, state = np.ones(3), gd.SGD(schedule).init(3, "float64")
    for _ in range(3):
        state.step(params, np.ones(3))
    np.testing.assert_array_equal(params, 1 - (0.5 + 0.25 + 0.125))
    done = gd.SGD(schedules.Polynomial(0.5, 1)).init(3, "float64")
    for _ in range(2):
        done.step(params, np.ones(3))  # the second at rate 0
    np.testing.assert_array_equal(params, 1 - (0.5 + 0.25 + 0.125) - 0.5)


def test_divergence_names_the_rate_of_its_step():
    data = np.ones((40, 1))
    data[29] = 1e300
    optimizer = gd.SGD(schedules.Exponential(1e-3, 0.5))
    trainer = gd.Trainer(gd.LinearModel(1, dtype="float64"), "mse", optimizer, batch_size=4, shuffle=False)
    with pytest.raises(gd.DivergedError, match=f"at learning_rate {1e-3 * 0.5**7:g};"):
        trainer.epoch(data, np.ones(40))


@pytest.mark.parametrize("schedule", ONE_OF_EACH, ids=repr)
def test_plot_draws_the_rates(schedule):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    ax = schedule.plot()
    [line] = ax.get_lines()
    n = schedule.horizon()
    np.testing.assert_array_equal(line.get_xdata(), np.arange(n))
    np.testing.assert_array_equal(line.get_ydata(), schedule.rates(0, n))
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == (schedule.per, "learning rate", repr(schedule))
    assert schedule.plot(7, ax=ax) is ax
    assert len(ax.get_lines()[1].get_xdata()) == 7
    pyplot.close("all")


def trainer(rate=0.1, **options):
    return gd.Trainer(net(**options), "mse", gd.SGD(rate))


def loaded(change, **options):
    made = trainer(**options)
    made.load_state_dict({**trainer().state_dict(), **change})


NAN = float("nan")
ERRORS = [
    (lambda: schedules.Constant(0), ValueError, "learning_rate must be > 0, got 0"),
    (lambda: schedules.Constant(0.1, per="batch"), ValueError, "per must be 'step' or 'epoch', got 'batch'"),
    (lambda: schedules.StepDecay(0.1, 0), ValueError, "step_size must be >= 1, got 0"),
    (lambda: schedules.StepDecay(0.1, 3, 1.5), ValueError, r"gamma must be in \(0, 1\], got 1.5"),
    (lambda: schedules.Exponential(0.1, 0), ValueError, r"gamma must be in \(0, 1\], got 0"),
    (lambda: schedules.Exponential(0.1, NAN), ValueError, "gamma must be finite, got nan"),
    (lambda: schedules.MultiStep(0.1, 5), TypeError, "milestones must be a tuple of integers, got 5"),
    (lambda: schedules.MultiStep(0.1, ()), TypeError, r"milestones must be a tuple of integers, got \(\)"),
    (lambda: schedules.MultiStep(0.1, (5, 5)), ValueError, r"milestones must rise, got \(5, 5\)"),
    (lambda: schedules.MultiStep(0.1, (5, 2.5)), TypeError, r"milestones\[1\] must be an integer, got 2.5"),
    (lambda: schedules.InverseScaling(0.1, -1), ValueError, "power must be > 0, got -1"),
    (lambda: schedules.Polynomial(0.1, 10, end=0.2), ValueError, r"end must be in \[0, 0.1\], got 0.2"),
    (lambda: schedules.Cosine(0.1, 0), ValueError, "period must be >= 1, got 0"),
    (lambda: schedules.Cosine(0.1, 10, warmup=-1), ValueError, "warmup must be >= 0, got -1"),
    (lambda: schedules.Cosine(0.1, 10, start_factor=0), ValueError, r"start_factor must be in \(0, 1\], got 0"),
    (lambda: schedules.Cosine(0.1, 10, restarts=1), TypeError, "restarts must be True or False, got 1"),
    (lambda: schedules.OneCycle(0.1, 1), ValueError, "total_steps must be >= 2, got 1"),
    (lambda: schedules.OneCycle(0.1, 9, 0.6, three_phase=True), ValueError, r"pct_start must be in \(0, 0.5\)"),
    (lambda: schedules.OneCycle(0.1, 9, anneal="sin"), ValueError, "anneal must be 'cos' or 'linear', got 'sin'"),
    (lambda: schedules.OneCycle(0.1, 9, div_factor=0.5), ValueError, "div_factor must be >= 1, got 0.5"),
    (lambda: schedules.ReduceOnPlateau(0.1, 1.0), ValueError, r"factor must be in \(0, 1\), got 1.0"),
    (lambda: schedules.ReduceOnPlateau(0.1, monitor=3), TypeError, "monitor must be a name, got 3"),
    (lambda: schedules.ReduceOnPlateau(0.1, mode="up"), ValueError, "mode must be 'auto' or 'min' or 'max', got 'up'"),
    (lambda: schedules.Constant(0.1).plot(0), ValueError, "n_steps must be >= 1, got 0"),
    (lambda: gd.SGD(schedules.Cosine), TypeError, r"a number or a schedule, got <class .*pass a record such as"),
    (lambda: gd.Adam(lambda step: 0.1), TypeError, "must be a number or a schedule, got <function .*such as"),
    (
        lambda: gd.SGD(schedules.ReduceOnPlateau(0.1)).init(1, "float64").step(np.ones(1), np.ones(1)),
        ValueError,
        r"step knows no losses, which ReduceOnPlateau\(0.1\) follows: pass learning_rate",
    ),
    (
        lambda: setattr(trainer(schedules.Constant(0.1)), "learning_rate", 1),
        AttributeError,
        r"learning_rate follows Constant\(0.1\) and cannot be set",
    ),
    (
        lambda: trainer(schedules.ReduceOnPlateau(0.1, monitor="val_loss")).fit(X, Y),
        ValueError,
        r"ReduceOnPlateau\(monitor='val_loss'\) needs validation data",
    ),
    (lambda: loaded({}, seed=4), ValueError, "the saved state has seed 3, this trainer 4: pass seed=3 to Trainer"),
    (lambda: loaded({}, dtype="float32"), TypeError, "the saved params has dtype float64; expected float32"),
    (lambda: loaded({"optimizer": gd.Adam().init(65).to_dict()}), ValueError, "state is of 'adam'; expected 'sgd'"),
    (lambda: trainer().load_state_dict(None), TypeError, "the saved state must be a dict that state_dict.*, got None"),
    (lambda: trainer().load_state_dict({}), ValueError, "the saved state lacks params, optimizer, epochs_done"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[row[2][:30] for row in ERRORS])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


NO_STEPS = [
    (-1, ValueError, "step must be >= 0, got -1"),
    (2**63, ValueError, "step must be <= "),
    ("3", TypeError, "step must be an integer, got '3'"),
    (2.0, TypeError, "step must be an integer, got 2.0"),
    (NAN, TypeError, "step must be an integer, got nan"),
    (None, TypeError, "step must be an integer, got None"),
    (True, TypeError, "step must be an integer, got True"),
    ([2], TypeError, "step must be an integer, got"),
]


@pytest.mark.parametrize("schedule", ONE_OF_EACH, ids=repr)
def test_what_is_no_step(schedule):
    for step, error, message in NO_STEPS:
        with pytest.raises(error, match=message):
            schedule(step)
    with pytest.raises(ValueError, match="first must be >= 0, got -1"):
        schedule.rates(-1, 3)
    assert schedule(np.int64(7)) == schedule(7)
    assert 0 <= schedule(2**62) <= schedule.learning_rate


def test_a_kernel_takes_one_rate_for_each_batch():
    made = trainer()
    before = made.model.params.copy()
    with pytest.raises(ValueError, match=r"rates has shape \(3,\); expected one for each batch"):
        made._run.epoch((X, Y, None, None), None, 10, np.ones(3))
    np.testing.assert_array_equal(made.model.params, before)
