"""What lies in the lanes, a batch's rows or a layer's columns, changes no result but for its last bits."""

import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

import gdcore as gd
from gdcore._kernels import lanes

RNG = np.random.default_rng(0)
WIDTHS = ((1, 1), (1, 16, 1), (3, 5, 2), (10, 17, 17, 3), (8, 32, 32, 1), (33, 50, 19, 7), (40, 23, 41, 12))
ROWS = (1, 2, 5, 7, 8, 9, 16, 31, 33, 64, 129, 300, 700)
ULPS = 40  # of the largest entry; measured: 16


def problem(net, loss, n):
    X, y = RNG.normal(size=(n, net.in_features)), RNG.normal(size=(n, net.out_features))
    if loss.target == "class":
        return X, RNG.integers(0, net.out_features, n)
    if loss.target in ("unit", "nonnegative"):
        y = (y > 0).astype(float)
    return X, np.where(y > 0, 1.0, -1.0) if loss.target == "sign" else y


def assert_both_agree(compute, dtype, ulps=ULPS):
    """Check that every array of the list that `compute` returns is nearly the same in both orders."""
    with lanes("columns"):
        expected = compute()
    with lanes("rows"):
        found = compute()
    for one, other in zip(expected, found, strict=True):
        one, other = np.asarray(one), np.asarray(other)
        assert np.isfinite(one).all()
        largest = max(np.abs(one).max(), 0.1)  # a sum of terms of this size may cancel
        np.testing.assert_allclose(other, one, rtol=0, atol=ulps * np.finfo(dtype).eps * largest)


def assert_gradients_agree(net, loss, n, weight=None, ulps=ULPS):
    X, y = problem(net, loss, n)
    assert_both_agree(lambda: net.loss_and_grad(X, y, loss, sample_weight=weight), net.dtype, ulps)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_shapes(widths, dtype, isa):
    for n in ROWS:
        for bias in (True, False):
            layers = [gd.Dense(*pair, "tanh", bias=bias) for pair in pairwise(widths)]
            net = gd.Sequential(*layers, dtype=dtype, seed=n)
            assert_gradients_agree(net, gd.losses.MeanSquaredError(), n, RNG.uniform(0.5, 2, n) if n % 2 else None)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", [*(row.name for row in gd.ACTIVATIONS), gd.LeakyReLU(-0.3)], ids=str)
def test_activations(activation, dtype, isa):
    net = gd.MLP([5, 7, 2], activation=activation, output_activation=activation, dtype=dtype, seed=0)
    assert_gradients_agree(net, gd.losses.MeanSquaredError(), 21)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", [kind() for kind in gd.LOSSES], ids=repr)
def test_losses(loss, dtype, isa):
    net = gd.MLP([4, 6, 3], dtype=dtype, seed=0)
    for n in (13, 300):
        assert_gradients_agree(net, loss, n)
        assert_gradients_agree(net, loss, n, RNG.uniform(0.5, 2, n))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_probabilities_as_targets(smoothing, dtype, isa):
    net, loss = gd.MLP([4, 6, 3], dtype=dtype, seed=0), gd.losses.CrossEntropy(smoothing)
    for n in (13, 300):
        X, labels = RNG.normal(size=(n, 4)), RNG.integers(0, 3, n)
        for y in (labels, np.eye(3)[labels], RNG.dirichlet(np.ones(3), n)):
            weight = RNG.uniform(0.5, 2, n) if n == 13 else None
            assert_both_agree(lambda: net.loss_and_grad(X, y, loss, sample_weight=weight), dtype)  # noqa: B023


def test_extreme_outputs_of_cross_entropy(isa):
    """The largest output is subtracted first, row by row."""
    net = gd.LinearModel(2, 3, dtype="float32", seed=0)
    X, y = np.array([[1e30, 1], [-1e30, 2], [0, 0], [3e4, -3e4], [1e-30, 5]]), np.array([0, 1, 2, 0, 1])
    assert_both_agree(lambda: net.loss_and_grad(X, y, "cross_entropy"), "float32")


