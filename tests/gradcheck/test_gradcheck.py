"""The checker passes what is right, on every activation, loss and precision; and finds what is wrong."""

import itertools

import numpy as np
import pytest
from cases import RECORDS, draw_targets

import gdcore as gd
from gdcore.objective.objective import Objective

ACTIVATIONS = [row.name for row in gd.ACTIVATIONS]


def problem(activation, loss, dtype="float64", dropout=0.0, seed=0, rows=9):
    rng = np.random.default_rng([seed, *map(ord, activation)])
    net = gd.MLP([3, 5, 4, 2], activation, dropout=dropout, dtype=dtype, seed=seed)
    net.params += 0.1 * rng.normal(size=net.n_params).astype(dtype)  # biases that are not zero
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


@pytest.mark.parametrize("mode", ["full", "directions"])
@pytest.mark.parametrize("wrt", ["params", "inputs"])
def test_features_in_units_far_apart(wrt, mode):
    """Trained weights are small where features are large: none may be moved by a share of another's size."""
    net, X, y, _ = problem("tanh", gd.MeanSquaredError())
    units = np.array([1e6, 1.0, 1e-6])
    dict(net.parameters())["dense0.weight"][...] /= units[:, None]
    assert gd.check_gradients(net, X * units, y, "mse", wrt=wrt, mode=mode).ok


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
    right = Objective.write_gradient

    def wrong(self, grad, x=None):
        value = right(self, grad, x)
        change(self.stack, grad)
        return value

    for seed in range(3):
        net, X, y, _ = problem(activation, gd.MeanSquaredError(), seed=seed)
        assert gd.check_gradients(net, X, y, "mse", l2=0.2).ok
        with monkeypatch.context() as patch:
            patch.setattr(Objective, "write_gradient", wrong)
            assert not gd.check_gradients(net, X, y, "mse", l2=0.2).ok


def test_the_numeric_gradient_is_a_good_one():
    """Not the analytic one copied: it is close to it, and not the same."""
    net, X, y, _ = problem("tanh", gd.MeanSquaredError())
    entries = gd.check_gradients(net, X, y, "mse").entries
    size = np.linalg.norm(entries["analytic"])
    assert 0 < np.linalg.norm(entries["analytic"] - entries["numeric"]) < 1e-9 * size
    assert entries["bound"].max() < 1e-7 * size


def random_problem(seed):
    """A net, data and options drawn from everything there is, and from extremes of data."""
    rng = np.random.default_rng([seed, 77])
    loss, activation = RECORDS[rng.integers(len(RECORDS))], ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    sizes = [int(size) for size in (rng.integers(1, 7), *rng.integers(2, 9, rng.integers(0, 4)), rng.integers(2, 5))]
    rows, dtype = int(rng.choice([1, 2, 7, 32, 128, 512])), ("float32", "float64")[rng.integers(2)]
    net = gd.MLP(sizes, activation, dropout=float(rng.choice([0, 0, 0.3])), dtype=dtype, seed=seed)
    if rng.random() < 0.7:
        net.params += (0.1 * rng.normal(size=net.n_params)).astype(dtype)
    X = rng.normal(size=(rows, sizes[0])) * 10.0 ** rng.choice([-2, 0, 0, 1, 2])
    y = draw_targets(loss, rng, rows, sizes[-1])
    options = {
        "sample_weight": rng.random(rows) if rng.random() < 0.3 else None,
        "l1": 0.01 * (rng.random() < 0.3),
        "l2": 0.1 * (rng.random() < 0.3),
    }
    return net, X / max(1, np.abs(X).max()) if loss.name == "poisson" else X, y, loss, options


def test_no_false_alarm_and_nothing_missed_on_random_problems():
    """Hundreds of nets as they come: none fails, and 0.1 % of the largest entry would show wherever there is a loss."""
    entries = inconclusive = evaluations = 0
    for seed in range(150):
        net, X, y, loss, options = random_problem(seed)
        report = gd.check_gradients(net, X, y, loss, mode="full", **options)
        assert report.verdict != "fail", (seed, report)
        found = report.entries
        if net.loss(X, y, loss, **options) > 1e-12:
            largest = found[np.abs(found["analytic"]).argmax()]
            assert abs(1.001 * largest["analytic"] - largest["numeric"]) > largest["bound"] or largest["kink"]
        entries, evaluations = entries + len(found), evaluations + report.evaluations
        inconclusive += int((found["verdict"] == "inconclusive").sum())
    assert inconclusive <= 0.005 * entries
    assert evaluations <= 7 * entries


