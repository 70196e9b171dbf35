"""A step and a prediction take arrays of other formats as they take the model's own, and end as the conversion does."""

import ctypes
import sys

import numpy as np
import pytest

import gdcore as gd

REALS = ("float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "longlong")
INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "longlong")
OTHERS = (">f4", ">f8", "float16", "longdouble", "bool", "uint64", ">i4")
"""Formats that go through Python's conversion."""


def small(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return small numbers that every format holds."""
    return np.arange(1, np.prod(shape) + 1).reshape(shape).__mod__(7).astype(dtype)


def trained(dtype: str, loss: str, outputs: int, *data: np.ndarray) -> np.ndarray:
    """Return the parameters after one step."""
    net = gd.MLP([3, 5, outputs], dtype=dtype, seed=3)
    gd.Trainer(net, loss, gd.SGD(0.01)).step(*data)
    return net.params.copy()


def strided(array: np.ndarray) -> np.ndarray:
    """Return the same numbers, apart in memory along all axes."""
    wide = np.zeros(tuple(2 * n for n in array.shape), array.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in array.shape)]
    view[...] = array
    return view


def unaligned(array: np.ndarray) -> np.ndarray:
    """Return the same numbers at an odd address."""
    found = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    found[...] = array
    return found


LAYOUTS = (np.ascontiguousarray, np.asfortranarray, strided, lambda a: a[::-1].copy()[::-1], unaligned)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("given", [*REALS, *OTHERS])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_inputs_and_targets(dtype, given, layout):
    X, y = layout(small(given, (4, 3))), layout(small(given, (4, 2)))
    expected = trained(dtype, "mse", 2, X.astype(dtype, order="C"), y.astype(dtype, order="C"))
    assert np.array_equal(trained(dtype, "mse", 2, X, y), expected)
    net = gd.MLP([3, 5, 2], dtype=dtype, seed=3)
    assert np.array_equal(net.predict(X), net.predict(X.astype(dtype, order="C")))


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
@pytest.mark.parametrize("given", REALS)
def test_one_output_takes_a_vector(given, shape):
    X, y = small("float32", (4, 3)), small(given, (4,))
    expected = trained("float32", "mse", 1, X, y.astype("float32")[:, None])
    assert np.array_equal(trained("float32", "mse", 1, X, y.reshape(shape)), expected)
    assert np.array_equal(trained("float32", "mse", 1, X, strided(y)), expected)


@pytest.mark.parametrize("given", [*INTEGERS, *OTHERS[-2:]])
@pytest.mark.parametrize("layout", [np.ascontiguousarray, strided, unaligned])
def test_labels(given, layout):
    X, y = small("float64", (4, 3)), np.array([2, 0, 1, 2])
    expected = trained("float64", "cross_entropy", 3, X, y)
    assert np.array_equal(trained("float64", "cross_entropy", 3, X, layout(y.astype(given))), expected)


@pytest.mark.parametrize("given", ["int8", "int32", "int64"])
@pytest.mark.parametrize("label", [-1, 3])
def test_labels_outside(given, label):
    X, y = small("float64", (2, 3)), np.array([0, label], given)
    with pytest.raises(ValueError, match=r"y has (the )?label"):
        trained("float64", "cross_entropy", 3, X, y)


def test_a_number_that_the_precision_does_not_hold():
    net = gd.MLP([3, 5, 1], dtype="float32", seed=3)
    X = small("float64", (4, 3))
    X[2, 1] = 1e39
    before = net.params.copy()
    for call in (net.predict, lambda X: gd.Trainer(net, "mse", gd.SGD(0.01)).step(X, X[:, 0])):
        with pytest.raises(ValueError, match="too large for float32"):
            call(X)
    assert np.array_equal(net.params, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("given", ["float32", "float64"])
def test_what_is_not_finite(given, bad):
    net = gd.MLP([3, 5, 1], dtype="float32", seed=3)
    X = small(given, (4, 3))
    X[2, 1] = bad
    with pytest.raises(ValueError, match=r"X contains (NaN|infinity) in row 2, column 1"):
        net.predict(X)


@pytest.mark.parametrize("shape", [(3,), (0, 3), (4, 2), (1, 4, 3)])
@pytest.mark.parametrize("given", ["float64", "int32"])
def test_shapes_are_refused_alike(given, shape):
    net = gd.MLP([3, 5, 1], dtype="float32", seed=3)
    said = []
    for dtype in ("float32", given):
        with pytest.raises(ValueError, match="X ") as found:
            net.predict(np.ones(shape, dtype))
        said.append(str(found.value))
    assert said[0] == said[1]


def test_a_sign_before_the_format():
    net = gd.MLP([3, 4, 1], dtype="float32", seed=0)
    for kind, dtype in ((ctypes.c_float, "float32"), (ctypes.c_double, "float64"), (ctypes.c_long, "int64")):
        given = np.frombuffer((kind * 6)(1, 2, 3, 4, 5, 6), dtype).reshape(2, 3)
        assert (net.predict(np.asarray(((kind * 3) * 2)((1, 2, 3), (4, 5, 6)))) == net.predict(given)).all()


def test_arrays_are_let_go():
    net = gd.MLP([3, 5, 3], dtype="float32", seed=3)
    trainer = gd.Trainer(net, "cross_entropy", gd.SGD(0.01))
    X, y, bad = small("float64", (4, 3)), np.array([2, 0, 1, 2], "int32"), np.array([2, 0, 1, 5], "int32")
    counts = [sys.getrefcount(array) for array in (X, y, bad)]
    for _ in range(50):
        trainer.step(X, y)
        net.predict(X)
        with pytest.raises(ValueError, match="5"):
            trainer.step(X, bad)
        with pytest.raises(ValueError, match="y"):
            trainer.step(X, y[:2])
    assert [sys.getrefcount(array) for array in (X, y, bad)] == counts
    X.resize((8, 3), refcheck=False)  # refused while a buffer is held
