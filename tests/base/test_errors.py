"""Bad data: refused by name, value and remedy, and no parameter moves; odd but good arrays are accepted."""

import re

import numpy as np
import pytest

import gdcore as gd

N = 6
RNG = np.random.default_rng(0)
X, Y, LABELS = RNG.normal(size=(N, 3)), RNG.normal(size=(N, 2)), np.array([0, 1, 1, 0, 1, 0])
WEIGHT = np.array([1.0, 0, 1, 1, 0, 1])
NAN, INF = np.nan, np.inf


def put(array, where, value):
    array = np.array(array, dtype=float)
    array[where] = value
    return array


def step(trainer, X, y, weight):
    trainer.step(X, y, weight)


def epoch(trainer, X, y, weight):
    trainer.epoch(X, y, weight)


def fit(trainer, X, y, weight):
    trainer.fit(X, y, epochs=2, sample_weight=weight)


def loss(trainer, X, y, weight):
    trainer.model.loss(X, y, trainer.loss, sample_weight=weight)


def loss_and_grad(trainer, X, y, weight):
    trainer.model.loss_and_grad(X, y, trainer.loss, sample_weight=weight)


def model_fit(trainer, X, y, weight):
    trainer.model.fit(X, y, loss=trainer.loss, epochs=2, sample_weight=weight)


def check_gradients(trainer, X, y, weight):
    gd.check_gradients(trainer.model, X, y, trainer.loss, sample_weight=weight)


def predict(trainer, X, y, weight):
    trainer.model.predict(X)


TAKE_DATA = (step, epoch, fit, loss, loss_and_grad, model_fit, check_gradients)
TAKE_X = (*TAKE_DATA, predict)

