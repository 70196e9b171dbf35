"""Means over batches and over steps: accumulated gradients and averaged parameters, as PyTorch's and by their sums."""

import importlib.util
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd
from gdcore.training.stopping.base import Memoryless, StoppingCriterion

DATA = Path(__file__).parents[1] / "recorded"
spec = importlib.util.spec_from_file_location("make_torch_averages", DATA / "make_torch_averages.py")
maker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(maker)

EPS = np.finfo(float).eps
START, X, Y = maker.draw()
OURS = {"SGD": gd.SGD, "Adam": gd.Adam}
each_average = pytest.mark.parametrize("average", [gd.Polyak(), gd.Polyak(5), gd.EMA(0.9), gd.EMA(0.5, 3)], ids=repr)


def custom_mse(outputs, y):
    return float(np.mean((outputs - y) ** 2)), 2 * (outputs - y) / outputs.size


def new_trainer(optimizer, loss="mse", dtype="float64", dropout=0.0, batch_size=maker.BATCH, **options):
    net = gd.MLP(list(maker.SIZES), "tanh", dtype=dtype, seed=0, dropout=dropout)
    net.params = START.astype(dtype)
    return gd.Trainer(net, loss, optimizer, **{"batch_size": batch_size, "shuffle": False, **options})


def accumulated(name, options, k, loss="mse"):
    optimizer = OURS[name](options["lr"], **{key: value for key, value in options.items() if key != "lr"})
    trainer = new_trainer(optimizer, loss, accumulate=k)
    trainer.fit(X, Y, epochs=maker.EPOCHS)
    assert trainer.steps_done == maker.EPOCHS * -(-len(X) // (k * maker.BATCH))
    return trainer.model.params


def averaged(call):
    trainer = new_trainer(gd.Adam(0.01), average=eval(call, vars(gd)))
    path = []
    for _ in range(maker.EPOCHS):
        for at in range(0, len(X), maker.BATCH):
            trainer.step(X[at : at + maker.BATCH], Y[at : at + maker.BATCH])
            path.append(trainer.averaged)
    by_epochs = new_trainer(gd.Adam(0.01), average=eval(call, vars(gd)))
    by_epochs.fit(X, Y, epochs=maker.EPOCHS)
    np.testing.assert_array_equal(by_epochs.averaged, path[-1])
    return np.array(path)


def assert_parity(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e4 * EPS, atol=1e3 * EPS)


@pytest.mark.parametrize("loss", ["mse", custom_mse], ids=["built-in", "custom"])
def test_recorded_cases(loss):
    with np.load(DATA / "torch_averages.npz") as recorded:
        np.testing.assert_array_equal(recorded["start"], START)
        for case, want in zip(maker.CASES, recorded["accumulated"], strict=True):
            assert_parity(accumulated(*case, loss), want)
        for call, want in zip(maker.AVERAGES, recorded["averaged"], strict=True):
            assert_parity(averaged(call), want)
    assert {type(eval(call, vars(gd))) for call in maker.AVERAGES} == set(gd.AVERAGES)


def test_live_cases():
    torch = pytest.importorskip("torch")
    for name, options, k in (("SGD", {"lr": 0.2}, 8), ("Adam", {"lr": 0.02}, 4)):
        assert_parity(accumulated(name, options, k), maker.accumulated(torch, name, options, k, START, X, Y))
    assert_parity(averaged("EMA(0.7)"), maker.averaged(torch, 0.7, 0, START, X, Y))


# accumulation


@pytest.mark.parametrize("loss", ["mse", custom_mse], ids=["compiled", "python"])
def test_dropped_rows_are_others_each_epoch(loss):
    """Also where one step sees all the batches that are left."""
    seen = []

    def noting(outputs, y):
        seen.append(y[:, 0].copy())
        return custom_mse(outputs, y)

    X, y = np.eye(10), np.arange(10.0)[:, None]
    net = gd.LinearModel(10, bias=False, weight_init="zeros", dtype="float64")
    kind = loss if isinstance(loss, str) else noting
    trainer = gd.Trainer(net, kind, gd.SGD(0.1), batch_size=4, accumulate=3, drop_last=True, seed=0)
    before, moved = net.params.copy(), np.zeros(10, np.bool_)
    for _ in range(20):
        trainer.epoch(X, y + 1)
        moved |= net.params != before
        before = net.params.copy()
    assert moved.all()
    if seen:
        assert len({tuple(batch) for batch in seen}) > 2


@pytest.mark.parametrize("loss", ["mse", custom_mse], ids=["built-in", "custom"])
@pytest.mark.parametrize("drop_last", [False, True])
def test_every_row_counts_the_same(loss, drop_last):
    """47 rows by 6 by 3: the last step has eleven, or six where the last five are dropped."""
    x, y = X[:47], Y[:47]
    twin = new_trainer(gd.Adam(0.01), l2=0.1)
    trainer = new_trainer(gd.Adam(0.01), loss, l2=0.1, accumulate=3, drop_last=drop_last)
    mean = trainer.epoch(x, y)
    stretches = [slice(0, 18), slice(18, 36), slice(36, 42 if drop_last else 47)]
    losses = [twin.step(x[stretch], y[stretch]) for stretch in stretches]
    np.testing.assert_allclose(trainer.model.params, twin.model.params, rtol=1e3 * EPS)
    assert mean == pytest.approx(np.average(losses, weights=[len(x[stretch]) for stretch in stretches]), rel=20 * EPS)


def test_a_custom_loss_sees_a_batch_at_a_time_with_a_mask_of_its_own():
    seen = []

    def loss(outputs, y):
        seen.append(outputs.copy())
        return 0.0, np.zeros_like(outputs)

    new_trainer(gd.SGD(0.1), loss, dropout=0.5, accumulate=4).epoch(np.tile(X[:6], (8, 1)), Y)
    assert [len(outputs) for outputs in seen] == [6] * 8
    different = [(one != other).any() for i, one in enumerate(seen) for other in seen[:i]]
    assert all(different)
    again = seen.copy()
    seen.clear()
    new_trainer(gd.SGD(0.1), loss, dropout=0.5, accumulate=4).epoch(np.tile(X[:6], (8, 1)), Y)
    np.testing.assert_array_equal(seen, again)


def test_accumulated_batches_take_no_more_memory():
    """Resident memory that a process of its own needs for an epoch of 200,000 rows, as one step and as many."""
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    code = (
        "import sys, numpy as np, gdcore as gd\n"
        "def resident():\n"
        "    return int(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])\n"
        "X = np.zeros((100_000, 64), 'float32'); y = np.zeros((100_000, 1), 'float32')\n"
        "X += 1; y += 1\n"
        "net = gd.MLP([64, 128, 128, 1], seed=0)\n"
        "trainer = gd.Trainer(net, 'mse', batch_size=5000, accumulate=int(sys.argv[1]), shuffle=False)\n"
        "trainer.step(X[:5000], y[:5000]); before = resident(); trainer.epoch(X, y); print(resident() - before)\n"
    )
    used = [
        int(subprocess.run([sys.executable, "-c", code, k], capture_output=True, text=True, check=True).stdout)
        for k in ("1", "20")
    ]
    activations = 100_000 * (128 + 128) * 4 / 1024
    assert used[1] < used[0] + activations / 20


# means over steps


@each_average
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_mean_is_that_of_the_parameters_after_each_step(average, dtype):
    """By its formula, in float64; before it starts the parameters themselves."""
    trainer = new_trainer(gd.SGD(0.5), dtype=dtype, average=average)
    plain = new_trainer(gd.SGD(0.5), dtype=dtype)
    want, count = None, 0
    for step in range(20):
        row = slice(step, step + 3)
        assert trainer.step(X[row], Y[row]) == plain.step(X[row], Y[row])
        np.testing.assert_array_equal(trainer.model.params, plain.model.params)
        now = plain.model.params.astype(float)
        if step >= average.start:
            count += 1
            keep = average.decay if isinstance(average, gd.EMA) else (count - 1) / count
            want = now if want is None else keep * want + (1 - keep) * now
        found = trainer.averaged
        assert found.dtype == dtype
        np.testing.assert_allclose(found, now if want is None else want, rtol=4 * np.finfo(dtype).eps, atol=20 * EPS)


def test_many_small_shares_are_not_lost():
    """A million steps of a parameter that alternates between 1 and 1 + 2^-20: float32 sums would stand still."""
    net = gd.LinearModel(1, bias=False, weight_init="ones")
    trainer = gd.Trainer(net, "mse", gd.SGD(0.5), batch_size=1, shuffle=False, average=gd.Polyak())
    X, step = np.ones((200_000, 1)), 2.0**-20
    targets = np.where(np.arange(200_000) % 2, 1.0, 1.0 + step)  # what the weight is after each step
    for _ in range(5):
        trainer.epoch(X, targets)
    assert trainer._state.mean[0] == pytest.approx(1 + step / 2, abs=1e-12)


@each_average
def test_a_mean_changes_no_bit_of_the_training(average):
    plain, told = new_trainer(gd.Adam(0.01)), new_trainer(gd.Adam(0.01), average=average)
    assert plain.fit(X, Y, epochs=3).loss == told.fit(X, Y, epochs=3).loss
    np.testing.assert_array_equal(plain.model.params, told.model.params)
    assert (told.averaged != told.model.params).any()
    copied = pickle.loads(pickle.dumps(told))
    np.testing.assert_array_equal(copied.averaged, told.averaged)
    assert copied.average == average
    assert repr(average) in repr(copied)
    assert eval(repr(average), vars(gd)) == average


def test_a_refused_step_is_not_counted():
    trainer = new_trainer(gd.SGD(0.1), average=gd.Polyak())
    trainer.step(X[:6], Y[:6])
    before = trainer.averaged
    with pytest.raises(gd.DivergedError):
        trainer.step(X[:6], np.full((6, 2), 1e300))
    np.testing.assert_array_equal(trainer.averaged, before)


def test_validation_with_the_mean():
    """Losses, metrics and what early stopping restores are then the mean's; training goes on with its own."""
    held = X[30:], Y[30:]
    options = {"epochs": 6, "validation_data": held, "metrics": "mae", "stop": gd.EarlyStopping(99)}
    trainer, twin = (new_trainer(gd.SGD(0.9), average=gd.EMA(0.8, validate=v)) for v in (True, False))
    history = trainer.fit(X[:30], Y[:30], **options)
    copy, losses, means = twin.model.copy(), [], []
    for _ in range(6):
        twin.epoch(X[:30], Y[:30])
        copy.params = twin.averaged
        means.append(twin.averaged)
        losses.append(copy.loss(*held, "mse"))
    assert history.val_loss == losses
    copy.params = means[-1]
    assert history.metrics["val_mae"][-1] == gd.metrics.MAE()(copy.predict(held[0]), held[1])
    assert history.metrics["mae"][-1] == gd.metrics.MAE()(twin.model.predict(X[:30]), Y[:30])
    np.testing.assert_array_equal(trainer.model.params, means[int(np.argmin(losses))])
    trainer.fit(X[:30], Y[:30], epochs=1)
    twin.epoch(X[:30], Y[:30])
    np.testing.assert_array_equal(trainer.model.params, twin.model.params)


@each_average
def test_a_models_fit_ends_with_the_mean(average):
    trainer = new_trainer(gd.SGD(0.9), average=average, seed=5, shuffle=True)
    want = trainer.fit(X, Y, epochs=3)
    net = new_trainer(gd.SGD(0.9)).model
    options = {"epochs": 3, "batch_size": maker.BATCH, "average": average, "seed": 5}
    history = net.fit(X, Y, loss="mse", optimizer=gd.SGD(0.9), **options)
    assert history.loss == want.loss
    np.testing.assert_array_equal(net.params, trainer.averaged)


@pytest.mark.parametrize("validate", [False, True])
@pytest.mark.parametrize("patience", [5, 99])
def test_a_criterion_brings_back_what_it_has_seen(validate, patience):
    """Whether it ends the fit or not: the best epoch's own parameters, or their mean."""
    seen = []
    options = {"stop": [gd.EarlyStopping(patience), lambda end: seen.append(end.params.copy())], "epochs": 12}
    net = new_trainer(gd.SGD(0.6)).model
    history = net.fit(
        X[:30],
        Y[:30],
        loss="mse",
        optimizer=gd.SGD(0.6),
        batch_size=maker.BATCH,
        validation_data=(X[30:], Y[30:]),
        average=gd.EMA(0.5, validate=validate),
        **options,
    )
    best = int(np.argmin(history.val_loss))
    assert 0 < best < history.epochs - 1
    np.testing.assert_array_equal(net.params, seen[best])


# the epoch's mean gradient


class Sees(StoppingCriterion):
    """Never stops; keeps each epoch's mean gradient and mean norm."""

    def __init__(self):
        self.seen = []

    def start(self, monitors, remembered=()):
        return Memoryless(lambda end: self.seen.append((end.mean_gradient(), end.gradient_norm)))

    def sums_gradients(self):
        return True

    def __repr__(self):
        return "Sees()"


def stepped(twin, numbers, **options):
    """Each batch's gradient at the parameters its step began with."""
    grads = []
    for number in numbers:
        row = slice(number * maker.BATCH, (number + 1) * maker.BATCH)
        grads.append(twin.model.loss_and_grad(X[row], Y[row], "mse", **options)[1])
        twin.step(X[row], Y[row])
    return grads


@pytest.mark.parametrize("loss", ["mse", custom_mse], ids=["built-in", "custom"])
def test_the_mean_gradient_of_an_epoch(loss):
    """Penalties included, before clipping."""
    options, sees = {"l2": 0.1, "clip_norm": 0.2}, Sees()
    trainer, twin = new_trainer(gd.Adam(0.01), loss, **options), new_trainer(gd.Adam(0.01), **options)
    trainer.fit(X, Y, epochs=3, stop=sees)
    for mean, norm in sees.seen:
        grads = stepped(twin, range(8), l2=0.1)
        np.testing.assert_allclose(mean, np.mean(grads, axis=0), rtol=1e-10, atol=1e-12)
        assert norm == pytest.approx(np.mean(np.linalg.norm(grads, axis=1)), rel=1e-10)
    assert len(sees.seen) == 3


def test_the_mean_gradient_is_of_the_epochs_steps_that_were_watched():
    """Two steps that nobody watched, two in a fit of their own, one by hand, and the rest."""
    trainer, twin, sees = new_trainer(gd.SGD(0.1)), new_trainer(gd.SGD(0.1)), Sees()
    trainer.fit(X, Y, max_steps=2)
    trainer.fit(X, Y, max_steps=2, stop=sees)
    trainer.step(X[:6], Y[:6])
    trainer.fit(X, Y, epochs=1, stop=sees)
    _, _, *watched = stepped(twin, range(4))
    stepped(twin, [0])
    watched += stepped(twin, range(4, 8))
    [(mean, _)] = sees.seen
    np.testing.assert_allclose(mean, np.mean(watched, axis=0), rtol=1e-10, atol=1e-12)


ERRORS = [
    (lambda: gd.EMA(1.0), ValueError, r"decay must be in \[0, 1\), got 1.0"),
    (lambda: gd.EMA(start=-1), ValueError, "start must be >= 0, got -1"),
    (lambda: gd.Polyak(validate=1), TypeError, "validate must be True or False, got 1"),
    (lambda: new_trainer(gd.SGD(), average="ema"), TypeError, r"average must be gdcore.Polyak\(\) or .*, got 'ema'"),
    (lambda: new_trainer(gd.SGD(), average=gd.EMA), TypeError, "average must be gdcore.Polyak"),
    (lambda: new_trainer("lbfgs", average=gd.EMA()), ValueError, "does not go with average: leave it out"),
    (lambda: new_trainer(gd.SGD()).averaged, AttributeError, "averaged needs a trainer that averages: pass average="),
]


@pytest.mark.parametrize("saved", [None, gd.EMA(), gd.EMA(0.9), gd.Polyak(), gd.Polyak(3)], ids=repr)
def test_a_state_goes_to_a_trainer_of_the_same_average(saved):
    """Another kind's mean, or another start's, would be gone on with at a wrong weight."""
    trainer = new_trainer(gd.SGD(0.1), average=saved)
    trainer.epoch(X, Y)
    for average in (None, gd.EMA(), gd.EMA(0.9), gd.Polyak(), gd.Polyak(3)):
        other = new_trainer(gd.SGD(0.1), average=average)
        before = other.state_dict()
        if average == saved:
            other.load_state_dict(trainer.state_dict())
            np.testing.assert_equal(other.state_dict(), trainer.state_dict())
            continue
        told = re.escape(f"the saved state has average {saved!r}, this trainer {average!r}: pass average={saved!r} to")
        with pytest.raises(ValueError, match=told):
            other.load_state_dict(trainer.state_dict())
        np.testing.assert_equal(other.state_dict(), before)


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[row[2][:30] for row in ERRORS])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
