"""Sparse inputs in the kernels: what dense ones give, any number of threads, and index arrays that do not fit."""

import itertools

import numpy as np
import pytest

import gdcore as gd
from gdcore._kernels.sparse_rows import SparseRows

FEATURES = 23


def drawn(rng, n=60, k=FEATURES, share=0.2, dtype="float64"):
    """A dense matrix with rows and columns of zeros, and the same as SparseRows, which hold some zeros too."""
    X = (rng.normal(size=(n, k)) * (rng.random((n, k)) < share)).astype(dtype)
    X[3], X[:, 5] = 0, 0
    held = (X != 0) | (rng.random((n, k)) < 0.02)
    held[3] = False
    starts = np.concatenate([[0], np.cumsum(held.sum(axis=1))]).astype(np.int64)
    return X, SparseRows(X[held], np.nonzero(held)[1].astype(np.int32), starts, k)


LEADING = {
    "none": (),
    "dropout": (gd.Dropout(0.3),),
    "scaling, dropout": (gd.Standardize((0.0,) * FEATURES, tuple(np.linspace(0.5, 2, FEATURES))), gd.Dropout(0.5)),
    "a symmetric interval": (gd.MinMax((-2.0,) * FEATURES, (2.0,) * FEATURES, -1.0, 1.0),),
}


@pytest.mark.parametrize("leading", LEADING)
@pytest.mark.parametrize("widths", [[1], [3], [40, 2], [7, 5, 1], [130]], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_are_those_of_dense_inputs(widths, leading, dtype, isa, rng):
    X, rows = drawn(rng, dtype=dtype)
    np.testing.assert_array_equal(rows.toarray(), X)
    y = rng.normal(size=(60, widths[-1]))
    widths = [FEATURES, *widths]
    dense = [gd.Dense(*pair, "tanh", bias=pair[0] != 7) for pair in itertools.pairwise(widths)]
    net = gd.Sequential(*LEADING[leading], *dense, seed=0, dtype=dtype)
    close = {"rtol": 0, "atol": 100 * float(np.finfo(dtype).eps)}
    np.testing.assert_allclose(net.predict(rows), net.predict(X), **close)
    for options in ({}, {"dropout_seed": 3, "l2": 0.1, "sample_weight": rng.random(60)}):
        value, grad = net.loss_and_grad(rows, y, "mse", **options)
        expected, slope = net.loss_and_grad(X, y, "mse", **options)
        np.testing.assert_allclose(value, expected, **close)
        np.testing.assert_allclose(grad, slope, **close)
        assert net.loss(rows, y, "mse", **options) == value


def test_log1p_leads(rng):
    X, rows = drawn(rng)
    rows = SparseRows(np.abs(rows.values), rows.indices, rows.starts, FEATURES)
    net = gd.Sequential(gd.Log1p(FEATURES), gd.Dense(FEATURES, 2), seed=0, dtype="float64")
    np.testing.assert_allclose(net.predict(rows), net.predict(np.abs(X)), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(("n", "widths"), [(9000, [1]), (5000, [40, 3]), (700, [600, 10])], ids=str)
def test_bits_do_not_depend_on_the_number_of_threads(n, widths, rng):
    X, rows = drawn(rng, n, 300, 0.05)
    y, found = rng.normal(size=(n, widths[-1])), []
    for threads in (1, 2, 4):
        with gd.num_threads(threads):
            net = gd.MLP([300, *widths], "tanh", dropout=0.1, seed=0, dtype="float64")
            value, grad = net.loss_and_grad(rows, y, "mse")
            losses = net.fit(rows, y, "mse", optimizer=gd.SGD(0.01), epochs=2, batch_size=n // 3, l2=1e-3).loss
            found.append((value, *losses, grad.tobytes(), net.params.tobytes()))
    assert found[0] == found[1] == found[2]
    expected, slope = gd.MLP([300, *widths], "tanh", dropout=0.1, seed=0, dtype="float64").loss_and_grad(X, y, "mse")
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(grad, slope, rtol=1e-9, atol=1e-14)


def test_dense_and_sparse_calls_share_a_network(rng):
    X, rows = drawn(rng)
    net = gd.MLP([FEATURES, 9, 2], "relu", dropout=0.2, seed=0, dtype="float64")
    for n in (1, 60, 7, 33, 2):
        for call in (net.predict, lambda some: net.loss_and_grad(some, np.ones((len(some), 2)), "mse")[1]):
            np.testing.assert_allclose(call(rows[:n]), call(X[:n]), rtol=1e-10, atol=1e-14)
            np.testing.assert_allclose(call(X[:n]), call(rows[:n]), rtol=1e-10, atol=1e-14)


DAMAGED = {
    "a column beyond the last": lambda r: (r.values, np.where(np.arange(len(r.indices)) == 9, 23, r.indices), r.starts),
    "a column below 0": lambda r: (r.values, np.where(np.arange(len(r.indices)) == 9, -1, r.indices), r.starts),
    "starts that fall": lambda r: (r.values, r.indices, r.starts[[0, 2, 1, *range(3, len(r.starts))]]),
    "starts beyond the end": lambda r: (r.values, r.indices, np.append(r.starts[:-1], r.starts[-1] + 1)),
    "starts that do not begin at 0": lambda r: (r.values, r.indices, r.starts[1:]),
    "fewer columns than values": lambda r: (r.values, r.indices[:-1], r.starts),
    "no rows": lambda r: (r.values[:0], r.indices[:0], r.starts[:1]),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_arrays_that_do_not_fit_never_reach_memory(case, rng):
    values, indices, starts = DAMAGED[case](drawn(rng)[1])
    rows = SparseRows(values, indices.astype(np.int32), starts, FEATURES)
    net = gd.LinearModel(FEATURES, seed=0, dtype="float64")
    with pytest.raises(ValueError, match="expected at least one row of 23 features, with matching arrays"):
        net.stack.network(False).predict(rows)


def test_layers_that_need_dense_inputs_are_refused(rng):
    net = gd.Sequential(gd.LayerNorm(FEATURES), gd.Dense(FEATURES, 1), seed=0, dtype="float64")
    with pytest.raises(ValueError, match="need dense inputs"):
        net.stack.network(False).predict(drawn(rng)[1])
