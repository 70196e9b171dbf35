"""What ends a fit, and what it leaves behind."""

import json
import pickle

import numpy as np
import pytest

import gdcore as gd
from gdcore.data.samples import Samples
from gdcore.training.fingerprint import fingerprint

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = X @ [1.0, -2.0, 0.5] + 0.1 * RNG.normal(size=60)
BATCH = {"batch_size": 60}


def linear(seed=0):
    return gd.LinearModel(3, dtype="float64", seed=seed)


def test_history_has_one_entry_per_epoch():
    history = linear().fit(X, Y, loss="mse", optimizer=gd.SGD(0.1), epochs=7)
    assert history.epochs == len(history.loss) == len(history.seconds) == 7
    assert history.val_loss == []
    assert history.stop_reason == "all 7 epochs were run"
    assert min(history.seconds) > 0
    assert all(type(value) is float for value in history.loss + history.seconds)
    assert history.to_dict() == json.loads(json.dumps(history.to_dict()))
    assert repr(history) == f"History(epochs=7, loss={history.loss[-1]:.4g}, stop_reason='all 7 epochs were run')"


def test_val_loss_is_the_loss_after_the_epoch_without_penalties_and_dropout():
    net, twin = (gd.MLP([3, 8, 1], dropout=0.5, dtype="float64", seed=0) for _ in range(2))
    history = net.fit(X, Y, loss="mse", epochs=3, validation_data=(X[:20], Y[:20]), l2=0.1)
    trainer = gd.Trainer(twin, "mse", l2=0.1)
    expected = []
    for _ in range(3):
        trainer.epoch(X, Y)
        expected.append(twin.loss(X[:20], Y[:20], "mse"))
    assert history.val_loss == expected
    assert f"val_loss={expected[-1]:.4g}" in repr(history)


def path(trainer, epochs, validation):
    """Parameters and validation loss after each epoch."""
    found = []
    for _ in range(epochs):
        trainer.epoch(X, Y)
        found.append((trainer.model.params.copy(), trainer.model.loss(*validation, "mse")))
    return zip(*found, strict=True)


def test_the_first_epoch_is_the_best_until_another_is_better():
    """Whatever its value, it can be brought back."""
    net, seen = linear(), []
    stop = gd.EarlyStopping(1, monitor="endless", mode="min")
    history = net.fit(
        X,
        Y,
        loss="mse",
        metrics={"endless": lambda outputs, y: np.inf},
        stop=[stop, lambda end: seen.append(end.params.copy())],
    )
    told = "endless has not improved for 1 epoch: the best, inf, was in epoch 0; its parameters were restored"
    assert history.stop_reason.startswith(told)
    np.testing.assert_array_equal(net.params, seen[0])


@pytest.mark.parametrize("restore", [True, False])
def test_early_stopping_waits_and_restores_the_best(restore):
    """Overfitting three rows: the validation loss falls, then rises."""
    validation = X[30:], Y[30:] + 0.3
    nets = [gd.MLP([3, 30, 1], "tanh", dtype="float64", seed=1) for _ in range(2)]
    trainers = [gd.Trainer(net, "mse", gd.SGD(0.05), batch_size=8) for net in nets]
    params, losses = path(trainers[0], 200, validation)
    patience = 5
    best = next(i for i, loss in enumerate(losses) if loss == min(losses[: i + 1 + patience]))
    stop = gd.EarlyStopping(patience, restore_best=restore)
    history = trainers[1].fit(X, Y, epochs=200, validation_data=validation, stop=stop)
    assert best > 0
    assert history.epochs == best + patience + 1 < 200
    assert history.val_loss == list(losses[: history.epochs])
    np.testing.assert_array_equal(nets[1].params, params[best if restore else best + patience])
    assert f"val_loss has not improved for {patience} epochs" in history.stop_reason
    assert f"epoch {best}" in history.stop_reason
    assert ("restored" in history.stop_reason) == restore


def constant_loss(values):
    """A custom loss that returns the given values, one per call, and moves the parameters by one each time."""
    values = iter(values)
    return lambda z, y: (next(values), np.full_like(z, -1.0 / z.size))


@pytest.mark.parametrize(("min_delta", "epochs"), [(0.0, 9), (0.15, 7), (10.0, 4)])
def test_min_delta_is_what_counts_as_improvement(min_delta, epochs):
    """min_delta is measured from the best value so far; the first epoch always counts."""
    values = [1.0, 0.9, 0.86, 0.8, 0.79, 0.78, 0.78, 0.78, 0.78, 0.5]
    trainer = gd.Trainer(gd.LinearModel(1, bias=False), constant_loss(values), **BATCH)
    stop = gd.EarlyStopping(3, min_delta=min_delta, restore_best=False)
    assert trainer.fit([[1.0]], [0.0], epochs=10, stop=stop).epochs == epochs