STACKS = {
    "dropout": (gd.Dense(4, 6, "tanh"), gd.Dropout(0.3), gd.Dense(6, 3, "relu"), gd.Dropout(0.5), gd.Dense(3, 2)),
    "leading dropout": (gd.Dropout(0.2), gd.Dense(4, 6, "gelu"), gd.Dense(6, 2)),
    "standardize": (gd.Standardize((0.5,) * 4, (0.5, 1.0, 2.0, 3.0)), gd.Dense(4, 6, "tanh"), gd.Dense(6, 2)),
    "log1p": (gd.Log1p(4), gd.MinMax((0.0,) * 4, (1.0, 2.0, 3.0, 4.0)), gd.Dense(4, 6, "tanh"), gd.Dense(6, 2)),
    "inner": (gd.Dense(4, 3, "sigmoid"), gd.Log1p(3), gd.Standardize((0.4,) * 3, (0.5,) * 3), gd.Dense(3, 2)),
    "target": (gd.Dense(4, 5, "tanh"), gd.Dense(5, 2), gd.ScaledTarget((1.0, 2.0), (3.0, 4.0))),
    "normalized": (gd.Dense(4, 6), gd.LayerNorm(6), gd.Dense(6, 2)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", STACKS)
def test_kinds_of_layers(name, dtype, isa):
    X, y = np.abs(RNG.normal(size=(300, 4))), RNG.normal(size=(300, 2))

    def trained():
        net = gd.Sequential(*STACKS[name], dtype=dtype, seed=0)
        gd.Trainer(net, "mse", gd.SGD(0.01), batch_size=37, seed=3).epoch(X, y)
        return [net.params, *net.loss_and_grad(X, y, "mse")]

    assert_both_agree(trained, dtype, 200)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [1, 2, 7, 8, 19, 40])
def test_widths_of_a_normalization(width, dtype, isa):
    """The sums over features are eight, and those over rows end within a vector."""
    for n in (1, 5, 16, 33, 700):
        layers = gd.Dense(4, width, "tanh"), gd.LayerNorm(width), gd.Dense(width, 2)
        net = gd.Sequential(*layers, dtype=dtype, seed=n)
        net.params[:] += RNG.uniform(-0.1, 0.1, net.params.shape)
        weight = RNG.uniform(0.5, 2, n) if n % 2 else None
        ulps = ULPS / np.sqrt(layers[1].eps) if width == 1 else ULPS  # one feature leaves roundoff over the root of eps
        assert_gradients_agree(net, gd.losses.MeanSquaredError(), n, weight, ulps)
        assert_predictions_agree(net, RNG.normal(size=(n, 4)).astype(dtype))


def test_a_normalization_of_numbers_whose_squares_overflow(isa):
    net = gd.Sequential(gd.LayerNorm(3), gd.Dense(3, 2), dtype="float64", seed=0)
    X = RNG.normal(size=(50, 3))
    X[17] *= 1e200
    X[40] = 1e160
    assert_predictions_agree(net, X)
    assert_gradients_agree(net, gd.losses.MeanSquaredError(), 50)


def test_no_network_keeps_columns(isa):
    """A kind of layer without functions for one of the orders would give the same bits in both."""
    for layers in STACKS.values():
        net, grads = gd.Sequential(*layers, dtype="float32", seed=0), []
        X, y = np.abs(RNG.normal(size=(300, 4))), RNG.normal(size=(300, 2))
        for order in ("rows", "columns"):
            with lanes(order):
                grads.append(net.loss_and_grad(X, y, "mse")[1])
        assert (grads[0] != grads[1]).any()


def assert_predictions_agree(net, X):
    """Check that outputs have the same bits in both orders, and a row alone those that it has among others."""
    with lanes("columns"):
        expected = net.predict(X)
    with lanes("rows"):
        np.testing.assert_array_equal(net.predict(X), expected)
        for start, n in ((0, 1), (len(X) // 2, 3), (len(X) - 1, 1)):
            np.testing.assert_array_equal(net.predict(X[start : start + n]), expected[start : start + n])
    np.testing.assert_array_equal(net.predict(X), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("widths", [*WIDTHS, (30, 1), (100, 1), (16, 1), (7, 5, 1, 4)], ids=str)
def test_predictions_have_the_same_bits(widths, dtype, isa):
    net = gd.MLP(list(widths), activation="tanh", dtype=dtype, seed=0)
    for n in (5, 17, 130, 1001):
        assert_predictions_agree(net, RNG.normal(size=(n, widths[0])).astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", STACKS)
def test_predictions_through_every_kind_of_layer(name, dtype, isa):
    net = gd.Sequential(*STACKS[name], dtype=dtype, seed=0)
    net.params[:] = RNG.uniform(0.1, 0.5, net.params.shape)
    assert_predictions_agree(net, np.abs(RNG.normal(size=(300, 4))).astype(dtype))


@pytest.mark.parametrize("activation", [*(row.name for row in gd.ACTIVATIONS), gd.LeakyReLU(-0.3)], ids=str)
def test_predictions_behind_every_activation(activation, isa):
    net = gd.MLP([5, 7, 2], activation=activation, output_activation=activation, dtype="float32", seed=0)
    assert_predictions_agree(net, RNG.normal(size=(75, 5), scale=3).astype("float32"))


def test_a_bad_row_is_refused_in_every_block(isa):
    net = gd.MLP([3, 5, 1], dtype="float32", seed=0)
    for row in (0, 700, 4999):
        X = RNG.normal(size=(5000, 3)).astype("float32")
        X[row, 1] = np.nan
        with lanes("rows"), pytest.raises(ValueError, match=f"X contains NaN in row {row}"):
            net.predict(X)


def test_lanes_behind_the_rows_may_have_no_logarithm(isa):
    """A row of zeros, which stands there, has outputs below -1 before the log1p."""
    net = gd.Sequential(gd.Dense(2, 2), gd.Log1p(2), gd.Dense(2, 1), dtype="float32", seed=0)
    net.params[:6] = (1, 0, 0, 1, -5, -5)
    X = np.full((9, 2), 7.0, "float32")
    assert_predictions_agree(net, X)
    X[8] = 1
    for order in ("rows", "columns"):
        with lanes(order), pytest.raises(ValueError, match="log1p"):
            net.predict(X)


def test_every_kind_of_layer_is_tried():
    assert {type(layer) for layers in STACKS.values() for layer in layers} == set(gd.LAYERS)


@pytest.mark.parametrize("optimizer", [kind() for kind in gd.optimizers.OPTIMIZERS], ids=repr)
def test_optimizers(optimizer, isa):
    X, y = RNG.normal(size=(85, 4)), RNG.normal(size=(85, 2))

    def trained():
        net = gd.MLP([4, 6, 2], activation="tanh", dtype="float64", seed=0)
        trainer = gd.Trainer(net, "mse", optimizer, batch_size=20, seed=1, l1=1e-3, l2=1e-2, clip_norm=0.5)
        history = trainer.fit(X, y, epochs=3)
        return [net.params, history.loss]

    assert_both_agree(trained, "float64", 1e4)


def test_options_of_layers(isa):
    X, y = RNG.normal(size=(50, 4)), RNG.normal(size=(50, 2))

    def trained():
        layers = [
            gd.Dense(4, 6, "tanh", l2=0.1, max_norm=0.7),
            gd.Dense(6, 5, "relu", l1=0.01, bias=False),
            gd.Dense(5, 2),
        ]
        net = gd.Sequential(*layers, dtype="float64", seed=0)
        gd.Trainer(net, "mse", gd.SGD(0.1), batch_size=25, clip_value=0.01).fit(X, y, epochs=3)
        return [net.params]

    assert_both_agree(trained, "float64", 1e4)


@pytest.mark.parametrize("widths", [(3, 5, 2), (64, 80, 70, 1)], ids=str)
def test_any_number_of_threads_gives_the_same_bits(widths, isa):
    n = 9000 if widths[0] == 3 else 6000
    X, y = RNG.normal(size=(n, widths[0])), RNG.normal(size=(n, widths[-1]))
    norm = gd.LayerNorm(widths[1])
    first, *others = (gd.Dense(*pair, "tanh") for pair in pairwise(widths))
    for batch in (n, n // 2, 701):
        found = []
        for threads in (1, 2, 3, 4):
            net = gd.Sequential(first, norm, *others, dtype="float32", seed=0)
            with lanes("rows"), gd.num_threads(threads):
                gd.Trainer(net, "mse", gd.SGD(0.1), batch_size=batch, seed=1, clip_norm=0.1).epoch(X, y)
            found.append(net.params.copy())
        for other in found[1:]:
            np.testing.assert_array_equal(found[0], other)


def test_the_orders_are_two(isa):
    """Where they gave the same bits in a network of this size, nothing would have been compared."""
    net = gd.MLP([5, 7, 3], activation="tanh", dtype="float32", seed=0)
    X, y = problem(net, gd.losses.CrossEntropy(), 200)
    grads = []
    for order in ("rows", "columns"):
        with lanes(order):
            grads.append(net.loss_and_grad(X, y, "cross_entropy")[1])
    assert (grads[0] != grads[1]).any()


@pytest.mark.parametrize("widths", [(10, 17, 3), (4, 8, 1), (64, 10), (8, 32, 32, 1)], ids=str)
@pytest.mark.parametrize("batch", [5, 17, 64])
def test_steps_and_epochs_have_the_same_bits(widths, batch, isa):
    X, y = RNG.normal(size=(3 * batch + 2, widths[0])), RNG.normal(size=(3 * batch + 2, widths[-1]))
    nets = [gd.MLP(list(widths), activation="tanh", dtype="float32", seed=0) for _ in range(2)]
    whole, by_hand = (gd.Trainer(net, "mse", gd.Adam(0.01), batch_size=batch, shuffle=False) for net in nets)
    whole.epoch(X, y)
    for at in range(0, len(X), batch):
        by_hand.step(X[at : at + batch], y[at : at + batch])
    np.testing.assert_array_equal(nets[0].params, nets[1].params)


def test_lanes_behind_the_rows_do_not_count(isa):
    """A row of zeros, which stands there, may overflow where the batch does not."""
    net = gd.MLP([3, 4, 1], activation="identity", dtype="float32", seed=0)
    net.params[:] = 1e-3
    net.params[12:16] = 100  # the first bias
    net.params[16:20] = 1
    X = np.full((5, 3), -1e5)  # z = -200 for a row, 100 for a lane behind them, which exp does not take
    with lanes("rows"):
        value, grad = net.loss_and_grad(X, np.ones((5, 1)), gd.losses.Poisson())
    assert np.isfinite(value)
    assert np.isfinite(grad).all()


def test_a_step_that_is_not_finite_changes_nothing(isa):
    net = gd.MLP([3, 4, 1], dtype="float32", seed=0)
    before = net.params.copy()
    X = np.full((8, 3), 1e30)
    with lanes("rows"), pytest.raises(gd.DivergedError):
        gd.Trainer(net, "mse", gd.SGD(0.1), batch_size=8).step(X, np.ones((8, 1)))
    np.testing.assert_array_equal(net.params, before)


def test_the_environment_forces_an_order():
    call = [sys.executable, "-c", "import gdcore; print(gdcore.show_config()['lanes'])"]
    for value in ("rows", "columns", ""):
        done = subprocess.run(call, env={**os.environ, "GDCORE_LANES": value}, capture_output=True, text=True)
        assert done.stdout.startswith(f"{value} (" if value else "rows or columns")
    done = subprocess.run(call, env={**os.environ, "GDCORE_LANES": "diagonals"}, capture_output=True, text=True)
    assert "GDCORE_LANES must be rows or columns, got 'diagonals'" in done.stderr
