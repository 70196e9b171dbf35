"""Metrics against their definitions and scikit-learn, and what a fit records of them."""

from dataclasses import dataclass

import numpy as np
import pytest

import gdcore as gd
from gdcore import metrics
from gdcore.data.class_weight import class_weighted
from gdcore.data.samples import checked_samples

RNG = np.random.default_rng(0)
N = 40
X = RNG.normal(size=(N, 3))
LABELS = RNG.integers(0, 4, N)
Y = RNG.normal(size=(N, 2))
WEIGHT = RNG.random(N)
SIGNS = np.where(X[:, 0] > 0.3, 1.0, -1.0)


def test_classes_by_hand():
    """Four samples, three classes: right, second, third, tied."""
    z = np.array([[3.0, 1, 2], [1, 3, 2], [3, 2, 1], [1, 1, 1]])
    y, weight = np.array([0, 2, 2, 0]), np.array([1.0, 2, 3, 4])
    for targets in (y, np.eye(3)[y]):
        assert metrics.Accuracy()(z, targets) == 0.5
        assert metrics.Accuracy()(z, targets, weight) == 0.5
        assert metrics.TopK(2)(z, targets) == 0.5  # of the tied outputs the first is the smallest
        assert metrics.TopK(2)(z, targets, weight) == pytest.approx(0.3)
        assert metrics.TopK(1)(z, targets) == 0.25


def test_answers_by_hand():
    z = np.array([[1.0, -1], [-1, 0], [2, 2]])
    y = np.array([[1.0, 1], [0, 0], [1, 0]])
    weight = np.array([1.0, 2, 1])
    for targets in (y, 2 * y - 1):
        assert metrics.BinaryAccuracy()(z, targets) == pytest.approx(4 / 6)
        assert metrics.BinaryAccuracy()(z, targets, weight) == pytest.approx((0.5 + 2 + 0.5) / 4)
        assert metrics.Accuracy()(z[:, :1], targets[:, :1]) == 1
        assert metrics.Accuracy()(z[:, 1:], targets[:, 1]) == pytest.approx(1 / 3)


def test_numbers_by_hand():
    z, y = np.array([[1.0, 2], [3, 2]]), np.array([[0.0, 2], [4, 2]])
    assert metrics.MAE()(z, y) == 0.5
    assert metrics.R2()(z, y) == pytest.approx((1 - 2 / 8 + 1) / 2)  # the second target is constant, and met
    assert metrics.R2()(z + 1, y) == pytest.approx((1 - 4 / 8 + 0) / 2)
    assert metrics.R2()(np.full((5, 1), 2.0), np.arange(5.0)) == 0
    assert metrics.MAE()(z, y, np.array([3.0, 1])) == metrics.MAE()(z[[0, 0, 0, 1]], y[[0, 0, 0, 1]])
    assert metrics.R2()(z, y, np.array([3.0, 1])) == pytest.approx(metrics.R2()(z[[0, 0, 0, 1]], y[[0, 0, 0, 1]]))


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_scikit_learns_values(weight):
    theirs = pytest.importorskip("sklearn.metrics")
    z = RNG.normal(size=(N, 4)).round(1)
    for k in (1, 2, 3):
        want = theirs.top_k_accuracy_score(LABELS, z, k=k, sample_weight=weight, labels=range(4))
        assert metrics.TopK(k)(z, LABELS, weight) == pytest.approx(want, rel=1e-14)
    want = theirs.accuracy_score(LABELS, z.argmax(axis=1), sample_weight=weight)
    assert metrics.Accuracy()(z, LABELS, weight) == pytest.approx(want, rel=1e-14)
    outputs = Y + RNG.normal(size=Y.shape)
    want = theirs.mean_absolute_error(Y, outputs, sample_weight=weight)
    assert metrics.MAE()(outputs, Y, weight) == pytest.approx(want, rel=1e-14)
    want = theirs.r2_score(Y, outputs, sample_weight=weight)
    assert metrics.R2()(outputs, Y, weight) == pytest.approx(want, rel=1e-13)


def test_balanced_weights_are_scikit_learns():
    utils = pytest.importorskip("sklearn.utils.class_weight")
    labels = np.array([0, 0, 0, 2, 2, 3])
    want = utils.compute_class_weight("balanced", classes=np.unique(labels), y=labels)
    np.testing.assert_allclose(weights(labels, "balanced"), want[[0, 0, 0, 1, 1, 2]], rtol=1e-14)


def test_messages_know_every_loss():
    """A metric that a loss does not suit names each loss that does, in the registry's order."""
    for metric, kinds in ((metrics.BinaryAccuracy(), ("unit", "sign")), (metrics.MAE(), ("real",))):
        wrong = next(loss for loss in gd.LOSSES if loss.target == "class")
        with pytest.raises(ValueError, match="loss") as error:
            metric.check_fit(wrong.target, 3, wrong.name)
        named = [loss.name for kind in kinds for loss in gd.LOSSES if loss.target == kind]
        assert f"({', '.join(named)})" in str(error.value)
    kinds = ("real", "nonnegative", "unit", "sign", "class")
    assert sorted(gd.losses.losses_of(*kinds)) == sorted(loss.name for loss in gd.LOSSES)


