"""Layers that bring inputs to one scale: against the NumPy reference, in every call, and in the gradient checker."""

import pickle
import re

import numpy as np
import pytest
import reference

import gdcore as gd

DTYPES = ("float32", "float64")


def skewed(rng, n=40):
    """Columns on four scales, the last one constant; every number above -1."""
    return np.column_stack([np.exp(rng.normal(size=n)), 1e4 + 10 * rng.normal(size=n), rng.random(n), np.full(n, 0.1)])


def stack(kind, X):
    """Leading layers of a kind, fitted; "both" is a logarithm that is then standardized, "inner" follows a Dense."""
    if kind == "both":
        return gd.Log1p.from_data(X), gd.Standardize.from_data(np.log1p(X))
    if kind == "inner":
        front = gd.Dense(X.shape[1], 3, "sigmoid", weight_init=gd.Normal(1e-3))
        return front, gd.Log1p(3), gd.Standardize((0.4, 0.3, 0.5), (0.1, 0.2, 2.0)), gd.Dropout(0.25)
    return (
        gd.MinMax.from_data(X, -1.0, 2.0)
        if kind == "minmax"
        else gd.Log1p.from_data(X)
        if kind == "log1p"
        else gd.Standardize.from_data(X),
    )


KINDS = ("standardize", "minmax", "log1p", "both", "inner")


def network(kind, X, dtype="float64"):
    leading = stack(kind, X)
    width = 3 if kind == "inner" else X.shape[1]
    return gd.Sequential(*leading, gd.Dense(width, 5, "tanh"), gd.Dense(5, 2), seed=1, dtype=dtype)


def test_from_data_measures_columns(rng):
    X = skewed(rng)
    scale, box = gd.Standardize.from_data(X), gd.MinMax.from_data(X)
    np.testing.assert_allclose(scale.mean[:3], X.mean(axis=0)[:3], rtol=1e-13)
    np.testing.assert_allclose(scale.std[:3], X.std(axis=0)[:3], rtol=1e-10)
    assert (scale.mean[3], scale.std[3]) == (0.1, 1.0)
    assert box.minimum == tuple(X.min(axis=0))
    assert box.maximum == tuple(X.max(axis=0))
    assert gd.Log1p.from_data(X) == gd.Log1p(4)


@pytest.mark.parametrize("size", [1e-300, 1.0, 1e300])
def test_from_data_neither_overflows_nor_underflows(size):
    X = size * np.array([[1.0], [2.0], [-6.0]])
    np.testing.assert_allclose(gd.Standardize.from_data(X).std, [size * np.std([1, 2, -6])], rtol=1e-14)
    np.testing.assert_allclose(gd.MinMax.from_data(X).affine().factor, [1 / (8 * size)], rtol=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["standardize", "minmax"])
def test_constant_columns_become_constant(kind, dtype):
    """Also where a computation has left a few roundings in them."""
    X = np.full((7, 2), 0.3, dtype)
    X[::2, 1] = np.nextafter(X[::2, 1], np.array(1, dtype))
    layer = stack(kind, X)[0]
    out = gd.Sequential(layer, gd.Dense(2, 2, bias=False, weight_init=gd.Constant(1.0)), dtype=dtype).predict(X)
    expected = 0.0 if kind == "standardize" else -2.0
    np.testing.assert_allclose(out, expected, atol=8 * np.finfo(dtype).eps)


def test_a_column_that_hardly_varies_is_not_constant():
    X = 1e6 + np.arange(5.0)[:, None]
    np.testing.assert_allclose(gd.Standardize.from_data(X).std, [np.std(np.arange(5))], rtol=1e-15)


