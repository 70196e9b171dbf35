"""Steps of a linear model of one output, which one loop makes: those of every other network, to roundoff.

A `clip_value` that clips nothing makes the steps as for every network.
"""

import itertools

import numpy as np
import pytest

import gdcore as gd
from gdcore.losses import get_loss

RNG = np.random.default_rng(0)
WIDTHS = (1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 31, 33, 49, 64, 65, 130, 1024, 1025)
NEVER = 1e6
ULP = {"float32": 2e-5, "float64": 1e-12}


def problem(width, loss, n=37, dtype="float64"):
    X = RNG.normal(size=(n, width)) / np.sqrt(width)
    y = X.sum(axis=1) + 0.1 * RNG.normal(size=n)
    if loss in ("binary_cross_entropy", "poisson"):
        y = (y > 0).astype(float)
    if get_loss(loss).target == "sign":
        y = np.where(y > 0, 1.0, -1.0)
    return X.astype(dtype), y.astype(dtype)


def fitted(width, loss, X, y, dtype="float64", bias=True, sample_weight=None, **options):
    net = gd.Sequential(gd.Dense(width, 1, bias=bias), dtype=dtype, seed=1)
    settings = {"learning_rate": 0.1, "batch_size": 1, "seed": 2, **options}
    trainer = gd.Trainer(net, loss, gd.SGD(settings.pop("learning_rate")), **settings)
    history = trainer.fit(X, y, epochs=3, sample_weight=sample_weight)
    return net.params.copy(), history, trainer


def assert_same(width, loss, X, y, dtype="float64", **options):
    params, history, _ = fitted(width, loss, X, y, dtype, **options)
    ordinary, other, _ = fitted(width, loss, X, y, dtype, clip_value=NEVER, **options)
    np.testing.assert_allclose(params, ordinary, rtol=ULP[dtype], atol=ULP[dtype])
    np.testing.assert_allclose(history.loss, other.loss, rtol=10 * ULP[dtype], atol=ULP[dtype])
    np.testing.assert_allclose(history.gradient_norm, other.gradient_norm, rtol=10 * ULP[dtype], atol=ULP[dtype])
    assert history.clipped_steps == other.clipped_steps


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", WIDTHS)
def test_widths(width, dtype, isa):
    X, y = problem(width, "mean_squared_error", dtype=dtype)
    for batch_size in (1, 3, 37):
        assert_same(width, "mean_squared_error", X, y, dtype, batch_size=batch_size)


@pytest.mark.parametrize("loss", [loss.name for loss in gd.LOSSES if loss.target != "class"])
def test_losses(loss):
    X, y = problem(5, loss)
    for batch_size in (1, 4, 64):
        assert_same(5, loss, X, y, batch_size=batch_size)


@pytest.mark.parametrize(
    "options",
    [
        {"l2": 0.01},
        {"bias": False},
        {"clip_norm": 0.3},
        {"clip_norm": 0.3, "l2": 0.1, "batch_size": 1},
        {"shuffle": False},
        {"drop_last": True, "batch_size": 5},
        {"accumulate": 2},
        {"sample_weight": RNG.integers(0, 3, 37).astype(float)},
        {"sample_weight": RNG.uniform(0.1, 2, 37), "batch_size": 64},
        {"learning_rate": gd.schedules.InverseScaling(0.2)},
        {"learning_rate": gd.schedules.StepDecay(0.2, 1, per="epoch")},
    ],
    ids=repr,
)
def test_options(options):
    for width, loss in ((7, "mean_squared_error"), (20, "huber")):
        X, y = problem(width, loss)
        assert_same(width, loss, X, y, **{"batch_size": 3, **options})