PROBLEMS = {"mse": (Y, 2), "cross_entropy": (LABELS, 4), "bce": ((SIGNS + 1) / 2, 1), "hinge": (SIGNS, 1)}


def goes_with(kind, loss, n_out):
    try:
        kind().check_fit(gd.losses.get_loss(loss).target, n_out, loss)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", PROBLEMS)
def test_a_fit_measures_after_each_epoch(loss, dtype):
    """Each metric that goes with the loss, by the outputs that predict gives after the epoch."""
    y, n_out = PROBLEMS[loss]
    y = y if loss == "cross_entropy" else y.astype(dtype)
    kinds = [metrics.TopK(2) if kind is metrics.TopK else kind() for kind in metrics.METRICS]
    kinds = [kind for kind in kinds if goes_with(lambda kind=kind: kind, loss, n_out)]
    assert kinds
    trained, twin = (gd.MLP([3, 8, n_out], dropout=0.2, dtype=dtype, seed=0) for _ in range(2))
    history = trained.fit(
        X, y, loss=loss, epochs=3, sample_weight=WEIGHT, validation_data=(X[:7], y[:7]), metrics=kinds
    )
    trainer = gd.Trainer(twin, loss)
    for epoch in range(3):
        trainer.epoch(X, y, WEIGHT)
        for kind in kinds:
            found = history.metrics[kind.label()][epoch], history.metrics[f"val_{kind.label()}"][epoch]
            weight = WEIGHT.astype(dtype)
            assert found == (kind(twin.predict(X), y, weight), kind(twin.predict(X[:7]), y[:7]))
    assert set(history.metrics) == {name for kind in kinds for name in (kind.label(), f"val_{kind.label()}")}
    np.testing.assert_array_equal(trained.params, twin.params)


def worst(outputs, y):
    return np.abs(outputs - y).max()


def test_metrics_by_name_record_and_function():
    net = gd.LinearModel(3, 2, seed=0)
    for spec, names in (
        ("mae", ["mae"]),
        (metrics.R2(), ["r2"]),
        (worst, ["worst"]),
        (["mae", worst], ["mae", "worst"]),
        ({"error": "mae", "largest": lambda z, y: worst(z, y)}, ["error", "largest"]),
        ((), []),
    ):
        history = net.fit(X, Y, loss="mse", epochs=2, metrics=spec)
        assert list(history.metrics) == names
        assert all(len(values) == 2 for values in history.metrics.values())
    assert history.metrics == {}
    history = net.fit(X, Y, loss=lambda z, y: (0.0, np.zeros_like(z)), epochs=1, metrics=["mae", worst])
    assert history.metrics["worst"] == [pytest.approx(worst(net.predict(X), Y), rel=1e-6)]
    assert "mae=" in repr(history)


def test_names_find_their_records():
    for kind in metrics.METRICS:
        assert metrics.get_metric(kind.name) == metrics.get_metric(kind.name.upper()) == kind()
        assert eval(repr(kind()), vars(metrics)) == kind()
        assert kind.one_output or kind.several_outputs


def weights(y, spec, sample_weight=None, loss="cross_entropy", n_out=4):
    loss, n = gd.losses.get_loss(loss), len(y)
    data = checked_samples(np.ones((n, 1)), y, sample_weight, n_in=1, n_out=n_out, dtype="float64", loss=loss)
    return class_weighted(data, spec, loss, n_out).weight


def test_balanced_classes_have_the_same_share():
    weight = np.where(LABELS == 2, 0, WEIGHT)
    for given in (None, WEIGHT, weight):
        found = weights(LABELS, "balanced", given)
        shares = np.bincount(LABELS, found, minlength=4)
        present = shares > 0
        assert present.sum() == (3 if given is weight else 4)
        np.testing.assert_allclose(shares[present], shares[present][0], rtol=1e-12)
        assert found.sum() == pytest.approx(N if given is None else given.sum(), rel=1e-12)


def test_weights_of_named_classes():
    np.testing.assert_array_equal(weights(np.array([0, 1, 3]), {1: 2.5, 3: 0}, [1, 2, 3]), [1, 5, 0])
    np.testing.assert_array_equal(weights(SIGNS, {-1: 3}, loss="hinge", n_out=1), np.where(SIGNS < 0, 3, 1))
    np.testing.assert_array_equal(weights(SIGNS > 0, {1: 3}, loss="bce", n_out=1), np.where(SIGNS > 0, 3, 1))


