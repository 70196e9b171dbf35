"""An epoch of arrays that the kernels take is what it is by the longer way, to the bit, and so are its errors."""

import re
import signal
import threading
import time

import numpy as np
import pytest

import gdcore as gd
from gdcore.training import trainer as trainer_module

ROWS = 50


class Longer(np.ndarray):
    """An array that takes the longer way, for Python to look at it."""


def trained(loss, X, y, **options):
    """Three epochs; returns parameters, losses and counters."""
    net = gd.MLP([4, 9, 3], "tanh", dtype="float32", seed=2, dropout=options.pop("dropout", 0.0))
    trainer = gd.Trainer(net, loss, "adam", **options)
    losses = [trainer.epoch(X, y) for _ in range(3)]
    return net.params, losses, (trainer.epochs_done, trainer.steps_done)


def problem(loss, dtype="float32"):
    rng = np.random.default_rng(3)
    X, targets = rng.normal(size=(ROWS, 4)).astype(dtype), rng.normal(size=(ROWS, 3)).astype(dtype)
    return X, rng.integers(0, 3, ROWS) if loss == "cross_entropy" else targets


def spoiled(array, number):
    """A copy with one other number."""
    array = array.copy()
    array[7, 2] = number
    return array


@pytest.fixture
def quick(monkeypatch):
    """What the short way returned, call by call."""
    found = []

    def noted(*given):
        found.append("raised")
        found[-1] = trainer_module_quick(*given)
        return found[-1]

    trainer_module_quick = trainer_module.quick_epoch
    monkeypatch.setattr(trainer_module, "quick_epoch", noted)
    return found


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shuffle": False},
        {"batch_size": 7, "accumulate": 2},
        {"batch_size": 64},
        {"batch_size": 1, "clip_norm": 0.5},
        {"batch_size": 16, "dropout": 0.3, "average": gd.Polyak()},
    ],
    ids=str,
)
def test_it_is_the_longer_way_to_the_bit(isa, quick, loss, options):
    X, y = problem(loss)
    params, losses, counters = trained(loss, X, y, **options)
    assert quick == losses
    expected, expected_losses, expected_counters = trained(loss, X.view(Longer), y, **options)
    assert len(quick) == 3
    np.testing.assert_array_equal(params, expected)
    assert (losses, counters) == (expected_losses, expected_counters)


@pytest.mark.parametrize(
    "turned",
    [
        lambda X, y: (X.astype("float64"), y),
        lambda X, y: (np.asfortranarray(X), y),
        lambda X, y: (np.repeat(X, 2, axis=1)[:, ::2], y[:, None].repeat(2, axis=1)[:, 0]),
        lambda X, y: (X, y.astype("int32") if y.dtype.kind == "i" else y.astype("float64")),
    ],
    ids=["float64", "fortran", "strided", "targets"],
)
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_other_formats_train_as_their_copies(quick, loss, turned):
    X, y = problem(loss)
    expected = trained(loss, X, y)
    found = trained(loss, *turned(X, y))
    np.testing.assert_array_equal(found[0], expected[0])
    assert None not in quick
    assert found[1:] == expected[1:]


@pytest.mark.parametrize(
    ("loss", "spoil", "message"),
    [
        ("mse", lambda X, y: (X[:, :3], y), "features"),
        ("mse", lambda X, y: (spoiled(X, np.nan), y), "NaN"),
        ("mse", lambda X, y: (X, spoiled(y, np.inf)), "infinity"),
        ("mse", lambda X, y: (X, y[:9]), "expected (50, 3)"),
        ("mse", lambda X, y: (X[:0], y[:0]), "row"),
        ("mse", lambda X, y: (X.astype("float64") * 1e39, y), "X"),
        ("cross_entropy", lambda X, y: (X, y + 1), "label 3 in row"),
        ("cross_entropy", lambda X, y: (X, y + 0.5), "float64"),
    ],
)
def test_bad_data_change_nothing_and_are_explained_alike(quick, loss, spoil, message):
    net = gd.MLP([4, 9, 3], "tanh", dtype="float32", seed=2)
    trainer = gd.Trainer(net, loss, gd.Adam(), seed=1)
    X, y = problem(loss)
    trainer.epoch(X, y)
    before = trainer.state_dict()
    X, y = spoil(X, y)
    with pytest.raises((TypeError, ValueError), match=re.escape(message)) as found:
        trainer.epoch(X, y)
    with pytest.raises((TypeError, ValueError)) as longer:
        trainer.epoch(X.view(Longer), y)
    assert (found.type, str(found.value)) == (longer.type, str(longer.value))
    assert quick[1:] == [None]
    for name, value in trainer.state_dict().items():
        np.testing.assert_equal(value, before[name])