def test_a_step_has_the_bits_of_an_epoch():
    X, y = problem(11, "hinge")
    nets = [gd.LinearModel(11, seed=0) for _ in range(2)]
    weight = RNG.uniform(0.5, 2, 37).astype("float32")
    trainers = [gd.Trainer(net, "hinge", gd.SGD(0.1), batch_size=4, shuffle=False, l2=0.01) for net in nets]
    trainers[0].fit(X, y, epochs=1, sample_weight=weight)
    for first in range(0, 37, 4):
        rows = slice(first, first + 4)
        trainers[1].step(X[rows], y[rows], weight[rows] / weight.mean())
    np.testing.assert_allclose(nets[0].params, nets[1].params, rtol=1e-6)
    for trainer in trainers:
        trainer.fit(X, y, epochs=1)
    unweighted = [gd.Trainer(net, "hinge", gd.SGD(0.1), batch_size=4, shuffle=False) for net in nets]
    nets[1].params[:] = nets[0].params
    unweighted[0].fit(X, y, epochs=1)
    losses = [unweighted[1].step(X[first : first + 4], y[first : first + 4]) for first in range(0, 37, 4)]
    assert np.array_equal(nets[0].params, nets[1].params)
    assert len(losses) == unweighted[0].steps_done == unweighted[1].steps_done


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [1, 2, 4, 7, 8, 9, 20, 32, 33])
def test_steps_of_least_squares_have_the_bits_of_an_epoch(width, dtype, isa):
    X, y = problem(width, "mean_squared_error", dtype=dtype)
    for batch_size in (1, 2, 3, 4, 5, 16):
        for rate in (0.05, gd.schedules.InverseScaling(0.1), 0.6 * batch_size):
            nets = [gd.LinearModel(width, dtype=dtype, seed=0) for _ in range(2)]
            whole, single = (
                gd.Trainer(net, "mse", gd.SGD(rate), batch_size=batch_size, shuffle=False, seed=0) for net in nets
            )
            data = X * (0.1 if isinstance(rate, float) and rate > 0.1 else 1), y
            whole.epoch(*data)
            for first in range(0, 37, batch_size):
                single.step(*(array[first : first + batch_size] for array in data))
            assert np.array_equal(nets[0].params, nets[1].params), (batch_size, rate)
            assert whole.steps_done == single.steps_done


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rate", [0.3, 0.5, 0.51, 1.2, 7.0])
def test_large_rates(rate, bias):
    for width in (1, 6, 40):
        X, y = problem(width, "mean_squared_error")
        for batch_size in (1, 2):
            scale = 0.2 / max(1, rate) * (1 if bias else 0.1)
            options = {"learning_rate": rate * scale if bias else rate, "batch_size": batch_size, "bias": bias}
            assert_same(width, "mean_squared_error", X * scale, y, **options)


@pytest.mark.parametrize("rate", [0.4, 5.0, 1e30])
def test_inputs_near_the_largest_number_do_not_make_a_weight_that_is_no_number(rate):
    for width in (1, 3, 8, 20):
        net = gd.LinearModel(width, bias=False, dtype="float32", seed=0)
        net.params[:] = 0
        trainer = gd.Trainer(net, "mse", gd.SGD(rate), batch_size=1, shuffle=False)
        X = np.full((3, width), 3e38, np.float32)
        assert trainer.epoch(X, np.zeros(3, np.float32)) == 0
        assert np.array_equal(net.params, np.zeros(width))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_line_far_from_the_origin_is_found_to_roundoff(dtype, isa):
    """The residual is small against the terms that cancel in it."""
    x = RNG.uniform(0, 2, size=64)
    y = 3 * x - 1000
    net = gd.LinearModel(1, dtype=dtype, seed=0)
    trainer = gd.Trainer(net, "mse", gd.SGD(0.2), batch_size=2, seed=0)
    trainer.fit(x[:, None].astype(dtype), y.astype(dtype), epochs=100)
    predicted = net.params[0] * x + net.params[1]
    np.testing.assert_allclose(predicted, y, rtol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_that_are_not_all_good_are_made_as_far_as_they_are(dtype, isa):
    """Each of 20 rows in turn is too large: those before it are learnt from, with the bits that they have alone."""
    huge = np.finfo(dtype).max
    for row in range(20):
        X, y = problem(1, "mean_squared_error", n=20, dtype=dtype)
        nets = [gd.LinearModel(1, dtype=dtype, seed=0) for _ in range(2)]
        whole, single = (gd.Trainer(net, "mse", gd.SGD(0.1), batch_size=1, shuffle=False) for net in nets)
        y[row] = huge
        with pytest.raises(gd.DivergedError):
            whole.epoch(X, y)
        for i in range(row):
            single.step(X[i : i + 1], y[i : i + 1])
        assert whole.steps_done == row
        assert np.array_equal(nets[0].params, nets[1].params)


@pytest.mark.parametrize("width", [1, 6])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_an_interrupted_epoch_has_the_bits_of_a_whole_one(batch_size, width):
    X, y = problem(width, "mean_squared_error")
    nets = [gd.LinearModel(width, seed=0) for _ in range(2)]
    trainers = [gd.Trainer(net, "mse", gd.SGD(0.1), batch_size=batch_size, seed=3) for net in nets]
    trainers[0].fit(X, y, epochs=2)
    for _ in range(100):
        if trainers[1].steps_done < trainers[0].steps_done:
            trainers[1].fit(X, y, max_steps=min(4, trainers[0].steps_done - trainers[1].steps_done))
    assert np.array_equal(nets[0].params, nets[1].params)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, "huge"])