def test_the_best_parameters_come_back_even_when_no_criterion_stopped():
    net = gd.LinearModel(1, bias=False, weight_init="zeros")
    trainer = gd.Trainer(net, constant_loss([3.0, 1.0, 2.0]), gd.SGD(1.0))
    history = trainer.fit([[1.0]], [0.0], epochs=3, stop=gd.EarlyStopping(10))
    assert history.stop_reason == "all 3 epochs were run"
    assert net.params[0] == 1  # after one move of one, which the second epoch has measured


def test_monitor_chooses_what_is_watched():
    both, none = {"validation_data": (X, Y)}, {}
    for monitor, name, data in (
        ("auto", "val_loss", both),
        ("loss", "loss", both),
        ("val_loss", "val_loss", both),
        ("auto", "loss", none),
    ):
        stop = gd.EarlyStopping(2, min_delta=1e-3, monitor=monitor)
        history = linear().fit(X, Y, loss="mse", optimizer=gd.SGD(1e-12), epochs=9, stop=stop, **data)
        assert history.epochs == 3
        assert history.stop_reason.startswith(f"{name} has not improved")


def test_a_criterion_starts_anew_in_every_fit():
    stop, trainer = gd.EarlyStopping(2, min_delta=1e-3), gd.Trainer(linear(), "mse", gd.SGD(1e-12), **BATCH)
    assert [trainer.fit(X, Y, epochs=9, stop=stop).epochs for _ in range(2)] == [3, 3]


@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_norm_threshold_is_on_the_whole_gradient_with_penalties(weighted):
    weight = np.linspace(0.1, 1, 60) if weighted else None
    net = linear()
    trainer = gd.Trainer(net, "mse", gd.SGD(0.1), l2=0.3, **BATCH)
    history = trainer.fit(X, Y, epochs=5000, sample_weight=weight, stop=[gd.GradientNormThreshold(1e-6)])
    _, grad = net.loss_and_grad(X, Y, "mse", l2=0.3, sample_weight=weight)
    assert 1e-7 < np.linalg.norm(grad) < 1e-6
    assert 1 < history.epochs < 5000
    assert "converged" in history.stop_reason
    assert f"{np.linalg.norm(grad):.3g}" in history.stop_reason


def test_several_criteria_are_all_asked():
    never, at_once = gd.GradientNormThreshold(1e-300), gd.GradientNormThreshold(1e300)
    history = linear().fit(X, Y, loss="mse", epochs=9, stop=(never, at_once, at_once))
    assert history.epochs == 1
    assert history.stop_reason.count("converged") == 2


def test_repr_reads_like_the_call():
    calls = "EarlyStopping(5)", "EarlyStopping(3, min_delta=0.1, monitor='loss')", "GradientNormThreshold(1e-06)"
    for call in calls:
        made = eval(call, vars(gd))
        assert eval(repr(made), vars(gd)) == made


# what "restored" claims


def test_of_one_step_an_epoch_the_parameters_before_it_come_back():
    """It is their loss that the history holds: here a rate that is too large, so the start is the best."""
    data, target = [[1.0], [2.0]], [1.0, 2.1]
    net = gd.LinearModel(1, bias=False, weight_init="zeros", dtype="float64")
    history = net.fit(data, target, loss="mse", optimizer=gd.SGD(0.5), epochs=50, stop=gd.EarlyStopping(2))
    assert history.loss[0] == min(history.loss) == net.loss(data, target, "mse") == 2.705
    assert history.stop_reason == (
        "loss has not improved for 2 epochs: the best, 2.705, was in epoch 0; the parameters before that epoch's step, "
        "whose loss it is, were restored (the training loss, as there is no validation data: pass validation_split=0.2)"
    )


@pytest.mark.parametrize("batch_size", [60, 99])
@pytest.mark.parametrize("epochs", [1, 7])
def test_the_best_training_loss_is_that_of_what_is_left(batch_size, epochs):
    net = gd.MLP([3, 8, 1], "tanh", dtype="float64", seed=0)
    stop = gd.EarlyStopping(99)
    history = net.fit(X, Y, loss="mse", optimizer=gd.SGD(1.2), epochs=epochs, batch_size=batch_size, stop=stop)
    assert net.loss(X, Y, "mse") == min(history.loss)


def test_of_several_steps_the_message_says_that_the_loss_is_a_mean():
    """The parameters after the epoch come back, and nothing is claimed of their loss."""
    net, seen = linear(), []
    history = net.fit(
        X,
        Y,
        loss="mse",
        optimizer=gd.SGD(1e-12),
        batch_size=20,
        stop=[gd.EarlyStopping(2, min_delta=1e-3), lambda end: seen.append(end.params.copy())],
    )
    best = int(np.argmin(history.loss))
    told = f"was in epoch {best}, as the mean over its steps, each before its update; the parameters after that epoch"
    assert f"{told} were restored (the training loss" in history.stop_reason
    np.testing.assert_array_equal(net.params, seen[best])


