"""Gradients of a user's own backward pass: mistakes are named, float32 is allowed for, kinks are bounded."""

from typing import get_args

import numpy as np
import pytest

import gdcore as gd
from gdcore.gradcheck.model.kinds.table import KINDS
from gdcore.layers.layer import Layer


def test_the_checker_knows_every_kind_of_layer():
    assert {*KINDS, gd.ScaledTarget} == set(gd.LAYERS) == {*get_args(Layer)}


def tanh_slope(z):
    return 1 - np.tanh(z) ** 2


def own_pass(net, X, y, slope=tanh_slope, rows=None, mask=1.0, back_mask=None):
    """The gradient of a mean squared error through two tanh layers, by hand; `mask` (n, 6) is dropout's."""
    back_mask = mask if back_mask is None else back_mask
    W0, b0, W1, b1, W2, b2 = (view for _, view in net.parameters())
    z0 = X @ W0 + b0
    z1 = np.tanh(z0) * mask @ W1 + b1
    out = np.tanh(z1) @ W2 + b2
    delta = 2 * (out - y) / y.size
    delta = delta if rows is None else delta * rows[:, None]
    d1 = delta @ W2.T * slope(z1)
    d0 = d1 @ W1.T * back_mask * tanh_slope(z0)
    parts = (X.T @ d0, d0.sum(0), (np.tanh(z0) * mask).T @ d1, d1.sum(0), np.tanh(z1).T @ delta, delta.sum(0))
    return np.concatenate([part.ravel() for part in parts])


@pytest.fixture
def problem(rng):
    net = gd.MLP([3, 6, 5, 2], "tanh", dtype="float64", seed=0)
    net.params += 0.2 * rng.normal(size=net.n_params)
    return net, 1.5 * rng.normal(size=(12, 3)), rng.normal(size=(12, 2))


LAST = np.arange(12) < 11
MISTAKES = [
    ({"slope": np.ones_like}, "leave the slope of dense1's activation out"),
    ({"slope": lambda z: tanh_slope(np.tanh(z))}, "take the slope of dense1's activation at its output"),
    ({"rows": LAST * 1.0}, "does not add the last row"),
    ({"rows": LAST * 12 / 11}, "leaves the last row out of the mean"),
]


@pytest.mark.parametrize(("mistake", "words"), MISTAKES)
def test_mistakes_of_a_backward_pass_are_named(problem, mistake, words):
    net, X, y = problem
    assert gd.check_gradients(net, X, y, "mse", grad=own_pass(net, X, y)).ok
    report = gd.check_gradients(net, X, y, "mse", grad=own_pass(net, X, y, **mistake))
    assert report.verdict == "fail"
    [cause] = report.causes
    assert cause.endswith(f" {words}")


def test_slopes_left_out_everywhere_are_named(problem):
    net, X, y = problem
    linear = gd.Sequential(*(gd.Dense(a, b) for a, b in ((3, 6), (6, 5), (5, 2))), dtype="float64")
    linear.params = net.params
    grad = own_pass(net, X, y)
    W1, W2 = net.params[24:54].reshape(6, 5), net.params[59:69].reshape(5, 2)
    delta = 2 * (net.predict(X) - y) / y.size
    grad[:18], grad[18:24] = (X.T @ (delta @ W2.T @ W1.T)).ravel(), (delta @ W2.T @ W1.T).sum(0)
    grad[24:54] = (np.tanh(X @ net.params[:18].reshape(3, 6) + net.params[18:24]).T @ (delta @ W2.T)).ravel()
    grad[54:59] = (delta @ W2.T).sum(0)
    causes = gd.check_gradients(net, X, y, "mse", grad=grad).causes
    assert "dense0.weight, dense0.bias leave the activations' slopes out" in causes


def test_a_mask_left_out_on_the_way_back_is_named(problem):
    plain, X, y = problem
    net = gd.Sequential(
        gd.Dense(3, 6, "tanh"), gd.Dropout(0.4), gd.Dense(6, 5, "tanh"), gd.Dense(5, 2), dtype="float64"
    )
    net.params = plain.params
    hidden = np.tanh(X @ net.params[:18].reshape(3, 6) + net.params[18:24])
    _, grad = net.loss_and_grad(X, y, "mse", dropout_seed=0)
    kept = net.stack.bind(trains=True, blocks=False).outputs(X, 1)[1] / hidden
    np.testing.assert_allclose(own_pass(net, X, y, mask=kept), grad, atol=1e-12)
    wrong = own_pass(net, X, y, mask=kept, back_mask=np.ones_like(kept))
    report = gd.check_gradients(net, X, y, "mse", grad=wrong)
    assert report.causes == ("dense0.weight, dense0.bias leave dropout's mask out on the way back",)


@pytest.mark.parametrize("model", ["float32", "float64"])
def test_a_float32_gradient_may_be_off_by_its_roundoff(model, rng):
    net = gd.MLP([5, 8, 8, 3], "gelu", dtype="float32", seed=1)
    X, y = rng.normal(size=(50, 5)).astype("float32"), rng.integers(0, 3, 50)
    grad = net.loss_and_grad(X, y, "cross_entropy")[1]
    checked = net.astype(model)
    report = gd.check_gradients(checked, X, y, "cross_entropy", grad=grad)
    assert report.ok, report
    assert gd.check_gradients(checked, X, y, "cross_entropy", grad=lambda: grad).ok
    assert gd.check_gradients(checked, X, y, "cross_entropy", grad=grad.astype("float64")).verdict == "fail"
    grad[np.abs(grad).argmax()] *= np.float32(1.001)
    assert gd.check_gradients(checked, X, y, "cross_entropy", grad=grad).verdict == "fail"


def test_several_kinks_excuse_no_more_than_taking_sides_can_lead_to():
    """XOR in two layers from biases of zero: in the second layer several units stand on kinks in a row of zeros."""
    net = gd.MLP([2, 4, 4, 1], "relu", dtype="float64", seed=3)
    X, y = np.array([[0.0, 0], [0, 0], [1, 0], [1, 1]]), np.array([[1.0], [-3], [0], [1]])
    right = net.loss_and_grad(X, y, "mse")[1]
    own = gd.check_gradients(net, X, y, "mse", grad=right)
    assert own.verdict != "fail"
    bias = own.blocks[3]
    sizes = np.abs(own.entries["bound"][bias.place]) + np.abs(right[bias.place])
    assert own.entries["kink"][bias.place].any()
    wrong = right.copy()
    wrong[bias.place] += 20 * sizes.max()
    found = gd.check_gradients(net, X, y, "mse", grad=wrong).entries["verdict"][bias.place]
    assert (found == "fail").all()


def test_many_kinks_within_a_float32_step_give_no_false_alarm():
    """Sums of hundreds of absolute values in float32: the smallest usable step holds many kinks."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        A, b = 100 * rng.normal(size=(512, 6)).astype("float32"), rng.normal(size=512).astype("float32")

        def fun(x, A=A, b=b):
            return np.float32(np.mean(np.abs(A @ x - b)))

        x = (0.3 * rng.normal(size=6)).astype("float32")
        grad = A.T @ np.sign(A @ x - b) / 512
        assert gd.check_gradient(fun, grad, x).verdict != "fail", seed
        assert gd.check_gradient(fun, 2 * grad, x).verdict == "fail"
