"""What is taken as an array of numbers, and the sentence for what is not."""

import datetime
import decimal
import fractions
import io
import pathlib
import re
import sys
import types

import numpy as np
import pytest

import gdcore as gd
from gdcore.base import checks

NET = gd.MLP([2, 3, 1], seed=0)
BIG = 2**70


class ForeignTensor:
    """A tensor as torch's look from outside: NumPy may not read one that requires grad."""

    __module__ = "torch"

    def __init__(self, values, requires_grad=False, device="cpu"):
        self.values, self.requires_grad, self.device = np.array(values), requires_grad, device

    def __array__(self, dtype=None, copy=None):
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return self.values

    def __len__(self):
        return len(self.values)


TAKEN = [
    (
        np.array([[1, 2.5], [True, np.float32(3)], [decimal.Decimal("0.5"), fractions.Fraction(1, 4)]], object),
        [[1, 2.5], [1, 3], [0.5, 0.25]],
    ),
    (np.array([[1, 0], [2, 3]], object), [[1, 0], [2, 3]]),
    ([[BIG, 1], [1, 2]], [[BIG, 1], [1, 2]]),
    ([[True, 2], [False, 3]], [[1, 2], [0, 3]]),
    ([np.ones(2), np.zeros(2)], [[1, 1], [0, 0]]),
    (memoryview(np.ones((1, 2))), [[1, 1]]),
    (ForeignTensor([[1.0, 2.0]]), [[1, 2]]),
    (range(3), [0, 1, 2]),
    ([ForeignTensor([1, 2])] * 2, [[1, 2], [1, 2]]),
]
REFUSED = [
    ("data.csv", TypeError, "X is a file name, 'data.csv'; read it first, for example by numpy.loadtxt"),
    ("folder/data", TypeError, "X is a file name, 'folder/data'; read it first, for example by numpy.loadtxt"),
    (
        pathlib.PurePosixPath("x/data.npy"),
        TypeError,
        "X is a file name, 'x/data.npy'; read it first, for example by numpy.load",
    ),
    ("hello", TypeError, "X is text, 'hello'; expected an array of numbers"),
    (io.StringIO("1 2"), TypeError, "X is an open file; read it first, for example by numpy.loadtxt"),
    ((i for i in range(3)), TypeError, "X is a generator; pass list(X) or an array"),
    (map(float, "12"), TypeError, "X is a map; pass list(X) or an array"),
    (iter([1.0]), TypeError, "X is a list_iterator; pass list(X) or an array"),
    ({"a": [1.0]}.values(), TypeError, "X is a dict_values; pass list(X) or an array"),
    ({1.0, 2.0}, TypeError, "X is a set, which has no order; pass a list or an array"),
    ({"a": [1.0], "b": [2.0]}, TypeError, "X is a dict; pass np.column_stack(list(X.values())), or an array"),
    ([{"a": 1.0}], TypeError, "X has a dict in row 0, where a real number is expected: pass pandas.DataFrame(X)"),
    (ForeignTensor([[1.0]], True), TypeError, "X is a tensor that requires grad; pass X.detach().numpy()"),
    ([ForeignTensor([1.0], True)], TypeError, "X[0] is a tensor that requires grad; pass X[0].detach().numpy()"),
    (ForeignTensor([1.0], device="cuda:0"), TypeError, "X is a tensor on another device than the CPU; pass X.cpu()"),
    ([[1, 2], [3]], ValueError, "X is ragged: row 1 is of length 1, row 0 of length 2; every row needs as many"),
    ([[1, 2], 3], ValueError, "X is ragged: row 1 is a single value, row 0 of length 2; every row needs as many"),
    ([np.ones(2), np.ones(3)], ValueError, "X is ragged: row 1 is of length 3, row 0 of length 2"),
    (
        [["a", 1.0], ["b", 2.0]],
        TypeError,
        "X has text in row 0, column 0, such as 'a'; expected real numbers: encode it, for example by "
        "np.unique(X[:, 0], return_inverse=True)[1], or leave it out",
    ),
    (np.array([[1, 2.5], [3, "x"]], object), TypeError, "X has text in row 1, column 1, such as 'x'"),
    ([["1.5", "2"]], TypeError, "X has numbers as text, such as '1.5'; pass X.astype(float)"),
    (
        np.array([["2020-01-01"]], "M8[D]"),
        TypeError,
        "X has dates; pass numbers, for example (X - X.min()) / np.timedelta64(1, 'D')",
    ),
    (np.array([[1]], "m8[D]"), TypeError, "X has time spans; pass numbers, for example X / np.timedelta64(1, 'D')"),
    ([[datetime.date(2020, 1, 1)]], TypeError, "X has dates or times in row 0; pass numbers"),
    (np.array([np.ones(2), np.ones(3), 0], object), TypeError, "X has a ndarray in row 0, where one number is expec"),
    (np.ones(3, [("a", "f4"), ("b", "f4")]), TypeError, "X is a structured array; pass numpy.lib.recfunctions"),
    (np.array([[1j]]), TypeError, "X has dtype complex128; expected real numbers: pass X.real, if that is meant"),
    (np.array([[1, 2j]], object), TypeError, "X has dtype object in row 0, column 1; expected real numbers: pass X"),
    (None, TypeError, "X is None; expected an array of real numbers"),
    (NET, TypeError, "X is a gdcore.Sequential; expected an array of real numbers"),
    (len, TypeError, "X is a builtin_function_or_method; expected an array of real numbers"),
    ([[1.0, 2.0], [3.0, np.nan]], ValueError, "X contains NaN in row 1, column 1; remove or impute it"),
    ([[1.0, 2.0], [None, 3.0]], ValueError, "X contains NaN in row 1, column 0; remove or impute it"),
    ([[None, None]], ValueError, "X contains NaN in row 0, column 0; remove or impute it"),
    ([[np.inf, np.nan]], ValueError, "X contains infinity in row 0, column 0; remove or clip it"),
    (
        [[1.0, 1e300]],
        ValueError,
        "X has a number in row 0, column 1 too large for float32, 1e+300: scale it or use dtype='float64'",
    ),
    ([1.0, np.nan], ValueError, "X contains NaN in row 1; remove or impute it"),
    ([[1.0], [np.nan]], ValueError, "X contains NaN in row 1; remove or impute it"),
    (np.full((2, 2, 2), np.nan), ValueError, "X contains NaN in row 0, at [0, 0]; remove or impute it"),
]


