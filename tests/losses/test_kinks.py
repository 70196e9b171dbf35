"""Values and slopes at the losses' kinks, what the perceptron's slope is for, and tubes of no width."""

import numpy as np
import pytest
from cases import RECORDS

import gdcore as gd

TUBE, SQUARE = gd.EpsilonInsensitive(0.5), gd.SquaredEpsilonInsensitive(0.5)
POINTS = [  # loss, output, target, value, slope
    (gd.MeanAbsoluteError(), 1, 1, 0, 0),
    (gd.Quantile(0.9), 1, 1, 0, 0),
    (gd.Hinge(), 1, 1, 0, 0),
    (gd.Hinge(), -1, -1, 0, 0),
    (gd.ModifiedHuber(), 0.5, 1, 0.25, -1),
    (gd.ModifiedHuber(), 1, 1, 0, 0),
    (gd.ModifiedHuber(), 2, 1, 0, 0),
    (gd.ModifiedHuber(), -1, 1, 4, -4),
    (gd.ModifiedHuber(), 1, -1, 4, 4),
    (gd.ModifiedHuber(), 3, -1, 12, 4),
    (gd.Perceptron(), 2, 1, 0, 0),
    (gd.Perceptron(), -2, 1, 2, -1),
    (gd.Perceptron(), 2, -1, 2, 1),
    (gd.Perceptron(), 0, 1, 0, -1),
    (gd.Perceptron(), 0, -1, 0, 1),
    (gd.Perceptron(), -0.0, 1, 0, -1),
    (TUBE, 1.25, 1, 0, 0),
    (TUBE, 1.5, 1, 0, 0),
    (TUBE, 0.5, 1, 0, 0),
    (TUBE, 3, 1, 1.5, 1),
    (TUBE, -1, 1, 1.5, -1),
    (SQUARE, 1.25, 1, 0, 0),
    (SQUARE, 1.5, 1, 0, 0),
    (SQUARE, 3, 1, 2.25, 3),
    (SQUARE, -1, 1, 2.25, -3),
]


@pytest.mark.parametrize(("loss", "z", "y", "value", "slope"), POINTS, ids=lambda value: str(value))
def test_points(kernels, loss, z, y, value, slope):
    z, y, delta = (np.full((1, 1), number, kernels.PRECISION) for number in (z, y, np.nan))
    found = kernels.loss_rows(loss.name, loss.option(), z, y, None, None, delta)
    assert (found, delta.item()) == (value, slope)
    assert not np.signbit(found)


def test_the_slopes_at_kinks_lie_between_those_of_both_sides(kernels):
    """0 where it lies between, but for the perceptron's: from weights of 0 a slope of 0 leads nowhere."""
    seen = set()
    for loss in RECORDS:
        if not loss.kink:
            continue
        for y in (-1.0, 1.0):
            for z in (y, 0.0, y - loss.option(), y + loss.option()):
                if loss.kinks(np.array([[z]]), np.array([[y]])).item() != 0:
                    continue
                places = np.array([[z - 0.01], [z], [z + 0.01]], kernels.PRECISION)
                slopes = np.empty_like(places)
                kernels.loss_rows(loss.name, loss.option(), places, np.full_like(places, y), None, None, slopes)
                low, here, high = (3 * slopes).ravel().tolist()
                assert low < high
                assert here == (pytest.approx(-y) if loss == gd.Perceptron() else 0)
                seen.add(loss.name)
    assert seen == {loss.name for loss in gd.LOSSES if loss.kink}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
@pytest.mark.parametrize("hidden", [(), (5,)])
def test_the_perceptron_leaves_weights_of_zero(dtype, batch_size, hidden):
    """On the loop of linear models, as a small network, and on all rows at once."""
    X = np.random.default_rng(0).normal(size=(100, 2))
    y = np.sign(X[:, 0] - 2 * X[:, 1])
    net = gd.MLP([2, *hidden, 1], "identity", seed=0, dtype=dtype)
    net.params[-net.layers[-1].n_params :] = 0
    net.fit(X, y, "perceptron", optimizer=gd.SGD(0.1), batch_size=batch_size, epochs=200)
    assert net.score(X, y) >= 0.95


@pytest.mark.parametrize(
    ("tube", "other"),
    [
        (gd.EpsilonInsensitive(0.0), gd.MeanAbsoluteError()),
        (gd.SquaredEpsilonInsensitive(0.0), gd.MeanSquaredError()),
    ],
)
def test_a_tube_of_no_width_is_the_loss_without_it(tube, other):
    rng = np.random.default_rng(0)
    net, X, y = gd.MLP([3, 4, 2], "tanh", seed=0, dtype="float64"), rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    y[3] = net.predict(X[3:4])
    value, grad = net.loss_and_grad(X, y, tube)
    want, want_grad = net.loss_and_grad(X, y, other)
    assert value == want
    np.testing.assert_array_equal(grad, want_grad)
    v = rng.normal(size=net.n_params)
    np.testing.assert_array_equal(net.hessian_vector(X, y, tube, v), net.hessian_vector(X, y, other, v))
    for order in (1, 2):
        assert gd.check_gradients(net, X, y, tube, order=order).ok
    outputs = np.array([[-0.5, 0.0, 0.5]])
    np.testing.assert_array_equal(tube.kinks(outputs, np.zeros((1, 3)), order=2), outputs)  # two kinks at one place


@pytest.mark.parametrize("kind", [gd.EpsilonInsensitive, gd.SquaredEpsilonInsensitive])
def test_epsilon_is_checked(kind):
    with pytest.raises(ValueError, match=r"epsilon must be >= 0, got -0\.1"):
        kind(-0.1)
