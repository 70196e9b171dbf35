"""Steps of plain gradient descent on one row, which read and change each weight in one pass on the way back."""

import numpy as np
import pytest

import gdcore as gd

RNG = np.random.default_rng(0)
# The weight of 700-20 is narrow and too large for one pass, unless relu leaves out some of its inputs.
WIDTHS = (
    (3, 700, 20, 2),
    (40, 100, 100, 10),
    (5, 93, 137, 3),
    (20, 33, 1, 17),
    (17, 30, 7),
    (70, 1, 40),
    (9, 64, 3, 1),
)
HUGE = {"float32": 1e20, "float64": 1e145}  # a weight of this size leaves the bound nothing to show


def data(widths, n, dtype):
    X, y = RNG.normal(size=(n, widths[0])), RNG.normal(size=(n, widths[-1]))
    X[:, 1] = 0
    return X.astype(dtype), y.astype(dtype)


def trained(widths, activation, rows, huge=0.0, **options):
    X, y = rows
    net = gd.MLP(list(widths), activation=activation, dtype=X.dtype.name, seed=0)
    net.params[widths[1]] = huge  # the first weight of input 1, which is always 0
    rate = 5e-4 if max(widths) < 500 else 5e-5  # the steep activation diverges otherwise
    trainer = gd.Trainer(net, "mse", gd.SGD(rate), batch_size=1, shuffle=False, **options)
    history = trainer.fit(X, y, epochs=2)
    params = net.params.copy()
    params[widths[1]] = 0
    return params, np.asarray(history.loss)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", gd.LeakyReLU(-2.0)], ids=str)
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_two_passes_give_the_same_bits(widths, activation, dtype, isa):
    rows = data(widths, 12, dtype)
    one, two = (trained(widths, activation, rows, huge) for huge in (0.0, HUGE[dtype]))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])


@pytest.mark.parametrize("activation", [*(row.name for row in gd.ACTIVATIONS)], ids=str)
def test_it_is_the_step_of_a_kept_gradient(activation, isa):
    rows = data((20, 33, 18, 3), 12, "float64")
    one = trained((20, 33, 18, 3), activation, rows)
    kept = trained((20, 33, 18, 3), activation, rows, clip_norm=1e9)
    np.testing.assert_allclose(one[0], kept[0], rtol=0, atol=1e-13)
    np.testing.assert_allclose(one[1], kept[1], rtol=1e-12)


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_steps_and_epochs_have_the_same_bits(widths, isa):
    X, y = data(widths, 12, "float32")
    nets = [gd.MLP(list(widths), activation="relu", dtype="float32", seed=0) for _ in range(2)]
    whole, by_hand = (gd.Trainer(net, "mse", gd.SGD(0.01), batch_size=1, shuffle=False) for net in nets)
    whole.epoch(X, y)
    for row in range(len(X)):
        by_hand.step(X[row : row + 1], y[row : row + 1])
    np.testing.assert_array_equal(nets[0].params, nets[1].params)


@pytest.mark.parametrize("bad", [1e30, np.inf, np.nan])
def test_a_step_that_is_not_finite_changes_nothing(bad, isa):
    X, y = data((20, 40, 30, 2), 9, "float32")
    net = gd.MLP([20, 40, 30, 2], dtype="float32", seed=0)
    trainer = gd.Trainer(net, "mse", gd.SGD(0.01), batch_size=1)
    trainer.step(X[:1], y[:1])
    before = net.params.copy()
    with pytest.raises((gd.DivergedError, ValueError)):
        trainer.step(np.full((1, 20), bad, "float32"), y[:1])
    np.testing.assert_array_equal(net.params, before)


def test_an_update_that_overflows_changes_nothing(isa):
    """Loss and gradient are finite in double, the parameters would not be."""
    X, y = data((20, 40, 2), 1, "float32")
    net = gd.MLP([20, 40, 2], activation="identity", dtype="float32", seed=0)
    before = net.params.copy()
    with pytest.raises(gd.DivergedError):
        gd.Trainer(net, "mse", gd.SGD(3e38), batch_size=1).step(X, y * 100)
    np.testing.assert_array_equal(net.params, before)


def test_a_long_epoch_at_a_high_rate_measures_its_bound_anew(isa):
    X, y = data((12, 20, 18, 1), 3000, "float32")
    net = gd.MLP([12, 20, 18, 1], activation="tanh", dtype="float32", seed=0)
    history = gd.Trainer(net, "mse", gd.SGD(0.05), batch_size=1).fit(X, y, epochs=4)
    assert np.isfinite(history.loss).all()
    assert np.isfinite(net.params).all()