BAD_X = [
    ("no array", None, TypeError, "X is None; expected an array of real numbers"),
    ("an object", [*X[:5].tolist(), [1, 2, {}]], TypeError, "X has a dict in row 5, column 2, where a real"),
    ("complex", X + 1j, TypeError, "X has dtype complex128; expected real numbers"),
    ("strings", X.astype(str), TypeError, r"X has numbers as text, such as '.*'; pass X.astype\(float\)"),
    ("dates", X.astype("M8[s]"), TypeError, "X has dates; pass numbers, for example"),
    ("ragged", [[1, 2, 3], [4, 5]], ValueError, "X is ragged"),
    ("a number", 3.0, ValueError, r"X has shape \(\); expected \(n_samples, 3\)"),
    ("one sample", X[0], ValueError, r"X has shape \(3,\).*X\[None, :\] for one sample"),
    ("one column", X[:, 0], ValueError, r"X has shape \(6,\); expected \(n_samples, 3\)"),
    ("a cube", X[None], ValueError, r"X has shape \(1, 6, 3\); expected \(n_samples, 3\)"),
    (
        "too few features",
        X[:, :2],
        ValueError,
        "X has 2 features, but the model expects 3: pass 3 columns, or give the model 2 inputs",
    ),
    ("no columns", X[:, :0], ValueError, "X has 0 features, but the model expects 3: pass 3 columns$"),
    ("transposed", X.T, ValueError, "X has 6 features, but the model expects 3"),
    ("no rows", X[:0], ValueError, "X has no rows; expected at least one sample"),
    ("no features", X[:, :0], ValueError, "X has 0 features"),
    ("NaN", put(X, (4, 1), NAN), ValueError, "X contains NaN in row 4, column 1; remove or impute it"),
    ("infinity", put(X, (2, 0), INF), ValueError, "X contains infinity in row 2"),
    ("minus infinity", put(X, (0, 2), -INF), ValueError, "X contains infinity in row 0"),
    ("both infinities", put(put(X, (5, 2), -INF), (3, 1), INF), ValueError, "X contains infinity in row 3"),
    ("too large for float32", put(X, (3, 1), 1e39), ValueError, "X has a number in row 3, column 1 too large"),
    ("masked", np.ma.masked_array(X, X > 0), ValueError, "X .*masked"),
]
BAD_Y = [
    ("no array", "mse", None, TypeError, "y is None; expected an array of real numbers"),
    ("complex", "mse", Y + 1j, TypeError, "y has dtype complex128"),
    ("strings", "mse", Y.astype(str), TypeError, "y has numbers as text"),
    ("ragged", "mse", [[1, 2], [3]] * 3, ValueError, "y is ragged"),
    ("one column", "mse", Y[:, :1], ValueError, r"y has shape \(6, 1\); expected \(6, 2\)"),
    ("flat", "mse", Y.ravel(), ValueError, r"y has shape \(12,\); expected \(6, 2\): pass y.reshape\(6, 2\)"),
    ("transposed", "mse", Y.T, ValueError, r"y has shape \(2, 6\); expected \(6, 2\): pass y.T$"),
    ("would broadcast", "mse", Y[:, 0], ValueError, r"\(6,\); expected \(6, 2\): give the model one output$"),
    (
        "labels",
        "mse",
        LABELS,
        ValueError,
        r"\(6, 2\): give the model one output, or take cross_entropy for class labels$",
    ),
    ("one answer", "bce", LABELS, ValueError, r"\(6, 2\): give the model one output, or take cross_entropy"),
    ("one sign", "hinge", 2 * LABELS[:, None] - 1, ValueError, r"\(6, 2\): give .* or take cross_entropy"),
    ("one row", "mse", Y[:1], ValueError, r"y has shape \(1, 2\); expected \(6, 2\)"),
    ("a row less", "mse", Y[:5], ValueError, r"y has shape \(5, 2\); expected \(6, 2\)"),
    ("NaN", "mse", put(Y, (5, 1), NAN), ValueError, "y contains NaN in row 5"),
    ("infinity", "mae", put(Y, (1, 0), INF), ValueError, "y contains infinity in row 1"),
    ("too large for float32", "mse", put(Y, (1, 0), -1e39), ValueError, "y has a number in row 1, column 0 too large"),
    ("masked", "mse", np.ma.masked_array(Y, Y > 0), ValueError, "y .*masked"),
    ("not a probability", "bce", put(np.zeros_like(Y), (2, 1), 1.5), ValueError, r"y has 1.5 in row 2;.*in \[0, 1\]"),
    ("negative", "bce", put(np.zeros_like(Y), (2, 1), -0.5), ValueError, r"y has -0.5 in row 2;.*in \[0, 1\]"),
    ("a negative count", "poisson", put(np.zeros_like(Y), (3, 0), -1), ValueError, "y has -1 in row 3;.*>= 0"),
    ("zeros and ones", "hinge", np.eye(2)[LABELS], ValueError, r"y has 0 in row 0;.*-1 or 1: pass 2 \* y - 1"),
    ("zeros and ones", "squared_hinge", np.eye(2)[LABELS], ValueError, r"y has 0 in row 0;.*-1 or 1"),
    ("a label too large", "cross_entropy", put(LABELS, 3, 2).astype(int), ValueError, "y has label 2 in row 3"),
    ("a negative label", "cross_entropy", put(LABELS, 2, -1).astype(int), ValueError, "y has label -1 in row 2"),
    ("a huge label", "cross_entropy", np.full(N, 2**63, "u8"), ValueError, "y has label 92233720368547758"),
    ("float labels", "cross_entropy", LABELS.astype(float), TypeError, r"y has dtype float64.*astype\(int\)"),
    (
        "string labels",
        "cross_entropy",
        np.array(["sick", "well"])[LABELS],
        TypeError,
        r"y has text, 'sick'; expected integer class labels.*pass np.unique\(y, return_inverse=True\)\[1\]",
    ),
    ("object labels", "cross_entropy", np.array(["sick", "well"], object)[LABELS], TypeError, r"pass np.unique\(y"),
    ("a missing label", "cross_entropy", np.array(["a", None, "b"] * 2, object), ValueError, "y has no label in row 1"),
    ("NaN among labels", "cross_entropy", [0, 1, None, 1, 0, 0], ValueError, "y contains NaN in row 2; remove"),
    ("no labels", "cross_entropy", None, TypeError, "y is None; expected integer class labels"),
    ("ragged labels", "cross_entropy", [[0, 1], [1]] * 3, ValueError, "y is ragged"),
    ("a column of labels", "cross_entropy", LABELS[:, None], ValueError, r"y has shape \(6, 1\).*pass y.ravel"),
    ("a label less", "cross_entropy", LABELS[:5], ValueError, r"y has shape \(5,\); expected \(6,\)"),
    ("one label", "cross_entropy", 1, ValueError, r"y has shape \(\); expected \(6,\)"),
    ("masked labels", "cross_entropy", np.ma.masked_array(LABELS, LABELS > 0), ValueError, "y .*masked"),
    ("a negative probability", "cross_entropy", np.tile([1.5, -0.5], (6, 1)), ValueError, "y has -0.5 in row 0;.*>= 0"),
    ("not summing to 1", "cross_entropy", np.tile([0.5, 0.4], (6, 1)), ValueError, "y has .*sum to 0.9 in row 0"),
    ("too few classes", "cross_entropy", np.ones((6, 1)), ValueError, r"y has shape \(6, 1\); expected \(6, 2\)"),
]
BAD_WEIGHT = [
    ("a number", 2.0, ValueError, r"sample_weight has shape \(\); expected \(6,\)"),
    ("a column", WEIGHT[:, None], ValueError, r"sample_weight has shape \(6, 1\).*sample_weight.ravel"),
    ("a row less", WEIGHT[:5], ValueError, r"sample_weight has shape \(5,\); expected \(6,\)"),
    ("strings", WEIGHT.astype(str), TypeError, "sample_weight has numbers as text"),
    ("complex", WEIGHT + 0j, TypeError, "sample_weight has dtype complex128"),
    ("negative", put(WEIGHT, 2, -1), ValueError, "sample_weight has -1 in row 2; weights must be >= 0"),
    ("NaN", put(WEIGHT, 2, NAN), ValueError, "sample_weight contains NaN in row 2"),
    ("infinity", put(WEIGHT, 1, INF), ValueError, "sample_weight contains infinity in row 1"),
    ("all zero", 0 * WEIGHT, ValueError, "sample_weight sums to 0; at least one weight must be > 0"),
    ("masked", np.ma.masked_array(WEIGHT, LABELS > 0), ValueError, "sample_weight .*masked"),
]