def test_several_kinks_at_once_are_no_false_alarm():
    """A dropped row meets biases of zero: the sides that backward takes prove it right."""
    net, X, y, loss, options = random_problem(650)
    for mode in ("full", "directions"):
        report = gd.check_gradients(net, X, y, loss, mode=mode, **options)
        assert report.ok, report
    assert report.entries["kink"].any() or (report.directions["verdict"] == "pass").all()


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "selu"])
def test_on_a_kink_the_gradient_lies_between_the_slopes(activation):
    """XOR with biases of zero, as it is initialized: the row (0, 0) stands on every unit's kink."""
    net = gd.MLP([2, 3, 1], activation, dtype="float64", seed=0)
    X, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[1.0], [0], [0], [1]])
    report = gd.check_gradients(net, X, y, "mse")
    bias = slice(6, 9)
    assert report.ok
    np.testing.assert_array_equal(np.flatnonzero(report.entries["kink"]), np.arange(6, 9))
    entry = report.entries[bias]
    for factor, verdict in ((0.9, "pass"), (1.1, "fail")):  # of the way from the middle to either slope
        for side in (-1, 1):
            grad = net.loss_and_grad(X, y, "mse")[1]
            grad[bias] = entry["numeric"] + side * factor * entry["bound"]
            found = gd.check_gradients(net, X, y, "mse", grad=grad).entries["verdict"]
            assert found[bias].tolist() == [verdict] * 3


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_float32_gradient_is_compared_within_its_roundoff(activation, monkeypatch):
    for seed, loss in enumerate(RECORDS):
        net, X, y, weight = problem(activation, loss, "float32", dropout=0.3 * (seed % 2), seed=seed, rows=40)
        part = gd.check_gradients(net, X, y, loss, sample_weight=weight, l1=0.01, l2=0.1, mode="sample").parts[-1]
        assert (part.name, part.verdict, part.checked) == ("float32 gradient", "pass", net.n_params)
        _, grad = net.loss_and_grad(X, y, loss, sample_weight=weight, l1=0.01, l2=0.1)
        assert part.bound < 1e-3 * np.abs(grad).max()
    right = Objective.write_gradient

    def wrong(self, grad, x=None):
        value = right(self, grad, x)
        if grad.dtype == np.float32:
            grad[np.abs(grad).argmax()] *= np.float32(1.01)
        return value

    monkeypatch.setattr(Objective, "write_gradient", wrong)
    net, X, y, _ = problem(activation, gd.MeanSquaredError(), "float32")
    report = gd.check_gradients(net, X, y, "mse")
    assert [part.verdict for part in report.parts] == ["fail"]
    assert report.verdict == "fail"
    assert (report.entries["verdict"] == "pass").all()


@pytest.mark.parametrize("ending", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interruption_leaves_no_trace(ending):
    net, X, y, _ = problem("tanh", gd.MeanSquaredError(), "float32")
    trainer = gd.Trainer(net, "mse", gd.Adam(), seed=0)
    trainer.step(X, y)
    again = trainer.model.copy()
    calls = []

    def loss(z, y):
        calls.append(1)
        if len(calls) == 30:
            raise ending
        return mse(z, y)

    np.random.seed(0)  # noqa: NPY002
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    with pytest.raises(ending):
        gd.check_gradients(net, X, y, loss)
    np.testing.assert_array_equal(net.params, again.params)
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002
    calls.clear()
    threads = gd.get_num_threads()
    with pytest.raises(ending):
        gd.check_gradients(net, X, y, loss, threads=threads + 1)
    assert gd.get_num_threads() == threads


def test_threads_change_no_bit():
    net, X, y, _ = problem("relu", gd.CrossEntropy(), rows=200)
    before = gd.get_num_threads()
    one, two = (gd.check_gradients(net, X, y, "cross_entropy", threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.entries, two.entries)
    assert gd.get_num_threads() == before


def test_a_custom_loss_that_is_not_deterministic_is_refused():
    net, X, y, _ = problem("tanh", gd.MeanSquaredError())
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"not deterministic: two calls .* apart"):
        gd.check_gradients(net, X, y, lambda z, y: (mse(z, y)[0] + rng.random(), mse(z, y)[1]))
    with pytest.raises(ValueError, match=r"the gradient of loss is not deterministic: two calls .* differ by up to"):
        gd.check_gradients(net, X, y, lambda z, y: (mse(z, y)[0], rng.random() * mse(z, y)[1]))


def test_a_loss_that_is_not_finite_is_refused():
    net, X, y, _ = problem("tanh", gd.MeanSquaredError())
    with pytest.raises(ValueError, match="is nan; expected a finite number"):
        gd.check_gradients(net, X, y, lambda z, y: (np.nan, z))
