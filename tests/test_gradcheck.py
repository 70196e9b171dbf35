"""The checker passes what is right, on every activation, loss and precision; and finds what is wrong."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from test_losses import RECORDS, draw_targets

import gdcore as gd

ACTIVATIONS = [row.name for row in gd.ACTIVATIONS]


def problem(activation, loss, dtype="float64", dropout=0.0, seed=0, rows=9):
    rng = np.random.default_rng([seed, *map(ord, activation)])
    net = gd.MLP([3, 5, 4, 2], activation, dropout=dropout, dtype=dtype, seed=seed)
    net.params += 0.1 * rng.normal(size=net.n_params).astype(dtype)     # biases that are not zero
    return net, rng.normal(size=(rows, 3)), draw_targets(loss, rng, rows, 2), rng.random(rows)


@pytest.mark.parametrize("loss", RECORDS, ids=repr)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_right_gradients_pass(activation, loss):
    for dtype, (seed, options) in itertools.product(
        ("float32", "float64"), enumerate(({}, {"l2": 0.1}, {"l1": 0.01, "l2": 0.1}, {"dropout": 0.4}))
    ):
        net, X, y, weight = problem(activation, loss, dtype, options.pop("dropout", 0.0), seed)
        report = gd.check_gradients(net, X, y, loss, sample_weight=weight if seed % 2 else None, **options)
        assert report.ok, report


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1.0, 1e6, 1e12])
def test_the_losses_scale_does_not_change_the_verdict(scale):
    net, X, y, _ = problem("tanh", gd.MeanSquaredError())

    def loss(z, y, error=0.0):
        delta = 2 * scale * (z - y) / z.size
        return scale * float(np.mean((z - y) ** 2)), delta * (1 + error)

    assert gd.check_gradients(net, X, y, loss).ok
    assert not gd.check_gradients(net, X, y, lambda z, y: loss(z, y, 1e-3)).ok


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "selu"])
def test_no_false_alarm_near_kinks(activation):
    """Hundreds of units times rows: some lie within the difference's reach of zero."""
    for seed in range(5):
        net, X, y, _ = problem(activation, gd.MeanSquaredError(), seed=seed, rows=200)
        assert gd.check_gradients(net, X, y, "mse").ok