def refused(call, exception, message, loss="mse", X=X, y=Y, weight=None):
    """The call raises, and parameters, state and counters are bit for bit what they were."""
    net = gd.MLP([3, 4, 2], seed=0)
    trainer = gd.Trainer(net, loss, "adam", batch_size=2)
    trainer.step(RNG.normal(size=(2, 3)), np.zeros(2, int) if loss == "cross_entropy" else np.ones((2, 2)))
    kept, state = net.params.copy(), trainer.optimizer_state.to_dict()
    with pytest.raises(exception, match=message):
        call(trainer, X, y, weight)
    np.testing.assert_array_equal(net.params, kept)
    assert trainer.steps_done == state["step_count"]
    assert trainer.epochs_done == 0
    np.testing.assert_array_equal(trainer.optimizer_state.slots, state["slots"])


def compact(array):
    """As the fast path takes it: float32 or int64, contiguous; the rows above are float64."""
    array = np.asarray(array)
    with np.errstate(over="ignore"):
        return np.require(array, {"f": np.float32, "i": np.int64}.get(array.dtype.kind), "C")


@pytest.mark.parametrize("call", TAKE_X)
@pytest.mark.parametrize(("what", "bad", "exception", "message"), BAD_X, ids=[row[0] for row in BAD_X])
def test_bad_X(call, what, bad, exception, message):
    refused(call, exception, message, X=bad)
    if what in ("NaN", "infinity", "minus infinity", "both infinities", "no rows", "too few features"):
        refused(call, exception, message, X=compact(bad), y=compact(Y))