@pytest.mark.parametrize("width", [1, 9])
def test_a_step_that_is_not_finite_changes_nothing(width, bad, dtype):
    X, y = problem(width, "mean_squared_error", dtype=dtype)
    net = gd.LinearModel(width, dtype=dtype, seed=0)
    trainer = gd.Trainer(net, "mse", gd.SGD(0.1), batch_size=1, shuffle=False)
    trainer.fit(X[:20], y[:20], epochs=1)
    good = net.params.copy()
    steps = trainer.steps_done
    value = np.finfo(dtype).max if bad == "huge" else bad
    for row in (0, 5):
        broken = y[:10].copy()
        broken[row] = value
        with pytest.raises((gd.DivergedError, ValueError)):
            trainer.fit(X[:10], broken, epochs=1)
        if bad == "huge":
            assert trainer.steps_done == steps + row
            assert np.isfinite(net.params).all()
            assert (row > 0) or np.array_equal(net.params, good)


def test_large_rates_overflow_into_an_error_and_not_into_the_parameters():
    for width, dtype in itertools.product((1, 4), ("float32", "float64")):
        X, y = problem(width, "mean_squared_error", n=200)
        net = gd.LinearModel(width, dtype=dtype, seed=0)
        trainer = gd.Trainer(net, "mse", gd.SGD(100.0), batch_size=1, shuffle=False)
        with pytest.raises(gd.DivergedError, match="not finite"):
            trainer.fit(X, y, epochs=5)
        assert np.isfinite(net.params).all()
        assert np.abs(net.params).max() > 1e12
        assert 0 < trainer.steps_done < 1000


@pytest.mark.parametrize(
    ("n", "width", "batch_size"), [(140, 5, 100), (100, 80, 32), (100, 3, 7), (37, 1, 2), (75, 1, 1)]
)
def test_where_a_fit_is_cut_changes_no_bit(n, width, batch_size):
    X, y = problem(width, "mean_squared_error", n)
    whole, cut = (
        gd.Trainer(gd.LinearModel(width, dtype="float64", seed=0), "mse", gd.SGD(0.05), batch_size=batch_size, seed=1)
        for _ in range(2)
    )
    history = whole.fit(X, y, epochs=4)
    losses, norms = [], []
    while cut.steps_done < whole.steps_done:
        part = cut.fit(X, y, max_steps=1 + cut.steps_done % 3 if cut.steps_done < whole.steps_done - 3 else 1)
        if cut.steps_done % -(-n // batch_size) == 0:
            losses.append(part.loss[-1])
            norms.append(part.gradient_norm[-1])
    assert np.array_equal(whole.model.params, cut.model.params)
    at = [*range(len(history.loss))][-len(losses) :]
    assert all(value in history.loss for value in losses)
    assert all(value in history.gradient_norm for value in norms)
    assert at


@pytest.mark.parametrize("average", [gd.Polyak(), gd.EMA(0.9)], ids=repr)
def test_averages_change_no_bit(average):
    X, y = problem(6, "mean_squared_error")
    _, plain, one = fitted(6, "mean_squared_error", X, y, batch_size=2)
    _, averaged, other = fitted(6, "mean_squared_error", X, y, batch_size=2, average=average)
    assert plain.loss == averaged.loss
    assert np.array_equal(one.model.params, other.model.params)
    _, _, ordinary = fitted(6, "mean_squared_error", X, y, batch_size=2, average=average, clip_value=NEVER)
    np.testing.assert_allclose(other.averaged, ordinary.averaged, rtol=1e-12)


@pytest.mark.parametrize("clip_value", [None, 0.01])
@pytest.mark.parametrize("batch_size", [2, 37])
def test_the_mean_gradient_is_that_before_clipping(clip_value, batch_size):
    X, y = problem(3, "mean_squared_error")
    net = gd.LinearModel(3, dtype="float64", seed=0)
    trainer = gd.Trainer(net, "mse", gd.SGD(1e-12), batch_size=batch_size, clip_value=clip_value, clip_norm=0.5)
    norm = np.linalg.norm(net.loss_and_grad(X, 10 * y, "mse")[1])
    for factor, stops in ((0.8, False), (1.25, True)):
        criterion = gd.GradientNormThreshold(factor * norm, of="epoch")
        history = trainer.fit(X, 10 * y, epochs=1, stop=criterion)
        assert ("converged" in history.stop_reason) == stops, (factor, norm, history.stop_reason)


def test_a_step_at_its_limit_is_not_clipped():
    net = gd.LinearModel(1, bias=False, dtype="float32", seed=0)
    net.params[:] = 0
    trainer = gd.Trainer(net, "mse", gd.SGD(1e-9), batch_size=1, clip_norm=2000.0)
    history = trainer.fit(np.ones((3, 1)), np.full(3, 1000.0), epochs=1)
    assert history.clipped_steps == [0]
