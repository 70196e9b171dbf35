"""Bad arguments of models, trainers and calls: a table of (call, exception, message)."""

import numpy as np
import pytest

import gdcore as gd

NET = gd.MLP([3, 4, 2], seed=0)
X, Y = np.ones((6, 3)), np.ones((6, 2))
NAN, INF = np.nan, np.inf


def trainer(loss="mse", optimizer="sgd", **options):
    return gd.Trainer(NET, loss, optimizer, **options)


def each(values, make, exception, message):
    """One row per value."""
    return [(lambda value=value: make(value), exception, message) for value in values]


ROWS = [
    # names: the known ones are listed, the nearest is named
    (lambda: gd.Dense(2, 3, "rellu"), ValueError, "unknown activation 'rellu'; known: identity.*did you mean 'relu'"),
    (lambda: gd.Dense(2, 3, ""), ValueError, "unknown activation ''; known: identity"),
    (lambda: gd.MLP([3, 2], "rellu"), ValueError, "unknown activation 'rellu'; known: .*; did you mean 'relu'?"),
    (lambda: gd.check_gradients(X, X, Y, "mse"), TypeError, r"8, 1\]\), got a ndarray of shape \(\d+, \d+\)$"),
    (lambda: gd.check_gradients([1.5] * 99, X, Y, "mse"), TypeError, r"such as .*, got a list of length 99$"),
    (lambda: gd.Dense(2, 3, None), TypeError, "activation must be a name or a record, got None"),
    (lambda: gd.Dense(2, 3, weight_init="he"), ValueError, "unknown initializer 'he'; known: auto, zeros"),
    (lambda: gd.Dense(2, 3, bias_init="zeroes"), ValueError, "unknown initializer 'zeroes'.*did you mean 'zeros'"),
    (lambda: gd.Dense(2, 3, weight_init=0.5), TypeError, "initializer must be a name or a record, got 0.5"),
    (lambda: gd.MLP([2, 3, 1], "tahn"), ValueError, "unknown activation 'tahn'.*did you mean 'tanh'"),
    (lambda: gd.MLP([2, 3, 1], output_activation="softmax"), ValueError, "unknown activation 'softmax'"),
    (lambda: NET.loss(X, Y, "mean_square_error"), ValueError, "unknown loss.*mse.*you mean 'mean_squared_error'"),
    (lambda: NET.loss(X, Y, 3), TypeError, "loss must be a name or a record, got 3;"),
    (lambda: NET.loss(X, "mse", Y), TypeError, "loss must be a name or a record, got a ndarray of shape"),
    (lambda: NET.loss(X, Y, "mse", l2=X), TypeError, "l2 must be a number, got a ndarray of shape"),
    (lambda: trainer(batch_size=X), TypeError, "batch_size must be an integer, got a ndarray of shape"),
    (lambda: gd.MLP([3, 2], dtype=X), ValueError, "dtype must be 'float32' or 'float64', got a ndarray of shape"),
    (lambda: NET.loss(X, Y, gd.Huber), TypeError, r"loss must be a record, got the class Huber: pass Huber\(\)"),
    (lambda: trainer("crossentropy"), ValueError, "unknown loss 'crossentropy'.*did you mean 'cross_entropy'"),
    (lambda: trainer(optimizer="adem"), ValueError, "unknown optimizer.*known: sgd.*you mean 'adam'"),
    (lambda: trainer(optimizer=gd.Adam), TypeError, "optimizer must be a name or a record"),
    (lambda: trainer(optimizer=0.1), TypeError, "optimizer must be a name or a record, got 0.1"),
    # rates and strengths
    *each((0, 0.0, -0.1, np.float32(-1)), gd.SGD, ValueError, "learning_rate must be > 0, got"),
    *each((NAN, INF, -INF, 10**400), gd.Adam, ValueError, "learning_rate must be finite, got"),
    *each(("0.1", None, True, {0.1}, 1j), gd.Lion, TypeError, "learning_rate must be a number, got"),
    *each((0, -1, NAN, INF), lambda bad: setattr(trainer(), "learning_rate", bad), ValueError, "learning_rate"),
    (lambda: setattr(trainer(), "learning_rate", "1"), TypeError, "learning_rate must be a number, got '1'"),
    *each((-1, NAN, INF), lambda bad: trainer(l1=bad), ValueError, "l1 must be"),
    *each((-1, NAN, INF), lambda bad: trainer(l2=bad), ValueError, "l2 must be"),
    *each((-1, NAN, INF), lambda bad: NET.loss(X, Y, "mse", l1=bad), ValueError, "l1 must be"),
    *each((-1, NAN, INF), lambda bad: NET.loss_and_grad(X, Y, "mse", l2=bad), ValueError, "l2 must be"),
    (lambda: NET.loss(X, Y, "mse", l1="1"), TypeError, "l1 must be a number, got '1'"),
    *each((0, -1, NAN, INF), lambda bad: trainer(clip_norm=bad), ValueError, "clip_norm must be"),
    (lambda: trainer(clip_norm=True), TypeError, "clip_norm must be a number, got True"),
    *each((0, -1, NAN, INF), lambda bad: trainer(clip_value=bad), ValueError, "clip_value must be"),
    *each((-1, NAN, INF), lambda bad: gd.Dense(2, 3, l1=bad), ValueError, "l1 must be"),
    *each((-1, NAN, INF), lambda bad: gd.Dense(2, 3, l2=bad), ValueError, "l2 must be"),
    *each((0, -1, NAN, INF), lambda bad: gd.Dense(2, 3, max_norm=bad), ValueError, "max_norm must be"),
    *each((-1, NAN, INF), lambda bad: trainer(layer_rates={"dense1": bad}), ValueError, r"layer_rates\['dense1'\]"),
    (lambda: trainer(layer_rates={"dense1": "0"}), TypeError, r"layer_rates\['dense1'\] must be a number, got '0'"),
    (lambda: trainer(layer_rates={"dense2": 0}), ValueError, "names the layer 'dense2'; known: dense0, dense1"),
    (lambda: trainer(layer_rates={0: 0}), ValueError, "names the layer 0; known: dense0, dense1"),
    *each(
        (0, -1, NAN, INF), lambda bad: trainer(layer_rates={"dense1.bias": bad}), ValueError, r"\['dense1.bias'\] must"
    ),
    (lambda: trainer(layer_rates={"dense1.weight": 2}), ValueError, "known: dense0, dense1, dense0.bias, dense1.bias"),
    (lambda: trainer(layer_rates=0.1), TypeError, "must be a dict of layer -> factor, such as {.*}, got 0.1"),
    (lambda: trainer(layer_rates={"dense0": 0, "dense1": 0}), ValueError, "freezes every layer.*leave one above 0"),
    *each((0, -1, NAN, INF), gd.Huber, ValueError, "delta must be"),
    *each((0, 1, -0.5, NAN), gd.Quantile, ValueError, r"q must be"),
    *each((-0.1, 1.1, NAN), gd.CrossEntropy, ValueError, r"label_smoothing must be"),
    *each((-0.1, 1, 1.5, NAN), gd.Dropout, ValueError, "rate must be"),
    (lambda: gd.Dropout("half"), TypeError, "rate must be a number, got 'half'"),
    (lambda: gd.MLP([2, 3, 1], dropout=1.0), ValueError, r"dropout must be in \[0, 1\), got 1.0"),
    *each((0, -1, NAN), gd.GradientNormThreshold, ValueError, "threshold must be"),
    # counts
    *each((0, -1), lambda bad: trainer(batch_size=bad), ValueError, "batch_size must be >= 1, got"),
    *each((1.0, True, "8", None), lambda bad: trainer(batch_size=bad), TypeError, "batch_size must be an integer, got"),
    (lambda: trainer(batch_size=2**70), ValueError, "batch_size must be <="),
    *each((0, -3), lambda bad: trainer().fit(X, Y, epochs=bad), ValueError, "epochs must be >= 1, got"),
    *each((1.5, True), lambda bad: trainer().fit(X, Y, epochs=bad), TypeError, "epochs must be an integer, got"),
    *each((0, -1), gd.EarlyStopping, ValueError, "patience must be >= 1"),
    (lambda: gd.EarlyStopping(2.5), TypeError, "patience must be an integer, got 2.5"),
    *each((-1, NAN), lambda bad: gd.EarlyStopping(3, min_delta=bad), ValueError, "min_delta must be"),
    *each((1, None, "no"), lambda bad: trainer(shuffle=bad), TypeError, "shuffle must be True or False, got"),
    (lambda: trainer(drop_last=0), TypeError, "drop_last must be True or False, got 0"),
    (lambda: gd.set_num_threads(0), ValueError, "must be >= 1, got 0"),
    (lambda: gd.set_num_threads(1.5), TypeError, "must be an integer, got 1.5"),
    # seeds
    *each((-1, 2**64), lambda bad: trainer(seed=bad), ValueError, "seed must be"),
    *each((1.0, "1", True), lambda bad: gd.MLP([2, 1], seed=bad), TypeError, "seed must be an integer, got"),
    *each((-1, 2**64), lambda bad: NET.loss(X, Y, "mse", dropout_seed=bad), ValueError, "dropout_seed must be"),
    # sizes and layers
    *each((0, -5), lambda bad: gd.Dense(bad, 3), ValueError, "in_features must be >= 1, got"),
    *each((2.0, "3", None, True), lambda bad: gd.Dense(3, bad), TypeError, "out_features must be an integer, got"),
    (lambda: gd.Dense(2, 3, bias=1), TypeError, "bias must be True or False, got 1"),
    (lambda: gd.Sequential(gd.Dense(2**40, 2**40)), ValueError, "more than memory can hold: use smaller"),
    (lambda: gd.LinearModel(2**63, 2**63), ValueError, "more than memory can hold"),
    (lambda: gd.MLP([1, 2**62, 1]), ValueError, "more than memory can hold"),
    (lambda: gd.Sequential(), ValueError, "a model needs at least one Dense layer"),
    (lambda: gd.Sequential(gd.Dropout(0.5)), ValueError, "a model needs at least one Dense layer"),
    (lambda: gd.Sequential(gd.Dense(2, 3), "relu"), TypeError, "layer 1 must be a Dense, Dropout, Standardize, MinMax"),
    (lambda: gd.Sequential([gd.Dense(2, 3)]), TypeError, r"layer 0 must be a Dense, Dropout.* or \w+, got \[Dense"),
    (lambda: gd.Sequential(gd.Dense(2, 3), gd.Dropout(0.5), gd.Dense(4, 1)), ValueError, "layer 2 takes 4 features"),
    *each(([3], [], "32", 5, None), gd.MLP, ValueError, "sizes must be a list of at least two"),
    *each(("float16", int, "single precision", None), NET.astype, ValueError, "dtype must be .float32. or .float64."),
    # vectors and models
    (lambda: setattr(NET, "params", np.zeros(3)), ValueError, r"params has shape \(3,\); expected \(26,\)"),
    (lambda: setattr(NET, "params", NET.params[None]), ValueError, r"params has shape \(1, 26\).*ravel"),
    (lambda: setattr(NET, "params", np.full(26, NAN)), ValueError, "params contains NaN"),
    (lambda: setattr(NET, "params", ["a"] * 26), TypeError, "params has text in row 0, such as 'a'"),
    (lambda: NET.parameters(np.zeros(3)), ValueError, r"vector has shape \(3,\); expected \(26,\)"),
    (lambda: NET.parameters([0.0] * 26), ValueError, r"vector"),
    (lambda: gd.MLP([2, 1], dtype="int8"), ValueError, "dtype must be 'float32' or 'float64', got 'int8'"),
    (lambda: gd.Trainer("net", "mse"), TypeError, "model must be"),
    (lambda: gd.check_gradients("net", X, Y, "mse"), TypeError, "model must be"),
]


@pytest.mark.parametrize(("call", "exception", "message"), ROWS, ids=[row[2][:30] for row in ROWS])
def test_bad_arguments(call, exception, message):
    kept = NET.params.copy()
    with pytest.raises(exception, match=message):
        call()
    np.testing.assert_array_equal(NET.params, kept)


def test_kernels_refuse_too():
    """What is between Python and the kernels stays an exception, not a crash."""
    kernels = gd._kernels.load("float32")
    with pytest.raises(ValueError, match="not in"):
        kernels.activation_code("softmax")
    with pytest.raises(ValueError, match="not in"):
        kernels.loss_code("nothing")