@pytest.mark.parametrize(
    ("loss", "targets", "remedy"),
    [
        ("binary_cross_entropy", [-1, 1], ": pass (y + 1) / 2"),
        ("binary_cross_entropy", [-1], ": pass (y + 1) / 2"),
        ("binary_cross_entropy", [1, 2], ": pass np.equal(y, 2)"),
        ("binary_cross_entropy", [0, 0.5, 3], ""),
        ("hinge", [0, 1], ": pass 2 * y - 1"),
        ("hinge", [0], ": pass 2 * y - 1"),
        ("hinge", [1, 2], ": pass np.where(np.equal(y, 2), 1, -1)"),
        ("hinge", [2], ""),
        ("hinge", [-1, 0, 1], ""),
    ],
)
def test_targets_of_two_other_classes(loss, targets, remedy):
    """What the message says makes targets that the loss takes."""
    trainer = gd.Trainer(gd.LinearModel(4), loss, gd.SGD(0.1))
    X, y = np.ones((6, 4), "float32"), np.resize(np.array(targets, "float32"), 6)
    with pytest.raises(ValueError, match="targets of this loss must be") as found:
        trainer.epoch(X, y)
    if not remedy:
        assert ": pass" not in str(found.value)
        return
    assert str(found.value).endswith(remedy)
    trainer.epoch(X, eval(remedy.removeprefix(": pass "), {"y": y, "np": np}))


def test_labels_need_an_output_for_each_class(quick):
    trainer = gd.Trainer(gd.MLP([4, 3, 1], "tanh", seed=2), "cross_entropy", gd.SGD(0.1))
    X, y = np.ones((6, 4), "float32"), np.zeros(6, int)
    for call in (trainer.step, trainer.epoch):
        with pytest.raises(ValueError, match="an output per class"):
            call(X, y)
    assert quick == []


class Late(ValueError):
    """What a signal's handler raises: a ValueError, as that of an array that does not fit."""