@pytest.mark.parametrize("n", [1, 40, 1000])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_the_reference(isa, dtype, kind, n, rng):
    """Large blocks too, and groups of blocks."""
    X = skewed(rng, n + 1)[:n].astype(dtype)
    y = rng.normal(size=(n, 2)).astype(dtype)
    net = network(kind, skewed(rng), dtype)
    inputs, _, outputs = reference.forward(net.layers, net.params.astype(float), X.astype(float))
    eps = np.finfo(dtype).eps
    off = 1e4 / 10 if kind in ("standardize", "minmax") else 1e4 * 1e-2 if kind == "inner" else 10 / 1e-3
    np.testing.assert_allclose(net.predict(X), outputs, atol=40 * eps * off, rtol=0)
    value, grad = net.loss_and_grad(X, y, "mse")
    expected, slopes = reference.loss_and_grad(
        net.layers, net.params.astype(float), X.astype(float), y.astype(float), "mean_squared_error"
    )
    np.testing.assert_allclose(value, expected, rtol=40 * eps * off)
    np.testing.assert_allclose(grad, slopes, atol=40 * eps * off * np.abs(slopes).max())
    assert len(inputs) == len(net.layers)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrt", ["params", "inputs"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_pass_the_checker(kind, wrt, dtype, rng):
    X = skewed(rng, 6)
    report = gd.check_gradients(network(kind, X, dtype), X, rng.normal(size=(6, 2)), "mse", wrt=wrt)
    assert report.ok, str(report)


def test_standardized_inputs_train_at_one_rate_whatever_their_scale():
    """The first question users ask: y = x w with x = (1, 100) diverges at a rate that serves x = (1, 2)."""
    for X in ([[1.0], [2.0]], [[1.0], [100.0]]):
        y = 2 * np.array(X)
        net = gd.Sequential(gd.Standardize.from_data(X), gd.Dense(1, 1), seed=0, dtype="float64")
        net.fit(X, y, loss="mse", optimizer=gd.SGD(0.3), batch_size=2, epochs=200)
        np.testing.assert_allclose(net.predict(X), y, rtol=1e-9)
    with pytest.raises(gd.DivergedError):
        gd.LinearModel(1, seed=0).fit(X, y, loss="mse", optimizer=gd.SGD(0.3), batch_size=2, epochs=200)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_is_part_of_the_model(kind, dtype, rng):
    X = skewed(rng)
    net = network(kind, X, dtype)
    for twin in (net.copy(), pickle.loads(pickle.dumps(net))):
        assert twin.layers == net.layers
        assert (twin.predict(X) == net.predict(X)).all()
    assert eval(repr(net), {**vars(gd)}).layers == net.layers


@pytest.mark.parametrize("kind", KINDS)
def test_trains_to_the_same_bits_for_any_number_of_threads(kind, rng):
    X, found = skewed(rng, 5000), []
    y = rng.normal(size=(5000, 2))
    for threads in (1, 2):
        net = network(kind, X)
        with gd.num_threads(threads):
            net.fit(X, y, loss="mse", optimizer=gd.Adam(1e-2), batch_size=5000, epochs=3, seed=0)
        found.append(net.params.copy())
    assert (found[0] == found[1]).all()
    assert (found[0] != network(kind, X).params).any()


def test_steps_equal_those_on_data_scaled_before(rng):
    """Shuffled mini-batches, single rows, and strips that stream into the update."""
    X, y = skewed(rng, 50), rng.normal(size=(50, 2))
    scale = gd.Standardize.from_data(X)
    shift, factor, _ = scale.affine()
    tail = (gd.Dense(4, 900, "tanh"), gd.Dense(900, 2))
    for batch_size in (1, 16):
        whole = gd.Sequential(scale, *tail, seed=2, dtype="float64")
        plain = gd.Sequential(*tail, seed=2, dtype="float64")
        for net, data in ((whole, X), (plain, (X - shift) * factor)):
            net.fit(data, y, loss="mse", optimizer=gd.SGD(1e-3), batch_size=batch_size, epochs=2, seed=3)
        np.testing.assert_allclose(whole.params, plain.params, rtol=1e-9, atol=1e-12)