@pytest.mark.parametrize("call", TAKE_DATA)
@pytest.mark.parametrize(("what", "kind", "bad", "exception", "message"), BAD_Y, ids=[f"{r[1]}-{r[0]}" for r in BAD_Y])
def test_bad_y(call, what, kind, bad, exception, message):
    refused(call, exception, message, kind, y=bad)
    if isinstance(bad, np.ndarray) and "masked" not in what and "large for" not in what:
        refused(call, exception, message.replace("float64", "float32"), kind, X=compact(X), y=compact(bad))


@pytest.mark.parametrize("call", TAKE_DATA)
@pytest.mark.parametrize(("what", "bad", "exception", "message"), BAD_WEIGHT, ids=[row[0] for row in BAD_WEIGHT])
def test_bad_sample_weight(call, what, bad, exception, message):
    refused(call, exception, message, weight=bad)
    refused(call, exception, message, "cross_entropy", X=compact(X), y=LABELS, weight=bad)


ACCEPTED = {
    "lists": lambda a: a.tolist(),
    "tuples": lambda a: tuple(map(tuple, a)) if a.ndim == 2 else tuple(a),
    "Fortran order": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=0)[::2],
    "reversed": lambda a: a[::-1].copy()[::-1],
    "columns of a wider array": lambda a: np.hstack([a, a])[:, : a.shape[1]] if a.ndim == 2 else a,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "half precision": lambda a: a.astype("f2") if a.dtype.kind == "f" else a.astype("i1"),
    "extended precision": lambda a: a.astype("g") if a.dtype.kind == "f" else a.astype("u8"),
    "other precision": lambda a: a.astype("f4") if a.dtype.kind == "f" else a.astype("i4"),
    "matrix": lambda a: a.view(np.matrix) if a.ndim == 2 else a,
    "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape) if a.size else a,
    "a memoryview": memoryview,
    "masked nowhere": np.ma.masked_array,
    "booleans": lambda a: a.astype(bool),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["mse", "cross_entropy"])
@pytest.mark.parametrize("made", ACCEPTED.values(), ids=ACCEPTED)
def test_arrays_of_every_make_are_accepted_and_not_written(made, kind, dtype):
    """Small integers are the same numbers in every precision: the results are equal to the last bit."""
    rng = np.random.default_rng(1)
    plain = rng.integers(0, 2, (N, 3)).astype(float), LABELS if kind == "cross_entropy" else np.eye(2)[LABELS]
    results = []
    for data in (plain, tuple(made(array) for array in plain)):
        for array in data:
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
        before = [np.array(array) for array in data]
        net = gd.MLP([3, 4, 2], "tanh", dtype=dtype, seed=0)
        trainer = gd.Trainer(net, kind, "adam", batch_size=2)
        value, grad = net.loss_and_grad(*data, kind)
        results.append(
            [
                trainer.step(*data),
                trainer.step(*data, WEIGHT if data is plain else made(WEIGHT)),
                trainer.epoch(*data),
                *trainer.fit(*data, epochs=2, validation_data=data).loss,
                value,
                *grad,
                *net.predict(data[0]).ravel(),
                *net.params,
            ]
        )
        for array, copy in zip(data, before, strict=True):
            np.testing.assert_array_equal(np.array(array), copy)
    np.testing.assert_array_equal(results[0], results[1])


def test_one_output_takes_a_flat_target_and_a_column():
    net = gd.LinearModel(3, seed=0)
    assert net.loss(X, Y[:, 0], "mse") == net.loss(X, Y[:, :1], "mse")
    with pytest.raises(ValueError, match=re.escape("expected (6, 1) or (6,): pass y.reshape(6, 1)")):
        net.loss(X, Y[:, :1].T, "mse")


def test_the_remedy_for_names_of_classes_works():
    net, names = gd.LinearModel(3, 2, seed=0), np.array(["well", "sick"])[LABELS].tolist()
    with pytest.raises(TypeError, match=r"pass np\.unique\(y, return_inverse=True\)\[1\]"):
        net.loss(X, names, "cross_entropy")
    labels = np.unique(names, return_inverse=True)[1]
    assert net.loss(X, labels, "cross_entropy") == net.loss(X, 1 - LABELS, "cross_entropy")


