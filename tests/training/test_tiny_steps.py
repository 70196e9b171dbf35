"""Steps of few rows in narrow networks, which have a way of their own: they follow the gradient of `loss_and_grad`."""

from itertools import pairwise

import numpy as np
import pytest

import gdcore as gd

RNG = np.random.default_rng(0)
NETS = (
    (1, 1, 1),
    (3, 2),
    (4, 8, 2),
    (2, 16, 3, 16, 1),
    (9, 1, 5),
    (16, 16),
    (17, 4, 1),
    (8, 3, 3, 3, 3, 3, 3, 3, 3, 2),
)
MSE = gd.losses.MeanSquaredError()
TOLERANCE = {"float32": 3e-5, "float64": 1e-12}


def problem(net, loss, n):
    X, k = RNG.normal(size=(n, net.in_features)), net.out_features
    if loss.target == "class":
        return X, RNG.integers(0, k, n)
    y = RNG.normal(size=(n, k))
    if loss.target in ("unit", "nonnegative"):
        y = (y > 0).astype(float)
    return X, np.where(y > 0, 1.0, -1.0) if loss.target == "sign" else y


def assert_follows_the_gradient(net, loss, X, y, weight=None, **options):
    before = net.params.copy()
    value, grad = net.loss_and_grad(X, y, loss, sample_weight=weight)
    trainer = gd.Trainer(net, loss, gd.SGD(0.5), batch_size=len(X), **options)
    found = trainer.step(X, y, None if weight is None else weight / np.mean(weight))
    tolerance = TOLERANCE[net.dtype]
    np.testing.assert_allclose(found, value, rtol=tolerance)
    np.testing.assert_allclose(
        (before - net.params) / 0.5, grad, rtol=tolerance, atol=tolerance * (1 + abs(grad).max())
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("widths", NETS, ids=str)
def test_widths(widths, dtype, isa):
    for n in (1, 2, 3, 4, 5):
        for bias in (True, False):
            layers = [gd.Dense(*pair, "tanh", bias=bias) for pair in pairwise(widths)]
            net = gd.Sequential(*layers, dtype=dtype, seed=n)
            assert_follows_the_gradient(
                net, gd.losses.MeanSquaredError(), *problem(net, gd.losses.MeanSquaredError(), n)
            )


@pytest.mark.parametrize("activation", [*(row.name for row in gd.ACTIVATIONS), gd.LeakyReLU(-0.3)], ids=str)
def test_activations(activation):
    for widths in ((5, 7, 2), (5, 7, 1)):
        net = gd.MLP(list(widths), activation=activation, output_activation=activation, dtype="float64", seed=0)
        assert_follows_the_gradient(net, MSE, *problem(net, MSE, 3))


@pytest.mark.parametrize("loss", [kind() for kind in gd.LOSSES], ids=repr)
@pytest.mark.parametrize("weighted", [False, True])
def test_losses(loss, weighted):
    net = gd.MLP([4, 6, 3], dtype="float64", seed=0)
    for n in (1, 3):
        weight = RNG.uniform(0.5, 2, n) if weighted else None
        assert_follows_the_gradient(net, loss, *problem(net, loss, n), weight)


def test_soft_labels():
    net = gd.MLP([4, 6, 3], dtype="float64", seed=0)
    target = RNG.dirichlet(np.ones(3), 2)
    assert_follows_the_gradient(net, gd.losses.CrossEntropy(), RNG.normal(size=(2, 4)), target)


@pytest.mark.parametrize("optimizer", [gd.Adam(0.01), gd.SGD(0.05, momentum=0.9), gd.Lion(0.01)], ids=repr)
def test_an_epoch_has_the_bits_of_its_steps(optimizer):
    X, y = RNG.normal(size=(23, 5)), RNG.normal(size=(23, 2))
    nets = [gd.MLP([5, 9, 2], seed=0) for _ in range(2)]
    options = {"batch_size": 3, "shuffle": False, "l1": 0.001, "l2": 0.01, "clip_norm": 1.0}
    trainers = [gd.Trainer(net, "mse", optimizer, **options) for net in nets]
    trainers[0].fit(X, y, epochs=2)
    for first in [*range(0, 23, 3)] * 2:
        trainers[1].step(X[first : first + 3], y[first : first + 3])
    assert np.array_equal(nets[0].params, nets[1].params)


def test_a_step_that_is_not_finite_changes_nothing():
    net = gd.MLP([4, 8, 2], activation="relu", seed=0)
    trainer = gd.Trainer(net, "mse", gd.SGD(0.1), batch_size=1, shuffle=False)
    before = net.params.copy()
    huge = np.full((1, 4), 3e38, "f")
    with pytest.raises(gd.DivergedError, match="not finite"):
        trainer.step(huge, np.zeros((1, 2), "f"))
    assert np.array_equal(net.params, before)