@pytest.mark.parametrize(("value", "expected"), TAKEN)
def test_numbers_are_taken(value, expected):
    for dtype in ("float32", "float64"):
        found = checks.numbers_array("X", value, dtype)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, np.array(expected, dtype))


@pytest.mark.parametrize(("value", "kind", "message"), REFUSED)
def test_other_things_are_named_with_the_remedy(value, kind, message):
    with pytest.raises(kind, match="^" + re.escape(message)):
        checks.numbers_array("X", value, "float32")


@pytest.mark.parametrize("name", ["y", "sample_weight", "params", "v", "x0", "path"])
def test_every_argument_is_called_by_its_name(name):
    calls = {
        "y": lambda bad: NET.loss([[1.0, 2.0]], bad, "mse"),
        "sample_weight": lambda bad: NET.loss([[1.0, 2.0]], [1.0], "mse", sample_weight=bad),
        "params": lambda bad: setattr(NET, "params", bad),
        "v": lambda bad: NET.hessian_vector([[1.0, 2.0]], [1.0], "mse", bad),
        "x0": lambda bad: gd.minimize(lambda x: (x @ x, 2 * x), bad),
        "path": lambda bad: gd.plot.descent(lambda x: x @ x, bad),
    }
    for bad, says in ((iter([1.0]), "is a list_iterator"), ("y.csv", "is a file name"), (["a"], "has text")):
        with pytest.raises(TypeError, match=f"^{name} {says}"):
            calls[name](bad)


def test_an_array_that_fits_is_not_copied():
    X = np.ones((3, 2), np.float32)
    assert checks.numbers_array("X", X, "float32") is X
    assert checks.plain_array("X", X) is X


@pytest.mark.parametrize("make", ["csr_matrix", "csc_array", "coo_array"])
def test_sparse_matrices(make):
    """Inputs may be sparse (tests/data/test_sparse_matrices.py), other arrays not."""
    sparse = pytest.importorskip("scipy.sparse")
    y = getattr(sparse, make)(np.ones((3, 1)))
    with pytest.raises(TypeError, match=r"^y is a sparse matrix; pass y.toarray\(\)$"):
        NET.loss(np.eye(3, 2), y, "mse")
    assert NET.loss(np.eye(3, 2), y.toarray(), "mse") >= 0


TREES = [
    ({"w": np.ones(2), "b": 1.0}, "a dict of 2 arrays"),
    ([np.ones((2, 3)), np.ones(3)], "a list of 2 arrays"),
    ([(np.ones((2, 3)), np.ones(3)), (np.ones((3, 1)), np.ones(1))], "a list of 2 arrays"),
]


@pytest.mark.parametrize(("tree", "says"), TREES)
def test_trees_of_arrays_are_sent_to_ravel_pytree(tree, says):
    for name, call in (
        ("x", lambda: gd.check_gradient(lambda x: 0.0, lambda x: x, tree)),
        ("x0", lambda: gd.minimize(lambda x: (0.0, x), tree)),
    ):
        message = f"{name} is {says}; expected one array: pass jax.flatten_util.ravel_pytree({name})[0], or all of them"
        with pytest.raises(TypeError, match="^" + re.escape(message)):
            call()


def test_a_class_of_another_library_is_named_by_its_module(monkeypatch):
    module = types.ModuleType("torch.nn.modules.container")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    Sequential = type("Sequential", (), {"__module__": module.__name__, "__repr__": lambda self: "Sequential()"})
    for call in (
        lambda m: gd.check_gradients(m, [[1.0]], [1.0], "mse"),
        lambda m: gd.Trainer(m, "mse"),
        lambda m: gd.diagnose(m, [[1.0]], [1.0], "mse"),
        lambda m: gd.plot.ParamsTrace(m),
    ):
        with pytest.raises(TypeError, match=r"must be a gdcore.Sequential, .* got a torch.nn.modules.container.Seq"):
            call(Sequential())
        with pytest.raises(TypeError, match=r"must be a gdcore.Sequential, .* got the class gdcore.Sequential$"):
            call(gd.Sequential)