@pytest.mark.parametrize(("rows", "seconds"), [(200_000, 0.02), (300, 0.0003)], ids=["within", "at the end"])
@pytest.mark.parametrize("name", ["step", "epoch", "predict"])
def test_what_a_signals_handler_raises_is_not_taken_for_data_that_do_not_fit(name, rows, seconds):
    """It reaches the caller, and nothing is done twice."""
    X, y = np.zeros((rows, 8), "float32"), np.zeros(rows, "float32")
    model = gd.LinearModel(8, seed=0)
    trainer = gd.Trainer(model, "binary_cross_entropy", gd.SGD(0.1), batch_size=8)
    calls = {
        "step": lambda: trainer.step(X, y),
        "epoch": lambda: trainer.epoch(X, y),
        "predict": lambda: model.predict(X),
    }
    made = sent = caught = 0

    def late(*_):
        nonlocal sent
        sent += 1
        raise Late

    def call_until_late():
        # A function of its own: from Python 3.12 on, `try` does not cover the jump back of a `while` that ends it.
        nonlocal made
        signal.setitimer(signal.ITIMER_REAL, seconds)
        end = time.monotonic() + 4 * seconds
        while time.monotonic() < end:
            made += 1
            calls[name]()

    before = signal.signal(signal.SIGALRM, late)
    try:
        for _ in range(20):
            trainer = gd.Trainer(model, "binary_cross_entropy", gd.SGD(0.1), batch_size=8)
            try:
                call_until_late()
            except Late:
                caught += 1
            most = made if name == "step" else made * -(-rows // 8)
            made = 0
            assert trainer.steps_done <= most
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert caught == sent > 0


@pytest.mark.parametrize(
    ("loss", "good", "bad"),
    [
        ("poisson", [0.0, 3.5], [-1e-30, np.nan, np.inf]),
        ("binary_cross_entropy", [0.0, 0.3, 1.0], [-1e-30, 1.0001, np.nan]),
        ("hinge", [-1.0, 1.0], [0.0, 0.999, 2.0, np.nan]),
    ],
)
def test_targets_outside_a_losss_range(isa, quick, loss, good, bad):
    """Python need not look at the good ones; of the bad ones steps and epochs say what the longer way says."""
    X = np.ones((9, 4), "float32")
    trainer = gd.Trainer(gd.LinearModel(4), loss, gd.SGD(0.1), batch_size=4)
    y = np.resize(np.array(good, "float32"), 9)
    trainer.epoch(X, y)
    assert quick[0] is not None
    trainer._state.take = None  # what Python would look at them with
    trainer.step(X, y)
    del trainer._state.take
    for number in bad:
        y[8] = number
        before, messages = trainer.model.params.copy(), []
        for call in (trainer.step, trainer.epoch):
            for given in (X, X.view(Longer)):
                with pytest.raises(ValueError, match=r"y (has|contains)") as found:
                    call(given, y)
                messages.append(str(found.value))
        assert len(set(messages)) == 1
        np.testing.assert_array_equal(trainer.model.params, before)


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_refused_step_is_explained_as_by_the_longer_way(quick, shuffle):
    X, y = problem("mse")
    X[33] = 1e30
    errors = []
    for data in (X, X.view(Longer)):
        net = gd.MLP([4, 9, 3], "relu", dtype="float32", seed=2)
        trainer = gd.Trainer(net, "mse", gd.SGD(0.1), batch_size=8, shuffle=shuffle, seed=4)
        with pytest.raises(gd.DivergedError) as found:
            trainer.epoch(data, y)
        errors.append((str(found.value), found.value.batch, found.value.step, trainer.steps_done, net.params.tolist()))
        assert np.isfinite(net.params).all()
    assert errors[0] == errors[1]
    assert quick == ["raised"]


def test_the_rest_of_an_interrupted_epoch_comes_first():
    X, y = problem("mse")
    results = []
    for data in (X, X.view(Longer)):
        net = gd.MLP([4, 9, 3], "tanh", dtype="float32", seed=2)
        trainer = gd.Trainer(net, "mse", "adam", batch_size=8)
        trainer.fit(data, y, max_steps=3)
        results.append(([trainer.epoch(data, y) for _ in range(2)], trainer.steps_done, net.params.tolist()))
    assert results[0] == results[1]
    assert results[0][1] == 14


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (lambda: gd.MLP([4, 9, 3], "tanh", seed=2), {"drop_last": True}),
        (lambda: gd.MLP([4, 9, 3], "tanh", seed=2), {"optimizer": gd.SGD(gd.schedules.Exponential(0.1, 0.9))}),
        (lambda: gd.Sequential(gd.Log1p(4), gd.Dense(4, 3), seed=2), {}),
    ],
    ids=["drop_last", "schedule", "log1p"],
)
def test_what_the_short_way_does_not_know_takes_the_longer_one(quick, model, options):
    X, y = problem("mse")
    trainer = gd.Trainer(model(), "mse", batch_size=16, **options)
    trainer.epoch(np.abs(X), y)
    assert quick == []


def test_after_a_fit_the_end_of_an_epoch_is_not_due_again(quick):
    """`fit` remembers its last epoch; one by `epoch` comes between, so the next fit has a row for each of its own."""
    X, y = problem("mse")
    trainer = gd.Trainer(gd.MLP([4, 9, 3], "tanh", seed=2), "mse", batch_size=16)
    trainer.fit(X, y, epochs=2)
    trainer.epoch(X, y)
    trainer.epoch(X, y)
    assert [loss is None for loss in quick] == [True, False]
    assert len(trainer.fit(X, y, epochs=3).loss) == 3


def test_another_threads_call_is_refused_meanwhile():
    X, y = np.zeros((1_000_000, 4), "float32"), np.zeros((1_000_000, 3), "float32")
    trainer = gd.Trainer(gd.MLP([4, 64, 3], "tanh", seed=2), "mse", batch_size=8, shuffle=False)
    thread = threading.Thread(target=trainer.epoch, args=(X, y))
    thread.start()
    while trainer.steps_done == 0 and thread.is_alive():
        pass
    assert thread.is_alive()
    with pytest.raises(RuntimeError, match="epoch"):
        trainer.epoch(X, y)
    thread.join()
    assert trainer.epochs_done == 1