@pytest.mark.parametrize("monitor", ["loss", "mae", "val_loss", "val_mae"])
def test_of_an_average_what_was_measured_comes_back(monitor):
    """Training data are measured with the model's own parameters, validation data with the mean."""
    net = linear()
    trainer = gd.Trainer(net, "mse", gd.SGD(0.7), average=gd.Polyak(validate=True), batch_size=60)
    told = {"validation_data": (X[:20], Y[:20]), "metrics": "mae", "stop": gd.EarlyStopping(99, monitor=monitor)}
    columns = trainer.fit(X, Y, epochs=6, **told).columns()
    part = slice(20) if monitor.startswith("val_") else slice(None)
    left = net.loss(X[part], Y[part], "mae" if monitor.endswith("mae") else "mse")
    assert left == pytest.approx(min(columns[monitor]), rel=1e-14)


@pytest.mark.parametrize("patience", [3, 99])
def test_the_lowest_comes_back_whatever_counts_as_improvement(patience):
    """Small steps down: patience is not impressed, what is restored is the best all the same."""
    ones = np.ones((4, 1)), np.ones(4)
    net = gd.LinearModel(1, bias=False, weight_init="zeros", dtype="float64")
    history = net.fit(
        *ones,
        loss="mse",
        optimizer=gd.SGD(0.05),
        epochs=30,
        validation_data=ones,
        stop=gd.EarlyStopping(patience, min_delta=0.05),
    )
    assert net.loss(*ones, "mse") == min(history.val_loss) == history.val_loss[-1]
    if patience == 3:
        best, epoch = history.val_loss[-1], history.epochs - 1
        assert history.stop_reason == (
            f"val_loss has not improved by more than 0.05 for 3 epochs: the best, {best:.6g}, was in epoch {epoch}; "
            "its parameters were restored"
        )


def watched(values, stop, **options):
    """A fit in which the metric "scripted" takes these values, one per epoch; and its model."""
    left = iter(values)
    net = gd.LinearModel(1, bias=False, weight_init="zeros")
    trainer = gd.Trainer(net, lambda z, y: (1.0, np.full_like(z, -1.0 / z.size)), options.pop("optimizer", gd.SGD(1.0)))
    metrics = {"scripted": lambda outputs, y: next(left)}
    return trainer.fit([[1.0]], [0.0], epochs=len(values), metrics=metrics, stop=stop, **options), net


@pytest.mark.parametrize("mode", ["min", "max"])
def test_nan_ends_early_stopping_and_is_never_the_best(mode):
    sign = 1 if mode == "min" else -1
    stop = gd.EarlyStopping(9, monitor="scripted", mode=mode)
    history, net = watched([sign * 3.0, sign * 2.0, np.nan, 0.0], stop)
    assert history.epochs == 3
    best = f"{sign * 2.0:g}"
    assert history.stop_reason == (
        f"scripted is NaN in epoch 2: the best, {best}, was in epoch 1; its parameters were restored"
    )
    assert net.params == [2.0]
    history, net = watched([np.nan, 1.0], stop)
    assert (history.stop_reason, net.params) == ("scripted is NaN in epoch 0", [1.0])


def test_nan_reaches_no_threshold_and_breaks_no_row():
    nan = np.nan
    history, _ = watched([nan, nan, 1.0, nan], gd.LossThreshold(0.5, "scripted", mode="min"))
    assert history.epochs == 4
    history, _ = watched([1.0, 1.0, nan, 1.0, 1.0, 1.0], gd.RelativeChange(0.1, 2, monitor="scripted"))
    assert history.epochs == 6


def test_nan_is_a_bad_epoch_to_a_plateau():
    schedule = gd.schedules.ReduceOnPlateau(1.0, 0.5, patience=1, monitor="scripted", mode="min")
    history, _ = watched([np.nan, np.nan, 1.0, np.nan, np.nan, 0.5, 0.4], (), optimizer=gd.SGD(schedule))
    assert history.learning_rate == [1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]


# metrics that no fit could improve


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        ((X[:1], Y[:1]), "R2 of one sample is undefined"),
        ((X[:9], np.full(9, 2.5)), "the targets are constant"),
    ],
)
@pytest.mark.parametrize(
    "watcher",
    [
        lambda: {"stop": gd.EarlyStopping(5, monitor="val_r2")},
        lambda: {"stop": gd.LossThreshold(0.5, "val_r2")},
        lambda: {"stop": gd.RelativeChange(0.5, monitor="val_r2")},
        lambda: {"optimizer": gd.SGD(gd.schedules.ReduceOnPlateau(0.1, monitor="val_r2"))},
    ],
)
def test_a_metric_without_a_value_is_refused_before_the_first_epoch(watcher, held, reason):
    net = linear()
    before = net.params.copy()
    told = rf"\(monitor='val_r2'\): val_r2 has no value that could improve, for {reason}"
    with pytest.raises(ValueError, match=told):
        net.fit(X, Y, loss="mse", validation_data=held, metrics="r2", **watcher())
    np.testing.assert_array_equal(net.params, before)


