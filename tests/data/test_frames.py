"""Data frames: which columns are taken, and how a message names one that is not."""

import datetime
import re

import numpy as np
import pytest

import gdcore as gd
from gdcore.base import checks

pd = pytest.importorskip("pandas")

TOWNS = pd.get_dummies(pd.DataFrame({"area": [50.0, 70, 90, 40], "town": list("abca")}))


def frame(**columns):
    return pd.DataFrame({"first": [1.0, 2.0, 3.0, 4.0], **columns})


TAKEN = [
    TOWNS,
    TOWNS.astype("Float64"),
    TOWNS.astype({"town_a": "boolean"}),
    TOWNS[["area"]].astype("Int64"),
    TOWNS.astype(object),
    frame(k=pd.Categorical([3, 1, 2, 3])),
    frame(k=pd.arrays.SparseArray([0, 0, 1, 2])),
    frame(k=np.arange(4, dtype="u1")),
    frame(k=pd.array([1, 2, 3, 4], "Int8"), b=[True, False, True, True]),
]
REFUSED = [
    (
        frame(city=list("abca")),
        TypeError,
        "X has text in column 'city', such as 'a'; expected real numbers: encode it, "
        "for example by pandas.get_dummies(X), or drop it",
    ),
    (frame(city=pd.Categorical(list("abca"))), TypeError, "X has text in column 'city', such as 'a'"),
    (frame(city=list("abca"))[["city"]], TypeError, "X has text in column 'city', such as 'a'"),
    (pd.DataFrame([[1.0, "x"]], columns=["a", "a"]), TypeError, "X has text in column 'a', such as 'x'"),
    (pd.DataFrame([[1.0, "x"]]), TypeError, "X has text in column 1, such as 'x'"),
    (
        frame(n=["1", "2", "3", "4"]),
        TypeError,
        "X has numbers as text in column 'n', such as '1'; pass X['n'].astype(float)",
    ),
    (
        frame(when=pd.date_range("2020", periods=4)),
        TypeError,
        "X has dates in column 'when'; pass numbers, for example "
        "(X['when'] - X['when'].min()) / np.timedelta64(1, 'D')",
    ),
    (
        frame(s=pd.to_timedelta([1, 2, 3, 4], "D")),
        TypeError,
        "X has time spans in column 's'; pass numbers, for example X['s'] / np.timedelta64(1, 'D')",
    ),
    (frame(d=[datetime.date(2020, 1, 1)] * 4), TypeError, "X has dates or times in column 'd'; pass numbers"),
    (frame(v=[[1, 2]] * 4), TypeError, "X has a list in column 'v', where one number is expected: pass np.stack(X"),
    (frame(c=[1j, 2, 3, 4]), TypeError, "X has dtype complex128 in column 'c'; expected real numbers"),
    (
        frame(x=[1.0, 2, 3, 4], age=[1, 2, np.nan, 4]),
        ValueError,
        "X contains NaN in row 2, column 'age' (2); remove or impute it",
    ),
    (frame(age=pd.array([1, None, 3, 4], "Int64")), ValueError, "X contains NaN in row 1, column 'age' (1); remove"),
    (frame(ok=pd.array([True, False, True, None], "boolean")), ValueError, "X contains NaN in row 3, column 'ok' (1)"),
    (frame(n=[None] * 4), ValueError, "X contains NaN in row 0, column 'n' (1); remove or impute it"),
    (frame(x=[1.0, -np.inf, 3, 4]), ValueError, "X contains infinity in row 1, column 'x' (1); remove or clip it"),
    (
        frame(x=[1.0, 1e300, 3, 4]),
        ValueError,
        "X has a number in row 1, column 'x' (1) too large for float32, 1e+300: scale it or use dtype='float64'",
    ),
    (pd.DataFrame(np.full((2, 2), np.nan)), ValueError, "X contains NaN in row 0, column 0; remove or impute it"),
]


@pytest.mark.parametrize("X", TAKEN)
def test_columns_of_numbers_are_taken(X):
    expected = np.stack([np.asarray(column, float) for _, column in X.items()], axis=1)
    np.testing.assert_array_equal(checks.numbers_array("X", X, "float64"), expected)
    fitted = gd.LinearModel(X.shape[1], seed=0)
    fitted.fit(X, [1.0, 2, 3, 1], loss="mse", epochs=2, optimizer=gd.SGD(1e-5))
    assert fitted.predict(X).shape == (4, 1)