@pytest.mark.parametrize(
    ("bad", "exception", "message"),
    [
        ((X[:, :2], Y), ValueError, "X has 2 features"),
        ((X, Y[:5]), ValueError, r"y has shape \(5, 2\)"),
        ((put(X, (0, 0), NAN), Y), ValueError, "X contains NaN in row 0"),
        ((X, Y, Y), ValueError, r"validation_data: sample_weight has shape \(6, 2\); expected \(6,\)"),
        ((X,), TypeError, r"validation_data must be \(X, y\) or \(X, y, sample_weight\), got 1 items"),
        (X, TypeError, r"validation_data must be \(X, y\) or \(X, y, sample_weight\), got ndarray"),
    ],
    ids=range(6),
)
def test_bad_validation_data_is_seen_before_the_first_epoch(bad, exception, message):
    def fit_with(trainer, X, y, weight):
        trainer.fit(X, y, validation_data=bad)

    refused(fit_with, exception, message)


@pytest.mark.parametrize(
    ("stop", "exception", "message"),
    [
        (None, TypeError, "stop must hold criteria"),
        (5, TypeError, "stop must hold criteria"),
        ([gd.EarlyStopping], TypeError, "stop must hold criteria"),
        ("early", TypeError, "stop must hold criteria .*, got 'early'$"),
        (gd.EarlyStopping(2, monitor="val_loss"), ValueError, "needs validation data: pass validation_data"),
    ],
    ids=str,
)
def test_a_bad_criterion_is_seen_before_the_first_epoch(stop, exception, message):
    def fit_with(trainer, X, y, weight):
        trainer.fit(X, y, stop=stop)

    refused(fit_with, exception, message)


@pytest.mark.parametrize(
    ("result", "exception", "message"),
    [
        (1.0, TypeError, r"must return \(value, d value / d outputs\), got float"),
        ((1.0, 2.0, 3.0), TypeError, r"must return \(value, d value / d outputs\), got tuple"),
        (("1", np.zeros((2, 2))), TypeError, "must return a number first, got '1'"),
        ((np.zeros(2), np.zeros((2, 2))), TypeError, "must return a number first"),
        ((1.0, np.zeros(2)), ValueError, r"derivative of shape \(2,\).*expected the outputs' shape \(2, 2\)"),
        ((1.0, np.zeros((2, 2), complex)), ValueError, "dtype complex128.*real numbers"),
        ((1.0, None), ValueError, "dtype object.*real numbers"),
    ],
    ids=str,
)
def test_what_a_custom_loss_returns_is_checked(result, exception, message):
    for call in (step, epoch, fit):
        trainer = gd.Trainer(gd.MLP([3, 4, 2], seed=0), lambda z, y: result, batch_size=2)
        kept = trainer.model.params.copy()
        with pytest.raises(exception, match=message):
            call(trainer, X[:2], Y[:2], None)
        np.testing.assert_array_equal(trainer.model.params, kept)
    with pytest.raises(TypeError, match="sample_weight does not go with a custom loss"):
        step(trainer, X[:2], Y[:2], WEIGHT[:2])
    with pytest.raises(ValueError, match=r"y has shape \(1, 2\); expected 2 rows, as X has"):
        step(trainer, X[:2], Y[:1], None)


def test_an_error_inside_a_custom_loss_reaches_the_caller():
    def broken(outputs, y):
        raise RuntimeError("mine")

    for call in (step, epoch, fit, loss, loss_and_grad):
        trainer = gd.Trainer(gd.MLP([3, 4, 2], seed=0), broken)
        kept = trainer.model.params.copy()
        with pytest.raises(RuntimeError, match="mine"):
            call(trainer, X, Y, None)
        np.testing.assert_array_equal(trainer.model.params, kept)
