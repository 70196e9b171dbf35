"""A fit without further arguments: it trains, or its history says what was missing."""

import numpy as np
import pytest

import gdcore as gd
from gdcore.datasets import load_digits
from gdcore.training.length import DEFAULT_STEPS, MIN_EPOCHS, default_epochs


def halves(X, y, seed=0):
    """Rows to train on, and the others."""
    order = np.random.default_rng(seed).permutation(len(X))
    kept, held = order[: 7 * len(X) // 10], order[7 * len(X) // 10 :]
    return X[kept], y[kept], X[held], y[held]


def table(name):
    return getattr(pytest.importorskip("sklearn.datasets"), f"load_{name}")(return_X_y=True)


def noisy_sine(rng):
    x = rng.uniform(-3, 3, (400, 1))
    return x, np.sin(x[:, 0]) + 0.05 * rng.normal(size=400)


@pytest.mark.parametrize("sizes", [[64, 64, 10], [64, 10]])
def test_digits_are_learned(sizes):
    X, y, X_test, y_test = load_digits()
    net = gd.MLP(sizes, seed=0)
    net.fit(X, y, "cross_entropy")
    assert net.score(X_test, y_test) > (0.97 if len(sizes) > 2 else 0.95)


def test_a_sine_is_learned(rng):
    X, y, X_test, y_test = halves(*noisy_sine(rng))
    net = gd.MLP([1, 64, 1], seed=0)
    assert net.fit(X, y, "mse").hint == ""
    assert net.score(X_test, y_test) > 0.97


def test_raw_columns_are_told_and_scaled_ones_learned():
    X, y, X_test, y_test = halves(*table("breast_cancer"))
    raw = gd.MLP([30, 64, 1], seed=0).fit(X, y, "bce").hint
    assert raw.startswith("the columns of X are of sizes from 0.0")
    assert "put gdcore.Standardize.from_data(X) first" in raw
    net = gd.Sequential(gd.Standardize.from_data(X), *gd.MLP([30, 64, 1]).layers, seed=0)
    assert net.fit(X, y, "bce").hint == ""
    assert net.score(X_test, y_test) > 0.95


def test_diabetes_is_told_what_it_lacks_and_with_it_learned():
    X, y, X_test, y_test = halves(*table("diabetes"))
    hint = gd.LinearModel(10, seed=0).fit(X, y, "mse").hint
    assert "put gdcore.Standardize.from_data(X) first" in hint
    assert "put gdcore.ScaledTarget.from_data(y) last" in hint
    net = gd.Sequential(gd.Standardize.from_data(X), gd.Dense(10, 1), gd.ScaledTarget.from_data(y), seed=0)
    assert net.fit(X, y, "mse").hint == ""
    best = np.column_stack([X, np.ones(len(X))])
    lines = np.column_stack([X_test, np.ones(len(X_test))]) @ np.linalg.lstsq(best, y, rcond=None)[0]
    assert net.score(X_test, y_test) > 1 - ((lines - y_test) ** 2).sum() / ((y_test - y_test.mean()) ** 2).sum() - 0.02
    wide = gd.Sequential(gd.Standardize.from_data(X), *gd.MLP([10, 64, 1]).layers, gd.ScaledTarget.from_data(y), seed=0)
    told = wide.copy().fit(X, y, "mse").hint
    assert "769 parameters can learn the noise of 309 samples: hold some out, validation_split=0.2" in told
    wide.fit(X, y, "mse", validation_split=0.2, stop=gd.EarlyStopping())
    assert wide.score(X_test, y_test) > net.score(X_test, y_test) - 0.1


@pytest.mark.parametrize("end", [2 * np.pi, 10.0])
def test_inputs_off_the_middle_are_told_and_centred_ones_learned(end):
    x = np.linspace(0, end, 300)[:, None]
    y = np.sin(x[:, 0])
    hint = gd.MLP([1, 64, 1], seed=0).fit(x, y, "mse").hint
    assert hint.startswith("column 0 of X lies around ")
    assert "not around 0: put gdcore.Standardize.from_data(X) first" in hint
    if end < 7:
        net = gd.Sequential(gd.Standardize.from_data(x), *gd.MLP([1, 64, 1], "tanh").layers, seed=0)
        net.fit(x, y, "mse", optimizer=gd.Adam(0.01))
        assert net.score(x, y) > 0.99


def test_a_loss_that_still_falls_or_never_fell(rng):
    X, y = noisy_sine(rng)
    assert "the loss was still falling at the end, by " in gd.MLP([1, 16, 1], seed=0).fit(X, y, "mse", epochs=20).hint
    counts = rng.poisson(30.0, 400)  # whose loss is below 0
    told = gd.MLP([1, 16, 1], seed=0).fit(X, counts, "poisson", epochs=20)
    assert told.loss[-1] < 0
    assert "the loss was still falling at the end" in told.hint
    worse = gd.LinearModel(1, weight_init="zeros").fit(X, 0 * y, lambda z, t: (float(len(z)), 0 * z), epochs=9)
    assert worse.hint == "the loss did not fall: try another rate (gdcore.find_learning_rate), or ask gdcore.diagnose"


def test_where_there_is_no_hint(rng):
    X, y = noisy_sine(rng)
    big = 1e5 * y
    assert "ScaledTarget" in gd.MLP([1, 16, 1], seed=0).fit(X, big, "mse", epochs=8).hint
    assert gd.MLP([1, 16, 1], seed=0).fit(X, big, "mse", epochs=7).hint == ""  # a part of a loop
    stopped = gd.MLP([1, 16, 1], seed=0).fit(X, big, "mse", epochs=9, stop=lambda end: end.epoch == 8)
    assert stopped.hint == ""


def test_a_model_that_was_right_from_the_beginning():
    X = np.linspace(-1, 1, 40)[:, None]
    assert gd.LinearModel(1, weight_init="zeros").fit(X, np.zeros(40), "mse", epochs=9).hint == ""


def test_rare_columns_of_ones_are_not_badly_scaled(rng):
    X = np.column_stack([rng.normal(size=(400, 3)), rng.random((400, 4)) < 0.02])
    hint = gd.MLP([7, 8, 1], seed=0).fit(X, X[:, 0], "mse").hint
    assert "Standardize" not in hint


@pytest.mark.parametrize("loss", gd.LOSSES)
@pytest.mark.parametrize("weighted", [False, True])
def test_every_loss_may_end_with_a_hint(rng, loss, weighted):
    """Whatever the targets, the rows looked at and their weights, a hint never ends a fit."""
    X, k = 0.01 * rng.random((700, 2)), 3
    ones = rng.integers(0, 2, (700, k))
    y = {
        "class": rng.integers(0, k, 700),
        "unit": ones,
        "nonnegative": rng.poisson(2, (700, k)),
        "sign": 2 * ones - 1,
        "real": rng.normal(size=(700, k)),
    }[loss.target]
    weight = (np.arange(700) % 2).astype(float) if weighted else None
    history = gd.LinearModel(2, k, seed=0).fit(X, y, loss(), optimizer=gd.Adam(1e-4), epochs=9, sample_weight=weight)
    assert "put gdcore.Standardize.from_data(X) first" in history.hint


def test_the_history_shows_it():
    history = gd.History([1.0], stop_reason="all epochs were run", hint="more epochs may help")
    assert repr(history).endswith("stop_reason='all epochs were run', hint='more epochs may help')")
    assert history.to_dict()["hint"] == "more epochs may help"
    assert "hint" not in repr(gd.History([1.0]))
    assert "hint" not in history.columns()


@pytest.mark.parametrize(("steps", "epochs"), [(1, 5000), (3, 1667), (40, 125), (500, 10), (31250, 10)])
def test_the_default_is_as_many_epochs_as_make_5000_updates(steps, epochs):
    assert default_epochs(steps) == epochs
    assert (DEFAULT_STEPS, MIN_EPOCHS) == (5000, 10)
    if steps == 3:
        trainer = gd.Trainer(gd.LinearModel(1, seed=0), "mse", batch_size=4)
        assert trainer.fit(np.arange(12.0)[:, None], np.arange(12.0)).epochs == epochs
        assert (trainer.steps_done, type(trainer.optimizer)) == (3 * epochs, gd.Adam)


def test_a_loss_of_zero_at_the_start_and_again_is_no_hint():
    def perceptron(z, y):
        return float(np.maximum(-y * z, 0).mean()), np.where(y * z <= 0, -y, 0) / z.size

    line = gd.LinearModel(1, bias=False, weight_init="zeros", dtype="float64")
    falling = gd.SGD(gd.schedules.Exponential(1.0, 0.8))
    X, y = np.ones((3, 1)), np.array([[1.0], [1.0], [-1.0]])
    history = line.fit(X, y, perceptron, optimizer=falling, batch_size=3, epochs=16)
    assert history.loss[0] == min(history.loss) == 0 < history.loss[-1]
    assert history.hint == ""