@pytest.mark.parametrize(("X", "kind", "message"), REFUSED)
def test_a_column_is_named(X, kind, message):
    for call in (lambda net: net.predict(X), lambda net: net.fit(X, np.ones(len(X)), loss="mse")):
        with pytest.raises(kind, match="^" + re.escape(message)):
            call(gd.LinearModel(X.shape[1]))


def test_the_remedies_help():
    X = frame(when=pd.date_range("2020", periods=4), city=list("abca"), n=["1", "2", "3", "4"])
    X["when"] = (X["when"] - X["when"].min()) / np.timedelta64(1, "D")
    X["n"] = X["n"].astype(float)
    found = checks.numbers_array("X", pd.get_dummies(X), "float64")
    np.testing.assert_array_equal(found[:, 1], [0, 1, 2, 3])
    assert found.shape == (4, 6)


ONE = np.arange(4.0)[:, None]


@pytest.mark.parametrize(
    "y",
    [
        pd.Series([1.0, 2, 3, 4]),
        pd.Series([1, 2, 3, 4], dtype="Int64"),
        pd.Series([True, False, True, False]),
        pd.DataFrame({"y": [1, 2, 3, 4]}),
        pd.Series([1, 2, 3, 4], dtype=object),
        pd.Series([0.5] * 4, dtype="Float64"),
        pd.Series([True, False, True, False], dtype="boolean"),
        pd.Series(pd.Categorical([1, 2, 2, 1])),
    ],
)
def test_targets(y):
    expected = np.asarray(y, float).reshape(4, 1)
    assert gd.LinearModel(1, seed=0).loss(ONE, y, "mse") == gd.LinearModel(1, seed=0).loss(ONE, expected, "mse")


@pytest.mark.parametrize(
    "y",
    [
        pd.Series([0, 1, 2, 0]),
        pd.Series([0, 1, 2, 0], dtype="Int64"),
        pd.Series([0, 1, 2, 0], dtype=object),
        pd.Series(list("abca"), dtype="category").cat.codes,
        pd.Index([0, 1, 2, 0]),
        pd.Series(pd.Categorical([0, 1, 2, 0])),
    ],
)
def test_labels(y):
    net = gd.MLP([1, 3], seed=0)
    assert net.loss(ONE, y, "cross_entropy") == net.loss(ONE, [0, 1, 2, 0], "cross_entropy")


@pytest.mark.parametrize(
    ("y", "kind", "message"),
    [
        (
            pd.Series(list("abca")),
            TypeError,
            "y has text, 'a'; expected integer class labels of shape (4,), pass "
            "np.unique(y, return_inverse=True)[1], or class probabilities",
        ),
        (pd.Series(list("abca"), dtype="category"), TypeError, "y has text, 'a'; expected integer class labels"),
        (pd.DataFrame({"y": list("abca")}), TypeError, "y has text, 'a'; expected integer class labels"),
        (pd.Series([0, 1, None, 0], dtype="Int64"), ValueError, "y contains NaN in row 2; remove or impute it"),
        (pd.Series(["a", None, "b", "a"], dtype=object), ValueError, "y has no label in row 1; remove the row"),
        (pd.DataFrame({"y": [0, 1, 2, 0]}), ValueError, "y has shape (4, 1); expected (4,): pass y.to_numpy().ravel()"),
    ],
)
def test_bad_labels(y, kind, message):
    with pytest.raises(kind, match="^" + re.escape(message)):
        gd.MLP([1, 3]).loss(ONE, y, "cross_entropy")


def test_weights_and_scales():
    weights = pd.Series([1, 2, 3, 4], dtype="Int64")
    net = gd.LinearModel(1, seed=0)
    assert net.loss(ONE, ONE, "mse", sample_weight=weights) == net.loss(ONE, ONE, "mse", sample_weight=[1, 2, 3, 4])
    with pytest.raises(ValueError, match=r"pass sample_weight.to_numpy\(\).ravel\(\)"):
        net.loss(ONE, ONE, "mse", sample_weight=weights.to_frame())
    assert gd.Standardize.from_data(TOWNS) == gd.Standardize.from_data(TOWNS.to_numpy(float))
    with pytest.raises(ValueError, match=r"contains NaN in row 1, column 'b' \(1\)"):
        gd.ScaledTarget.from_data(pd.DataFrame({"a": [0.0, 0.0], "b": [1.0, np.nan]}))


