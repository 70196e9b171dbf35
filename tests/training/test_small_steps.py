"""Steps of a small network by plain gradient descent, which one loop makes: those of every other network, to roundoff.

A `clip_value` that clips nothing makes the steps as for every network.
"""

import contextlib

import numpy as np
import pytest

import gdcore as gd
from gdcore._kernels import lanes

RNG = np.random.default_rng(0)
WIDTHS = (
    (1, 1, 1),
    (4, 8, 2),
    (3, 5, 2),
    (1, 16, 1),
    (4, 8, 1),
    (3, 32, 1),
    (1, 32, 1, 2),
    (2, 16, 3, 16, 1),
    (9, 1, 5),
    (16, 16, 2),
    (33, 4, 7),
    (2, 40, 9),
)
BATCHES = (1, 4, 5, 16, 33, 64)
NEVER = 1e6
ULP = {"float32": 5e-5, "float64": 1e-12}


def problem(widths, loss, n=131):
    X, y = RNG.normal(size=(n, widths[0])), RNG.normal(size=(n, widths[-1]))
    if loss.target in ("unit", "nonnegative"):
        y = (y > 0).astype(float)
    return X, np.where(y > 0, 1.0, -1.0) if loss.target == "sign" else y


def fitted(widths, loss, X, y, dtype="float64", **options):
    kinds = {"activation": options.pop("activation", "tanh")}
    kinds["output_activation"] = options.pop("output_activation", "identity")
    net = gd.MLP(list(widths), **kinds, dtype=dtype, seed=1)
    settings = {"learning_rate": 0.05, "batch_size": 3, "seed": 2, **options}
    trainer = gd.Trainer(net, loss, gd.SGD(settings.pop("learning_rate")), **settings)
    return net.params.copy(), trainer.fit(X, y, epochs=2), trainer


