"""SciPy's sparse matrices as inputs: what is taken, without a copy where possible, and what is refused."""

import re

import numpy as np
import pytest

import gdcore as gd
from gdcore.data.sparse import sparse_rows

sparse = pytest.importorskip("scipy.sparse")

RNG = np.random.default_rng(0)
DENSE = RNG.normal(size=(40, 6)) * (RNG.random((40, 6)) < 0.4)
DENSE[3], DENSE[:, 2] = 0, 0
Y = RNG.normal(size=40)
KINDS = ["csr_array", "csc_array", "csr_matrix", "csc_matrix"]


def model(**options):
    return gd.MLP([6, 3, 1], "tanh", seed=0, **{"dtype": "float64", **options})


def assert_same_results(X, dense):
    """Everything that takes inputs gives the same for both."""
    one, other = model(), model()
    options = {"validation_split": 0.2, "metrics": "r2", "stop": gd.EarlyStopping(3), "batch_size": 7, "epochs": 5}
    histories = [net.fit(rows, Y, "mse", seed=0, **options) for net, rows in ((one, X), (other, dense))]
    for name in ("loss", "val_loss", "gradient_norm"):
        np.testing.assert_allclose(*(getattr(history, name) for history in histories), rtol=1e-9)
    np.testing.assert_allclose(histories[0].metrics["r2"], histories[1].metrics["r2"], rtol=1e-8)
    close = {"rtol": 1e-9, "atol": 1e-13}
    np.testing.assert_allclose(one.params, other.params, **close)
    np.testing.assert_allclose(one.predict(X), other.predict(dense), **close)
    np.testing.assert_allclose(one.score(X, Y), other.score(dense, Y), **close)
    np.testing.assert_allclose(one.loss_and_grad(X, Y, "mse")[1], other.loss_and_grad(dense, Y, "mse")[1], **close)
    assert one.evaluate(X, Y, ["mae"]) == pytest.approx(other.evaluate(dense, Y, ["mae"]))
    trainers = [gd.Trainer(net, "mse", gd.Adam(), seed=0) for net in (one, other)]
    losses = [
        (trainer.step(rows, Y), trainer.epoch(rows, Y)) for trainer, rows in zip(trainers, (X, dense), strict=True)
    ]
    np.testing.assert_allclose(*losses, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_formats(kind):
    assert_same_results(getattr(sparse, kind)(DENSE), DENSE)


def unsorted(X):
    order = np.concatenate([np.arange(*pair)[::-1] for pair in zip(X.indptr, X.indptr[1:], strict=False)])
    return sparse.csr_array((X.data[order], X.indices[order], X.indptr), X.shape)


def twice(X):
    return sparse.csr_array((np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), X.indptr * 2), X.shape)


def wide_indices(X):
    return sparse.csr_array((X.data, X.indices.astype(np.int64), X.indptr.astype(np.int64)), X.shape)


def explicit_zeros(X):
    full = sparse.csr_array((np.ones(DENSE.size), np.tile(np.arange(6), 40), np.arange(0, 241, 6)), DENSE.shape)
    full.data = DENSE.ravel().copy()
    return full


def roomy(X):
    """Arrays longer than the entries, which SciPy allows."""
    return sparse.csr_array((np.append(X.data, np.nan), np.append(X.indices, 99), X.indptr), X.shape)