CALLS = [
    lambda net, X, y, c, w: net(1).fit(X, y, loss="mse", epochs=2, validation_split=0.25, sample_weight=w).val_loss,
    lambda net, X, y, c, w: (
        net(3)
        .fit(
            X, c, loss="cross_entropy", epochs=2, validation_data=(X, c, w), class_weight="balanced", metrics="accuracy"
        )
        .metrics
    ),
    lambda net, X, y, c, w: gd.Trainer(net(1), "mse").step(X, y, w),
    lambda net, X, y, c, w: str(gd.check_gradients(net(1), X, y, "mse", sample_weight=w)),
    lambda net, X, y, c, w: str(gd.learning_rate_bound(net(1), X, y, "mse")),
    lambda net, X, y, c, w: gd.Standardize.from_data(X),
    lambda net, X, y, c, w: gd.ScaledTarget.from_data(y),
    lambda net, X, y, c, w: net(3).evaluate(X, c, "accuracy", loss="cross_entropy", sample_weight=w),
    lambda net, X, y, c, w: gd.minimize(lambda x: (x @ x, 2 * x), y, max_steps=3).x.tolist(),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_frame_is_its_numbers_in_every_call(call, rng):
    n = 24
    X = pd.get_dummies(pd.DataFrame({"area": rng.normal(size=n), "town": list("abca") * (n // 4)}))
    X["rooms"] = pd.array(rng.integers(1, 5, n), "Int64")
    y, c = pd.Series(rng.normal(size=n), dtype="Float64"), pd.Series(np.arange(n) % 3, dtype="Int64")
    w = pd.Series(rng.integers(1, 3, n), dtype="Int64")

    def net(n_out):
        return gd.MLP([X.shape[1], 4, n_out], activation="tanh", seed=0)

    numbers = (array.to_numpy(kind) for array, kind in ((X, float), (y, float), (c, int), (w, float)))
    assert call(net, X, y, c, w) == call(net, *numbers)


def test_polars():
    pl = pytest.importorskip("polars")
    X = pl.DataFrame({"a": [1, 2, 3, 4], "b": [True, False, True, True], "c": [1.5, 2, 3, 4]})
    expected = [[1, 1, 1.5], [2, 0, 2], [3, 1, 3], [4, 1, 4]]
    np.testing.assert_array_equal(checks.numbers_array("X", X, "float64"), expected)
    days = [datetime.date(2020, 1, day) for day in (1, 2, 3, 4)]
    for bad, kind, message in [
        (
            X.with_columns(city=pl.Series(list("abca"))),
            TypeError,
            "X has text in column 'city', such as 'a'; expected real numbers: encode it, for example by X.to_dummies(",
        ),
        (X.with_columns(city=pl.Series(list("abca"), dtype=pl.Categorical)), TypeError, "X has text in column 'city'"),
        (pl.DataFrame({"a": [1, 2, 3, 4], "d": days}), TypeError, "X has dates in column 'd'"),
        (X.with_columns(n=pl.Series([1, None, 3, 4])), ValueError, "X contains NaN in row 1, column 'n' (3)"),
        (X.with_columns(n=pl.Series([True, None, True, True])), ValueError, "X contains NaN in row 1, column 'n' (3)"),
        (X.lazy(), TypeError, "X is a LazyFrame; pass X.collect()"),
    ]:
        with pytest.raises(kind, match="^" + re.escape(message)):
            checks.numbers_array("X", bad, "float64")
    net = gd.MLP([1, 3], seed=0)
    assert net.loss(ONE, pl.Series([0, 1, 2, 0]), "cross_entropy") == net.loss(ONE, [0, 1, 2, 0], "cross_entropy")
    with pytest.raises(TypeError, match=r"y has text, 'a'; expected integer class labels"):
        net.loss(ONE, pl.Series(list("abca")), "cross_entropy")
    with pytest.raises(TypeError, match=r"X is a LazyFrame; pass X.collect\(\)"):
        gd.LinearModel(3).fit(X.lazy(), [1.0] * 4, loss="mse")