def test_a_class_weight_is_a_sample_weight():
    nets = [gd.LinearModel(3, 4, seed=0) for _ in range(3)]
    want = nets[0].fit(X, LABELS, loss="cross_entropy", epochs=3, sample_weight=WEIGHT * np.where(LABELS == 1, 2, 1))
    found = gd.Trainer(nets[1], "cross_entropy").fit(X, LABELS, epochs=3, sample_weight=WEIGHT, class_weight={1: 2})
    np.testing.assert_allclose(found.loss, want.loss, rtol=1e-6)
    np.testing.assert_allclose(nets[1].params, nets[0].params, rtol=1e-4)
    nets[2].fit(X, LABELS, loss="cross_entropy", epochs=3, class_weight="balanced")
    assert (nets[2].params != nets[0].params).any()


@dataclass(frozen=True)
class NotAMetric:
    name: str = "mine"


def fit(loss="mse", y=Y, n_out=2, **options):
    gd.LinearModel(3, n_out, seed=0).fit(X, y, loss=loss, epochs=1, **options)


def labels_fit(**options):
    fit("cross_entropy", LABELS, 4, **options)


ERRORS = [
    (lambda: fit(metrics="acuracy"), ValueError, "unknown metric 'acuracy'; known: accuracy, .*you mean 'accuracy'"),
    (lambda: fit(metrics=3), TypeError, "metrics must be one or several, got 3"),
    (lambda: fit(metrics=[3]), TypeError, "metric must be a name or a record, got 3"),
    (lambda: fit(metrics=[NotAMetric()]), TypeError, "metric must be a name or a record, got NotAMetric"),
    (lambda: fit(metrics=[metrics.R2]), TypeError, r"got the class R2: pass R2\(…\)"),
    (lambda: fit(metrics=lambda z, y: 0.0), ValueError, "needs a name, which <function .* has not: pass {'name'"),
    (lambda: fit(metrics=["r2", metrics.R2()]), ValueError, "two metrics are called 'r2': pass {'name': metric}"),
    (lambda: fit(metrics={"val_mae": "mae"}), ValueError, "a metric cannot be called 'val_mae'"),
    (lambda: fit(metrics={1: "mae"}), TypeError, "what a metric is called must be a name, got 1"),
    (lambda: fit(metrics={"learning_rate": "mae"}), ValueError, "a metric cannot be called 'learning_rate': pass"),
    (lambda: fit(metrics={"seconds": "mae"}), ValueError, "a metric cannot be called 'seconds'"),
    (lambda: fit(metrics={"loss": "mae"}), ValueError, "a metric cannot be called 'loss'"),
    (lambda: fit(metrics={"gradient_norm dense0": "mae"}), ValueError, "cannot be called 'gradient_norm dense0'"),
    (lambda: fit(metrics={"mine": lambda z, y: z}), TypeError, "metric 'mine' must return a number, got array"),
    (
        lambda: fit(n_out=1, y=Y[:, 0], metrics="accuracy"),
        ValueError,
        r"^metric 'accuracy' needs a classification loss "
        r"\(binary_cross_entropy, hinge, squared_hinge, modified_huber, perceptron\) for a model of 1 output, got mean",
    ),
    (lambda: fit("bce", np.eye(2)[LABELS % 2], metrics="accuracy"), ValueError, "a model of 2 outputs, got bin"),
    (lambda: fit("poisson", np.abs(Y), metrics="mae"), ValueError, "'mae' needs a regression .*, got poisson"),
    (lambda: labels_fit(metrics="r2"), ValueError, r"'r2' .* loss \(.*insensitive\), got cross_entropy: c"),
    (lambda: labels_fit(metrics="top_k"), ValueError, r"k of TopK\(\) for a model with 4 outputs must be <= 3, got 5"),
    (lambda: metrics.TopK(0), ValueError, "k must be >= 1, got 0"),
    (lambda: labels_fit(class_weight="even"), TypeError, "class_weight must be 'balanced' or a dict.*got 'even'"),
    (lambda: labels_fit(class_weight={4: 1}), ValueError, "class_weight names the class 4; known: 0, 1, 2, 3"),
    (lambda: labels_fit(class_weight={"a": 1}), ValueError, "class_weight names the class 'a'"),
    (lambda: labels_fit(class_weight={0: -1}), ValueError, r"class_weight\[0\] must be >= 0, got -1"),
    (lambda: labels_fit(class_weight=dict.fromkeys(range(4), 0)), ValueError, "leaves no sample with a weight above 0"),
    (lambda: fit(class_weight="balanced"), ValueError, "class_weight needs labels, or one output"),
    (lambda: fit("cross_entropy", np.eye(4)[LABELS], 4, class_weight="balanced"), ValueError, "needs labels"),
    (lambda: fit("bce", np.full(N, 0.5), 1, class_weight="balanced"), ValueError, "needs targets that are 0 or 1"),
    (lambda: fit(lambda z, y: (0.0, z), class_weight="balanced"), ValueError, "class_weight needs labels"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[row[2][:30] for row in ERRORS])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