FORMS = [unsorted, twice, wide_indices, explicit_zeros, roomy]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_forms(form):
    X = form(sparse.csr_array(DENSE))
    before = [array.copy() for array in (X.data, X.indices, X.indptr)]
    assert_same_results(X, DENSE)
    for array, copy in zip((X.data, X.indices, X.indptr), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float32"])
def test_precisions(dtype):
    X = (np.abs(DENSE) > 0.5).astype(dtype)
    np.testing.assert_allclose(model().predict(sparse.csr_array(X)), model().predict(X), rtol=1e-12)


def test_a_matrix_of_zeros_and_one_row():
    for X in (np.zeros((5, 6)), DENSE[:1]):
        np.testing.assert_allclose(model().predict(sparse.csc_array(X)), model().predict(X), rtol=1e-12)
        history = model().fit(sparse.csr_array(X), Y[: len(X)], "mse", epochs=2)
        assert np.isfinite(history.loss).all()


def test_a_matrix_of_the_models_precision_is_not_copied():
    X = sparse.csr_array(DENSE)
    rows = sparse_rows(model().stack, X, "float64")
    assert np.shares_memory(rows.values, X.data)
    assert np.shares_memory(rows.indices, X.indices)


def test_rows_of_rows():
    rows = sparse_rows(model().stack, sparse.csr_array(DENSE), "float64")
    for chosen in (slice(3, 9), slice(0, 0), slice(None, None, 7), DENSE[:, 0] > 0, np.array([5, 5, 0, 39])):
        np.testing.assert_array_equal(rows[chosen].toarray(), DENSE[chosen])
    assert repr(rows) == f"SparseRows(40 x 6, {np.count_nonzero(DENSE)} entries, float64)"


def changed(**arrays):
    """A matrix whose arrays were set after it was made, which SciPy does not check."""
    X = sparse.csr_array(DENSE)
    for name, change in arrays.items():
        setattr(X, name, change(getattr(X, name).copy()))
    return X


def changed_columns(**arrays):
    """The same by columns, whose arrays SciPy's conversion trusts."""
    X = sparse.csc_array(DENSE)
    for name, change in arrays.items():
        setattr(X, name, change(getattr(X, name).copy()))
    return X


def at(index, value):
    def change(array):
        array[index] = value
        return array

    return change


PLACE = "row {}, column {}".format(*np.argwhere(DENSE)[7])
REFUSED = [
    (changed(data=at(7, np.nan)), ValueError, f"X contains NaN in {PLACE}; remove or impute it"),
    (changed(data=at(7, -np.inf)), ValueError, f"X contains infinity in {PLACE}; remove or clip it"),
    (changed(indices=at(2, 6)), ValueError, "X.indices has 6; expected columns 0 … 5; the matrix is damaged"),
    (changed(indices=at(2, -1)), ValueError, "X.indices has -1; expected columns 0 … 5; the matrix is damaged"),
    (changed(indptr=at(2, 10**6)), ValueError, "X.indptr must have 41 integers that rise from 0 to"),
    (changed(indptr=at(40, 10**6)), ValueError, "X.indptr must have 41 integers that rise from 0 to"),
    (changed(indptr=at(0, 1)), ValueError, "X.indptr must have 41 integers that rise from 0 to"),
    (changed(indptr=lambda starts: starts[:-1]), ValueError, "one more than X has rows; the matrix is damaged"),
    (changed(indices=lambda columns: columns + 0.5), TypeError, "X.indices must be integers (n,), got float64"),
    (changed(indptr=lambda starts: starts.astype(float)), ValueError, "X.indptr must have 41 integers"),
    (changed(data=lambda values: values[:, None]), ValueError, "expected one number per entry"),
    (changed_columns(indices=at(0, 10**8)), ValueError, "X.indices has 100000000; expected rows 0 … 39"),
    (changed_columns(indices=at(3, -(10**7))), ValueError, "X.indices has -10000000; expected rows 0 … 39"),
    (changed_columns(indptr=at(3, 10**8)), ValueError, "X.indptr must have 7 integers that rise from 0 to"),
    (changed_columns(indptr=at(6, 10**8)), ValueError, "one more than X has columns; the matrix is damaged"),
    (changed(data=lambda values: values[:-1]), ValueError, "the matrix is damaged: build it anew"),
    (sparse.csr_array(DENSE[:, :5]), ValueError, "X has 5 features, but the model expects 6"),
    (sparse.csr_array(DENSE[:6].T[:, :4]), ValueError, "X has 4 features, but the model expects 6: pass X.T"),
    (sparse.csr_array((0, 6)), ValueError, "X has no rows; expected at least one sample"),
    (sparse.csr_array(DENSE * 1j), TypeError, "X has dtype complex128; expected real numbers: pass X.real"),
    (sparse.coo_array(DENSE), TypeError, "X is a sparse matrix in the format 'coo'; expected 'csr' or 'csc'"),
    (sparse.dok_array((2, 6)), TypeError, "pass X.tocsr()"),
]


@pytest.mark.parametrize(("X", "error", "message"), REFUSED, ids=[message for _, _, message in REFUSED])
def test_what_is_refused(X, error, message):
    net, y = model(), np.zeros(X.shape[0])
    before = net.params.copy()
    for call in (
        net.predict,
        lambda rows: net.loss(rows, y, "mse"),
        lambda rows: net.fit(rows, y, "mse", epochs=1),
        lambda rows: gd.Trainer(net, "mse").step(rows, y),
    ):
        with pytest.raises(error, match=re.escape(message)):
            call(X)
    assert np.array_equal(net.params, before)


def test_numbers_too_large_for_the_precision():
    X = sparse.csr_array(DENSE)
    X.data[7] = 1e200
    with pytest.raises(ValueError, match=rf"X has a number in {PLACE} too large for float32, 1e\+200: scale it"):
        model(dtype="float32").predict(X)


def test_layers_that_would_fill_the_zeros():
    X = sparse.csr_array(DENSE)
    for first, message in (
        (gd.Standardize.from_data(DENSE), "Standardize makes zeros into other numbers, so X may not be sparse"),
        (gd.MinMax.from_data(DENSE), "MinMax makes zeros into other numbers, so X may not be sparse"),
        (gd.LayerNorm(6), "LayerNorm comes first and needs whole rows, so X may not be sparse"),
    ):
        net = gd.Sequential(first, gd.Dense(6, 1))
        with pytest.raises(ValueError, match=message):
            net.predict(X)
    net = gd.Sequential(gd.Log1p(6), gd.Dense(6, 1), dtype="float64")
    with pytest.raises(ValueError, match=r"X has -\d.*; Log1p needs numbers above -1 there"):
        net.predict(sparse.csr_array(3 * DENSE))
    np.testing.assert_allclose(net.predict(abs(X)), net.predict(np.abs(DENSE)), rtol=1e-12)


def test_what_needs_dense_inputs():
    X, net = sparse.csr_array(DENSE), model()
    message = r"X is a sparse matrix, which is taken by training, loss and predictions alone; pass X.toarray\(\)"
    for call in (
        lambda: gd.check_gradients(net, X, Y, "mse"),
        lambda: gd.diagnose(net, X, Y, "mse"),
        lambda: gd.learning_rate_bound(net, X, Y, "mse"),
        lambda: net.hessian_vector(X, Y, "mse", net.params),
    ):
        with pytest.raises(TypeError, match=message):
            call()


def test_targets_are_never_sparse():
    with pytest.raises(TypeError, match=r"y is a sparse matrix; pass y.toarray\(\)"):
        model().loss(DENSE, sparse.csr_array(Y[:, None]), "mse")