def test_a_summary_shows_it(capsys):
    gd.Sequential(gd.Standardize((0.0,) * 9, (1.0,) * 9), gd.Dropout(0.1), gd.Dense(9, 1)).summary()
    assert "Standardize(mean=<9 numbers>, std=<9 numbers>)  (n, 9)            0\n" in capsys.readouterr().out


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_that_log1p_does_not_take(dtype):
    net = gd.Sequential(gd.MinMax((0.0,), (2.0,), 0.0, 4.0), gd.Log1p(1), gd.Dense(1, 1), dtype=dtype)
    X, y = np.array([[1.0], [-0.5]], dtype), np.zeros((2, 1), dtype)
    trainer = gd.Trainer(net, "mse", gd.SGD(0.1))
    message = re.escape("X has -0.5 in row 1, column 0; Log1p needs numbers above -0.5 there")
    for call in (
        lambda: net.predict(X),
        lambda: net.loss(X, y, "mse"),
        lambda: trainer.step(X, y),
        lambda: trainer.fit(X, y),
        lambda: gd.check_gradients(net, X, y, "mse"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert np.isfinite(net.predict(X + y + np.array(0.25, dtype))).all()


def test_a_logarithm_behind_a_dense_layer_is_named_where_training_diverges():
    net = gd.Sequential(gd.Dense(1, 1, weight_init=gd.Constant(-2.0)), gd.Log1p(1), gd.Dense(1, 1))
    with pytest.raises(gd.DivergedError, match=r"the output of layer 1, Log1p\(in_features=1\)"):
        net.fit([[1.0]], [[0.0]], loss="mse")
    with pytest.raises(ValueError, match="numbers that log1p does not take"):
        net.predict([[1.0]])


BAD = [
    (lambda: gd.Standardize([0.0], (1.0,)), TypeError, "mean must be a tuple of numbers"),
    (lambda: gd.Standardize((0.0,), (1.0, 2.0)), ValueError, "std has 2 numbers; expected 1"),
    (lambda: gd.Standardize((0.0,), (0.0,)), ValueError, "std[0] must be > 0, got 0.0: give a constant column 1"),
    (lambda: gd.Standardize((np.nan,), (1.0,)), ValueError, "mean[0] must be finite, got nan"),
    (lambda: gd.Standardize.from_data([1.0, 2.0]), ValueError, "X has shape (2,); expected (n_samples, n_features)"),
    (lambda: gd.Standardize.from_data([[1.0], [np.nan]]), ValueError, "X contains NaN in row 1"),
    (lambda: gd.MinMax.from_data(np.zeros((0, 3))), ValueError, "X has shape (0, 3)"),
    (lambda: gd.MinMax((1.0,), (0.0,)), ValueError, "maximum[0] must be >= minimum[0] = 1.0, got 0.0"),
    (lambda: gd.MinMax((0.0,), (1.0,), 2.0), ValueError, "high must be > low = 2.0, got 1.0"),
    (lambda: gd.Log1p(0), ValueError, "in_features must be >= 1, got 0"),
    (lambda: gd.Log1p.from_data([[0.0, -1.0]]), ValueError, "X has -1 in row 0, column 1; Log1p needs numbers above"),
    (lambda: gd.Sequential(gd.Log1p(2), gd.Dense(3, 1)), ValueError, "layer 1 takes 3 features, but the one before"),
    (lambda: gd.Sequential(gd.Dense(3, 1), gd.Log1p(1)), ValueError, "after Log1p, which scales inputs: put it"),
    (lambda: gd.Sequential(gd.Log1p(1)), ValueError, "a Dense layer must come after Log1p, which scales inputs: add"),
    (lambda: gd.Sequential(gd.Standardize((0.0,), (1e-40,)), gd.Dense(1, 1)), ValueError, "use dtype='float64'"),
    (lambda: gd.Sequential(gd.Log1p(2), gd.Dense(2, 1)).predict([[1.0]]), ValueError, "X has 1 features, but the"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD)
def test_errors(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_low_keeps_its_digits():
    """The kernels take it as the double that it is, not by way of a float."""
    layer = gd.MinMax(minimum=(0.0,), maximum=(1.0,), low=0.1)
    net = gd.Sequential(layer, gd.Dense(1, 1, weight_init="ones"), dtype="float64", seed=0)
    assert net.predict([[0.0]]).item() == 0.1