def assert_same(widths, loss, X, y, dtype="float64", **options):
    params, history, _ = fitted(widths, loss, X, y, dtype, **options)
    ordinary, other, _ = fitted(widths, loss, X, y, dtype, clip_value=NEVER, **options)
    tolerance = ULP[dtype]
    np.testing.assert_allclose(params, ordinary, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(history.loss, other.loss, rtol=tolerance)
    np.testing.assert_allclose(history.gradient_norm, other.gradient_norm, rtol=10 * tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_widths(widths, dtype, isa):
    loss = gd.losses.MeanSquaredError()
    X, y = problem(widths, loss)
    for batch_size in BATCHES:
        assert_same(widths, loss, X, y, dtype, batch_size=batch_size)


@pytest.mark.parametrize("loss", [kind() for kind in gd.LOSSES if kind.target != "class"], ids=repr)
def test_losses(loss):
    for widths in ((4, 6, 3), (4, 6, 1), (3, 16, 1)):
        X, y = problem(widths, loss)
        for batch_size in (3, 19):
            assert_same(widths, loss, X, y, batch_size=batch_size, learning_rate=0.01)


@pytest.mark.parametrize("activation", [*(row.name for row in gd.ACTIVATIONS), gd.LeakyReLU(-0.3)], ids=str)
def test_activations(activation):
    loss = gd.losses.MeanSquaredError()
    for widths in ((5, 7, 2), (3, 16, 1)):
        X, y = problem(widths, loss)
        for batch_size in (2, 19):
            assert_same(widths, loss, X, y, batch_size=batch_size, activation=activation)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_output_activation(dtype, isa):
    loss = gd.losses.MeanSquaredError()
    for widths in ((5, 7, 2), (3, 16, 1)):
        X, y = problem(widths, loss)
        for batch_size in (2, 19):
            assert_same(widths, loss, X, np.tanh(y), dtype, batch_size=batch_size, output_activation="tanh")


@pytest.mark.parametrize(
    "options",
    [
        {"shuffle": False},
        {"drop_last": True, "batch_size": 5},
        {"accumulate": 2},
        {"learning_rate": gd.schedules.InverseScaling(0.2)},
        {"learning_rate": gd.schedules.StepDecay(0.2, 1, per="epoch")},
    ],
    ids=repr,
)
def test_options(options):
    loss = gd.losses.MeanSquaredError()
    X, y = problem((4, 6, 2), loss)
    for batch_size in (3, 19):
        assert_same((4, 6, 2), loss, X, y, **{"batch_size": batch_size, **options})


@pytest.mark.parametrize("batch_size", BATCHES)
def test_an_epoch_has_the_bits_of_its_steps(batch_size, isa):
    X, y = RNG.normal(size=(131, 5)).astype("f"), RNG.normal(size=(131, 2)).astype("f")
    nets = [gd.MLP([5, 9, 2], activation="tanh", seed=0) for _ in range(2)]
    trainers = [gd.Trainer(net, "mse", gd.SGD(0.1), batch_size=batch_size, shuffle=False) for net in nets]
    trainers[0].fit(X, y, epochs=2)
    for first in [*range(0, 131, batch_size)] * 2:
        trainers[1].step(X[first : first + batch_size], y[first : first + batch_size])
    assert np.array_equal(nets[0].params, nets[1].params)


@pytest.mark.parametrize("batch_size", [1, 16])
def test_what_is_recorded_changes_no_bit(batch_size):
    X, y = problem((4, 8, 2), gd.losses.MeanSquaredError())
    params = []
    for average in (None, gd.Polyak(), gd.EMA(0.9)):
        net = gd.MLP([4, 8, 2], activation="tanh", dtype="float64", seed=0)
        trainer = gd.Trainer(net, "mse", gd.SGD(0.1), batch_size=batch_size, average=average, seed=0)
        trainer.fit(X, y, epochs=2)
        params.append(net.params.copy())
    assert np.array_equal(params[0], params[1])
    assert np.array_equal(params[0], params[2])


@pytest.mark.parametrize("batch_size", [1, 4, 16])
def test_an_epoch_stops_at_the_first_step_that_is_not_finite(batch_size):
    X, y = RNG.normal(size=(64, 4)).astype("f"), RNG.normal(size=(64, 2)).astype("f")
    nets = [gd.MLP([4, 8, 2], activation="relu", seed=0) for _ in range(2)]
    trainers = [gd.Trainer(net, "mse", gd.SGD(0.1), batch_size=batch_size, shuffle=False) for net in nets]
    trainers[0].fit(X[:32], y[:32], epochs=1)
    X[32] = 3e38
    with pytest.raises(gd.DivergedError, match="not finite"):
        trainers[1].fit(X, y, epochs=1)
    assert np.array_equal(nets[0].params, nets[1].params)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("widths", [widths for widths in WIDTHS if len(widths) < 5], ids=str)
def test_rows_in_the_lanes_have_the_bits_of_other_steps(widths, dtype, isa):
    loss = gd.losses.MeanSquaredError()
    X, y = problem(widths, loss)
    with lanes("rows"):
        for batch_size in (5, 16, 33, 64):
            params, history, _ = fitted(widths, loss, X[:128], y[:128], dtype, batch_size=batch_size, drop_last=True)
            other = fitted(
                widths, loss, X[:128], y[:128], dtype, batch_size=batch_size, drop_last=True, clip_value=NEVER
            )
            assert np.array_equal(params, other[0])
            assert history.loss == other[1].loss
            assert history.gradient_norm == other[1].gradient_norm


@pytest.mark.parametrize(("widths", "batch_size"), [((3, 1), 7), ((4, 1, 6), 3), ((4, 1, 6), 33)], ids=str)
def test_an_epoch_has_the_bits_of_its_steps_where_squares_overflow(widths, batch_size, isa):
    for seed in range(60):
        rng = np.random.default_rng(seed)
        X, y = (rng.normal(size=(4 * batch_size, k)).astype("f") for k in (widths[0], widths[-1]))
        nets = [gd.MLP(list(widths), activation="tanh", seed=seed) for _ in range(2)]
        for net in nets:
            net.params[:] *= np.float32(3e19)
        trainers = [gd.Trainer(net, "mae", gd.SGD(0.01), batch_size=batch_size, shuffle=False) for net in nets]
        with contextlib.suppress(gd.DivergedError):
            trainers[0].epoch(X, y)
        with contextlib.suppress(gd.DivergedError):
            for first in range(0, len(X), batch_size):
                trainers[1].step(X[first : first + batch_size], y[first : first + batch_size])
        assert np.array_equal(nets[0].params, nets[1].params)
