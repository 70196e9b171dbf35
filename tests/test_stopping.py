"""What ends a fit, and what it leaves behind."""

import json

import numpy as np
import pytest

import gdcore as gd

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
        X, Y, loss="mse", metrics={"endless": lambda outputs, y: np.inf},
        stop=[stop, lambda end: seen.append(end.params.copy())],
    )  # fmt: skip
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
    assert net.params[0] == 2    # after two moves of one


def test_monitor_chooses_what_is_watched():
    both, none = {"validation_data": (X, Y)}, {}
    for monitor, name, data in (
        ("auto", "val_loss", both), ("loss", "loss", both), ("val_loss", "val_loss", both), ("auto", "loss", none),
    ):  # fmt: skip
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
