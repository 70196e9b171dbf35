"""Validation data held out of the training data, or given with weights."""

import pickle

import numpy as np
import pytest

import gdcore as gd
from gdcore.data.samples import Samples
from gdcore.losses import BinaryCrossEntropy, CrossEntropy, Hinge, MeanSquaredError
from gdcore.training.validation import split_validation


def samples(n, labels=None, target=None, weight=None):
    """The first column of X is the row's number."""
    X = np.column_stack([np.arange(n), np.ones(n)]).astype(float)
    return Samples(X, target, labels, weight, labels if target is None else target)


def split_of(data, share, loss, seed=0):
    kept, held = split_validation(data, share, loss, seed)
    rows = [part.X[:, 0].astype(int) for part in (kept, held)]
    np.testing.assert_array_equal(np.sort(np.concatenate(rows)), np.arange(len(data.X)))
    for part, own in zip((kept, held), rows, strict=True):
        for array, whole in zip(part[1:], data[1:], strict=True):
            assert array is None if whole is None else (array == np.asarray(whole)[own]).all()
    return rows


@pytest.mark.parametrize("share", [0.01, 0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("n", [2, 3, 10, 97, 1000])
def test_a_share_is_held_out_at_random_and_by_the_seed(n, share):
    data = samples(n, target=np.arange(n)[:, None] * 1.0)
    held = split_of(data, share, MeanSquaredError())[1]
    assert len(held) == min(max(round(share * n), 1), n - 1)
    np.testing.assert_array_equal(split_of(data, share, MeanSquaredError())[1], held)
    if n == 1000 and share < 0.9:
        other = split_of(data, share, MeanSquaredError(), seed=1)[1]
        assert abs(np.isin(held, other).mean() - share) < 0.15
        assert abs(held.mean() - 499.5) < 5 * 289 / len(held) ** 0.5  # drawn from all over, not from an end


@pytest.mark.parametrize("sizes", [(60, 30, 10), (5, 5, 5), (90, 9, 1), (2, 2, 2, 2, 2), (1, 1, 8)])
@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_classes_keep_their_shares(sizes, share):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    kept, held = split_of(samples(len(labels), labels=labels), share, CrossEntropy())
    most = np.array(sizes) - 1
    counts = np.bincount(labels[held], minlength=len(sizes))
    assert (counts <= most).all()
    assert len(held) == min(max(round(share * len(labels)), 1), most.sum())
    free = counts < most
    assert (np.abs(counts - share * np.array(sizes))[free] <= 1 + len(sizes) * 0.5).all()
    assert set(np.unique(labels[kept])) == set(range(len(sizes)))


@pytest.mark.parametrize(("loss", "values"), [(BinaryCrossEntropy(), (0, 1)), (Hinge(), (-1, 1))])
def test_two_classes_of_one_output_keep_theirs(loss, values):
    y = np.where(np.arange(200) < 20, values[1], values[0]).astype(float)[:, None]
    for seed in range(5):
        held = split_of(samples(200, target=y), 0.2, loss, seed)[1]
        assert (y[held] == values[1]).sum() == 4


def test_targets_between_0_and_1_and_several_outputs_are_not_classes():
    for y in (np.linspace(0, 1, 50)[:, None], np.eye(2)[np.arange(50) % 2]):
        assert len(split_of(samples(50, target=y), 0.2, BinaryCrossEntropy())[1]) == 10


@pytest.mark.parametrize("custom", [False, True])
def test_a_fit_with_a_split_is_one_with_the_parts(rng, custom):
    """Sequential.fit, Trainer.fit, and a trainer that goes on after a pickle: all hold the same rows out."""
    X, y, w = rng.normal(size=(80, 3)), rng.normal(size=(80, 1)), None if custom else rng.random(80)

    def mine(outputs, y):
        return float(((outputs - y) ** 2).mean()), 2 * (outputs - y) / outputs.size

    loss = mine if custom else "mse"
    data = Samples(X, None if custom else y, None, w, y)
    kept, held = split_validation(data, 0.25, gd.MeanSquaredError(), 7)
    nets = [gd.MLP([3, 5, 1], seed=7, dtype="float64") for _ in range(4)]
    options = {"epochs": 4, "metrics": "mae"} if not custom else {"epochs": 4}
    first = nets[0].fit(X, y, loss, validation_split=0.25, sample_weight=w, **options)
    parts = [kept.X, kept.y], ((held.X, held.y) if custom else (held.X, held.y, held.weight))
    second = nets[1].fit(*parts[0], loss, validation_data=parts[1], sample_weight=kept.weight, **options)
    third = gd.Trainer(nets[2], loss).fit(X, y, validation_split=0.25, sample_weight=w, **options)
    for other, net in ((second, nets[1]), (third, nets[2])):
        assert (other.loss, other.val_loss, other.metrics) == (first.loss, first.val_loss, first.metrics)
        np.testing.assert_array_equal(net.params, nets[0].params)
    if not custom:
        trainer = gd.Trainer(nets[3], loss)
        trainer.fit(X, y, validation_split=0.25, sample_weight=w, epochs=1)
        rest = pickle.loads(pickle.dumps(trainer)).fit(X, y, validation_split=0.25, sample_weight=w, epochs=3)
        assert rest.val_loss == first.val_loss[1:]


def test_validation_weights_make_the_weighted_loss(rng):
    X, y, w = rng.normal(size=(30, 2)), rng.normal(size=(30, 1)), rng.random(30)
    net = gd.LinearModel(2, seed=0, dtype="float64")
    history = net.fit(X, y, "mse", epochs=2, validation_data=(X[:9], y[:9], w[:9]), metrics="mae")
    assert history.val_loss[-1] == net.loss(X[:9], y[:9], "mse", sample_weight=w[:9])
    errors = abs(net.predict(X[:9]) - y[:9])[:, 0]
    assert history.metrics["val_mae"][-1] == pytest.approx(np.average(errors, weights=w[:9]))


def test_class_weights_are_those_of_the_training_part(rng):
    X, y = rng.normal(size=(50, 2)), (np.arange(50) < 10) * 1
    net, twin = (gd.LinearModel(2, seed=0, dtype="float64") for _ in range(2))
    net.fit(X, y, "bce", epochs=3, validation_split=0.2, class_weight="balanced")
    data = Samples(X, y[:, None] * 1.0, None, None, y)
    kept, _ = split_validation(data, 0.2, BinaryCrossEntropy(), 0)
    twin.fit(kept.X, kept.y, "bce", epochs=3, class_weight="balanced")
    np.testing.assert_array_equal(net.params, twin.params)


def test_early_stopping_watches_the_held_out_part_or_says_what_it_watched(rng):
    X, y = rng.normal(size=(60, 3)), rng.normal(size=60)
    options = {"optimizer": gd.Adam(0.1), "epochs": 500, "stop": gd.EarlyStopping(2)}
    reasons = [
        gd.MLP([3, 32, 1], seed=0).fit(X, y, "mse", **options, **split).stop_reason
        for split in ({"validation_split": 0.3}, {})
    ]
    assert reasons[0].startswith("val_loss has not improved")
    assert "validation_split" not in reasons[0]
    assert reasons[1].startswith("loss has not improved")
    assert reasons[1].endswith("(the training loss, as there is no validation data: pass validation_split=0.2)")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"validation_split": 0.0}, ValueError, r"validation_split must be in \(0, 1\), got 0.0"),
        ({"validation_split": 1}, ValueError, r"validation_split must be in \(0, 1\), got 1"),
        ({"validation_split": 20}, ValueError, r"validation_split must be in \(0, 1\)"),
        ({"validation_split": "0.2"}, TypeError, "validation_split must be a number, got '0.2'"),
        ({"validation_split": True}, TypeError, "validation_split must be a number, got True"),
        (
            {"validation_split": 0.2, "validation_data": (np.ones((2, 2)), [0, 1])},
            ValueError,
            "both given: leave one of",
        ),
        ({"validation_split": 0.5, "sample_weight": [1, 0, 0, 0]}, ValueError, "samples of weight 0 alone"),
        (
            {"validation_data": (np.ones((2, 2)), [0, 1], [0, 0])},
            ValueError,
            "validation_data: sample_weight sums to 0",
        ),
        ({"validation_data": (np.ones((2, 2)), [0, 1], [1, 1], [1])}, TypeError, "got 4 items"),
    ],
    ids=str,
)
def test_errors(options, error, message):
    net = gd.LinearModel(2, 2, seed=0)
    kept = net.params.copy()
    with pytest.raises(error, match=message):
        net.fit(np.ones((4, 2)), [0, 0, 1, 1], "cross_entropy", epochs=1, **options)
    np.testing.assert_array_equal(net.params, kept)


def test_too_few_samples_to_hold_any_out():
    for labels, message in (([0], "at least 2 samples, got 1"), ([0, 1], "as no class has two: pass validation_data")):
        with pytest.raises(ValueError, match=message):
            gd.LinearModel(2, 2).fit(np.ones((len(labels), 2)), labels, "cross_entropy", validation_split=0.5)
