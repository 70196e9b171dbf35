"""On kinks and next to them: what lies between the one-sided slopes passes, nothing else does, at few evaluations."""

import numpy as np
import pytest

import gdcore as gd
from gdcore.gradcheck.slopes.search import EVALUATIONS, SPARE

X = np.array([[3.0], [-2.0], [1.0], [4.0]])
TIES = {  # targets of the line z = x / 2, and d loss / d z of a row at the kink's two sides
    "mean_absolute_error": ([1.5, 4, -5, 6], (-1.0, 1.0)),
    gd.Quantile(0.9): ([1.5, 4, -5, 6], (-0.9, 0.1)),
    gd.EpsilonInsensitive(0.5): ([1.0, 4, -5, 6], (0.0, 1.0)),
    "hinge": ([1, -1, -1, -1], (0.0, 1.0)),
}


@pytest.mark.parametrize(("loss", "tie"), TIES.items(), ids=str)
def test_on_a_losss_kink_the_gradient_lies_between_the_slopes(loss, tie):
    targets, slopes = tie
    line = gd.LinearModel(1, bias=False, dtype="float64")
    line.params[:] = 0.5
    row = 1 if loss == "hinge" else 0  # -1 * -1 is a margin of 1
    others = np.delete(np.arange(4), row)
    gradient = line.loss_and_grad(X, targets, loss)[1]
    rest = 0.75 * line.loss_and_grad(X[others], np.take(targets, others), loss)[1]
    low, high = sorted((rest + slope * X[row] / 4).item() for slope in slopes)
    assert low <= gradient.item() <= high
    for share, verdict in ((-0.1, "fail"), (0.1, "pass"), (0.9, "pass"), (1.1, "fail")):
        report = gd.check_gradients(line, X, targets, loss, grad=np.array([low + share * (high - low)]))
        assert report.verdict == verdict
        assert report.entries["kink"].all()


@pytest.mark.parametrize("sign", [-1, 1])
def test_at_a_margin_of_zero_the_perceptrons_gradient_is_rosenblatts(sign):
    """Where its own slope is that of one side, both sides' are right, and what lies between."""
    line = gd.LinearModel(1, dtype="float64")
    line.params[:] = 0.5, -1.0
    X, y = [[2.0], [-1.0], [3.0]], [sign, 1, -1]
    rest = (line.loss_and_grad(X[1:], y[1:], "perceptron")[1] * 2 / 3)[1]
    assert line.loss_and_grad(X, y, "perceptron")[1][1] == rest - sign / 3
    assert gd.check_gradients(line, X, y, "perceptron").ok
    for share, verdict in ((-0.1, "fail"), (0.0, "pass"), (0.5, "pass"), (1.0, "pass"), (1.1, "fail")):
        of_margin = -sign * share / 3
        grad = line.loss_and_grad(X[1:], y[1:], "perceptron")[1] * 2 / 3 + of_margin * np.array([2.0, 1.0])
        report = gd.check_gradients(line, X, y, "perceptron", grad=grad)
        assert report.verdict == verdict, (share, report)
        assert report.entries["kink"].all()


@pytest.mark.parametrize("size", [1e3, 1e9])
@pytest.mark.parametrize("kind", [gd.EpsilonInsensitive, gd.SquaredEpsilonInsensitive])
def test_small_values_of_large_residuals_are_no_false_alarm(kind, size):
    """The loss is what is left of |z - y| less epsilon, and has the roundoff of both."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        net, X = gd.MLP([3, 8, 1], "tanh", dtype="float64", seed=seed), rng.normal(size=(9, 3))
        report = gd.check_gradients(net, X, size + 0.01 + 4 * rng.random((9, 1)), kind(size))
        assert report.verdict != "fail", report
        wrong = net.loss_and_grad(X, size + np.full((9, 1), 9.0), kind(size))[1] * 1.1
        assert gd.check_gradients(net, X, size + np.full((9, 1), 9.0), kind(size), grad=wrong).verdict == "fail"


@pytest.mark.parametrize("loss", [loss() for loss in gd.LOSSES if loss.kink == "residual"], ids=repr)
def test_where_every_parameter_stands_on_a_kink(loss):
    """One row is met exactly: no parameter can move without leaving it."""
    rng = np.random.default_rng(0)
    net, X = gd.MLP([8, 24, 24, 1], "tanh", dtype="float64", seed=3), rng.normal(size=(1, 8))
    y = net.predict(X)
    report = gd.check_gradients(net, X, y, loss)
    assert report.ok, report
    assert report.entries["kink"].all()
    assert report.evaluations <= EVALUATIONS * net.n_params + SPARE
    wrong = report.numeric + 1.2 * report.entries["bound"]
    assert (gd.check_gradients(net, X, y, loss, grad=wrong).entries["verdict"] == "fail").all()


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "selu"])
@pytest.mark.parametrize("size", [1e-18, 1e-100, 1e-300])
def test_rows_of_almost_zero_are_no_false_alarm(activation, size):
    """What centring leaves of a constant column: biases of zero stand between as many kinks as there are rows."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        net, X = gd.MLP([3, 4, 2], activation, dtype="float64", seed=seed), size * rng.normal(size=(9, 3))
        y = rng.normal(size=(9, 2))
        assert gd.check_gradients(net, X, y, "mse").verdict != "fail"
        wrong = net.loss_and_grad(X, y, "mse")[1]
        wrong[12:16] += 30 * np.abs(wrong[12:16]).max()  # further than taking sides can lead
        assert gd.check_gradients(net, X, y, "mse", grad=wrong).verdict == "fail"