def test_it_may_be_recorded_and_others_watched():
    told = {"validation_data": (X[:1], Y[:1]), "metrics": "r2", "epochs": 2}
    history = linear().fit(X, Y, loss="mse", stop=gd.EarlyStopping(5, monitor="r2"), **told)
    assert np.isnan(history.metrics["val_r2"]).all()
    assert np.isfinite(history.metrics["r2"]).all()


# other data


OTHERS = {
    "data": lambda: ((X + 1, Y), (X[:20], Y[:20])),
    "targets": lambda: ((X, Y[::-1].copy()), (X[:20], Y[:20])),
    "more": lambda: ((np.vstack([X, X]), np.r_[Y, Y]), (X[:20], Y[:20])),
    "validation data": lambda: ((X, Y), (X[:20], Y[:20] + 1)),
    "less validation data": lambda: ((X, Y), (X[:19], Y[:19])),
    "one number": lambda: ((X, np.r_[Y[:-1], Y[-1] + 1e-6]), (X[:20], Y[:20])),
}
COUNTING = {
    "patience": lambda: gd.EarlyStopping(3, min_delta=99.0),
    "change": lambda: gd.RelativeChange(0.9, 3),
    "training loss": lambda: gd.EarlyStopping(3, min_delta=99.0, monitor="loss"),
}


def told(data, validation, stop=()):
    return {"X": data[0], "y": data[1], "validation_data": validation, "stop": stop}


@pytest.mark.parametrize("stop", COUNTING.values(), ids=COUNTING)
@pytest.mark.parametrize("others", OTHERS.values(), ids=OTHERS)
def test_what_counts_begins_anew_on_other_data(stop, others):
    """And goes on where the contents are the same, in other arrays and another process too."""
    first = (X, Y), (X[:20], Y[:20])
    same = (X.copy(), Y.tolist()), (X[:20].copy(), list(Y[:20]))
    whole = gd.Trainer(linear(), "mse", gd.SGD(1e-12)).fit(**told(*first, stop()), epochs=20).epochs
    for data, epochs in ((same, whole - 2), (others(), whole)):
        trainer = gd.Trainer(linear(), "mse", gd.SGD(1e-12))
        trainer.fit(**told(*first, stop()), epochs=2)
        trainer = pickle.loads(pickle.dumps(trainer))
        assert trainer.fit(**told(*data, stop()), epochs=20).epochs == epochs


def test_the_best_of_other_data_is_not_restored():
    other = RNG.normal(size=(60, 3))
    target = 3 * other[:, 1] + RNG.normal(size=60)
    stop, trainer = gd.EarlyStopping(5), gd.Trainer(linear(), "mse", gd.SGD(0.05))
    trainer.fit(X, Y, epochs=20, validation_data=(X, Y), stop=stop)
    history = trainer.fit(other, target, epochs=100, validation_data=(other, target), stop=stop)
    assert trainer.model.loss(other, target, "mse") == min(history.val_loss)
    assert "earlier fit" not in history.stop_reason


@pytest.mark.parametrize("others", OTHERS.values(), ids=OTHERS)
def test_a_plateau_on_other_data_keeps_the_rate_and_counts_anew(others):
    schedule = gd.schedules.ReduceOnPlateau(1e-12, 0.5, patience=2, threshold=0.5)
    first = (X, Y), (X[:20], Y[:20])
    for data, rates in ((first, [0.5, 0.5, 0.25]), (others(), [0.5, 0.5, 0.5])):
        trainer = gd.Trainer(linear(), "mse", gd.SGD(schedule))
        assert trainer.fit(**told(*first), epochs=5).learning_rate == [1e-12] * 4 + [0.5e-12]
        history = trainer.fit(**told(*data), epochs=3)
        np.testing.assert_allclose(history.learning_rate, 1e-12 * np.array(rates))


@pytest.mark.parametrize("swap", [(0, 1), (0, 1024), (3, 70_001), (1024, 2048)])
def test_the_fingerprint_sees_entries_that_changed_places(swap):
    """Of large arrays it is made of sums and exclusive ors."""
    data = RNG.normal(size=(9000, 8))
    moved = data.copy()
    moved.flat[list(swap)] = moved.flat[list(swap[::-1])]
    codes = {fingerprint(Samples(each, data[:, :1], None, None, None), None) for each in (data, moved, data.copy())}
    assert len(codes) == 2