def test_no_false_alarm_where_everything_is_zero():
    """Hinge losses far on the right side: value, slopes and bounds are all zero."""
    net = gd.LinearModel(1, bias=False, dtype="float64", weight_init="ones")
    report = gd.check_gradients(net, [[9.0], [8.0]], [1, 1], "hinge")
    assert report.ok
    assert "pass" in repr(report)
    assert report.to_dict()["failed"] == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nothing_is_changed(dtype):
    net, X, y, weight = problem("gelu", gd.MeanSquaredError(), dtype, dropout=0.3)
    kept = [array.copy() for array in (net.params, X, y, weight)]
    gd.check_gradients(net, X, y, "mse", sample_weight=weight, l1=0.1)
    with pytest.raises(ZeroDivisionError):
        gd.check_gradients(net, X, y, lambda z, y: 1 // 0)
    for array, copy in zip((net.params, X, y, weight), kept, strict=True):
        np.testing.assert_array_equal(array, copy)


def mse(z, y):
    return float(np.mean((z - y) ** 2)), 2 * (z - y) / z.size


def tampered(change):
    """A custom loss whose derivative is changed on its way."""

    def loss(z, y):
        value, delta = mse(z, y)
        return value, change(delta, z, y)

    return loss


def one_entry(delta, z, y):
    delta[4, 1] *= 1.01
    return delta


def swapped(delta, z, y):
    delta[[2, 3]] = delta[[3, 2]]
    return delta


WRONG_LOSSES = {
    "sign": lambda d, z, y: -d,
    "factor 2": lambda d, z, y: d / 2,
    "factor 1.001": lambda d, z, y: d * 1.001,
    "batch size twice": lambda d, z, y: d / len(z),
    "sum, not mean": lambda d, z, y: d * z.size,
    "outputs not averaged": lambda d, z, y: d * z.shape[1],
    "absolute value": lambda d, z, y: np.abs(d),
    "clipped": lambda d, z, y: np.clip(d, -0.05, 0.05),
    "zero": lambda d, z, y: 0 * d,
    "target forgotten": lambda d, z, y: 2 * z / z.size,
    "columns swapped": lambda d, z, y: d[:, ::-1],
    "rows shifted": lambda d, z, y: np.roll(d, 1, axis=0),
    "two rows swapped": swapped,
    "one entry 1 % off": one_entry,
    "one column": lambda d, z, y: d * [1, 0],
    "NaN": lambda d, z, y: d * np.nan,
}


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu"])
@pytest.mark.parametrize("change", WRONG_LOSSES.values(), ids=WRONG_LOSSES)
def test_wrong_derivatives_of_a_loss_are_found(change, activation):
    for seed in range(3):
        net, X, y, _ = problem(activation, gd.MeanSquaredError(), seed=seed)
        assert gd.check_gradients(net, X, y, tampered(lambda d, z, y: d)).ok
        report = gd.check_gradients(net, X, y, tampered(change))
        assert not report.ok
        assert report.verdict == "fail"
        with pytest.raises(gd.GradientError, match="gradient check: fail"):
            report.raise_if_failed()


def transposed(net, grad):
    view = dict(net.parameters(grad))["dense1.weight"]
    view[:4, :4] = view[:4, :4].T.copy()


def scale(name, factor):
    def change(net, grad):
        dict(net.parameters(grad))[name][...] *= factor

    return change


def largest_entry(net, grad):
    grad[np.abs(grad).argmax()] *= 1.01


def swap_layers_biases(net, grad):
    views = dict(net.parameters(grad))
    views["dense0.bias"][:4], views["dense1.bias"][:4] = views["dense1.bias"].copy(), views["dense0.bias"][:4].copy()


WRONG_GRADIENTS = {
    "sign": lambda net, grad: np.negative(grad, out=grad),
    "factor 2": lambda net, grad: np.multiply(grad, 2, out=grad),
    "batch size": lambda net, grad: np.multiply(grad, 9, out=grad),
    "bias gradient not applied": scale("dense1.bias", 0),
    "one layer's bias gradient halved": scale("dense2.bias", 0.5),
    "one layer forgets its slope": scale("dense0.weight", 1.5),
    "transposed": transposed,
    "neighbours swapped": lambda net, grad: np.put(grad, [5, 6], grad[[6, 5]]),
    "shifted by one": lambda net, grad: np.copyto(grad, np.roll(grad, 1)),
    "one entry 1 % off": largest_entry,
    "biases of two layers swapped": swap_layers_biases,
    "l2 missing": lambda net, grad: np.subtract(grad, 0.2 * net.params * is_weight(net), out=grad),
    "l2 on biases": lambda net, grad: np.add(grad, 0.2 * net.params * ~is_weight(net), out=grad),
    "l2 doubled": lambda net, grad: np.add(grad, 0.2 * net.params * is_weight(net), out=grad),
}


def is_weight(net):
    mask = np.zeros(net.n_params, bool)
    for name, view in net.parameters(mask):
        view[...] = name.endswith("weight")
    return mask


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu"])
@pytest.mark.parametrize("change", WRONG_GRADIENTS.values(), ids=WRONG_GRADIENTS)
def test_wrong_gradients_are_found(change, activation, monkeypatch):
    """Between the kernels and the checker the gradient is changed, as a mutant's would be."""
    right = gd.Sequential._evaluate

    def wrong(self, data, loss, l1, l2, key, grad=None):
        value = right(self, data, loss, l1, l2, key, grad)
        if grad is not None:
            change(self, grad)
        return value

    for seed in range(3):
        net, X, y, _ = problem(activation, gd.MeanSquaredError(), seed=seed)
        assert gd.check_gradients(net, X, y, "mse", l2=0.2).ok
        with monkeypatch.context() as patch:
            patch.setattr(gd.Sequential, "_evaluate", wrong)
            assert not gd.check_gradients(net, X, y, "mse", l2=0.2).ok


def test_the_report_names_the_worst_entry():
    net, X, y, _ = problem("tanh", gd.MeanSquaredError())
    report = gd.check_gradients(net, X, y, "mse")
    assert repr(report).startswith(f"gradient check: pass ({net.n_params} entries, all within their bounds)")
    names = [f"{name}{list(index)}" for name, view in net.parameters() for index in np.ndindex(view.shape)]
    assert report.names == tuple(names)
    for name in ("dense0.weight[2, 4]", "dense1.bias[3]"):
        i, analytic = names.index(name), report.analytic.copy()
        analytic[i] += 0.125
        wrong = replace(report, analytic=analytic)
        assert wrong.worst == i
        assert wrong.error[i] == pytest.approx(0.125, rel=1e-4)
        assert "fail" in repr(wrong)
        assert "1 beyond their bounds" in repr(wrong)
        assert f"worst entry: {name}: analytic {analytic[i]:.10g}, numeric {report.numeric[i]:.10g}" in repr(wrong)
        facts = wrong.to_dict()
        assert (facts["verdict"], facts["failed"], facts["worst"]) == ("fail", 1, name)
        assert facts["entries"] == net.n_params
        analytic[i] = np.nan
        assert not wrong.ok
        assert wrong.worst == i


def test_the_numeric_gradient_is_a_good_one():
    """Not the analytic one copied: it is close to it, and not the same."""
    net, X, y, _ = problem("tanh", gd.MeanSquaredError())
    report = gd.check_gradients(net, X, y, "mse")
    size = np.linalg.norm(report.analytic)
    assert 0 < np.linalg.norm(report.error) < 1e-7 * size
    assert report.bound.max() < 1e-5 * size
    assert (report.step > 0).all()
    _, grad = net.loss_and_grad(X, y, "mse")
    np.testing.assert_array_equal(report.analytic, grad)
