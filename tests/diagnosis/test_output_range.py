"""Output activations that cannot reach the targets: the warning of a fit and the finding of a diagnosis."""

import warnings

import numpy as np
import pytest

import gdcore as gd

rng = np.random.default_rng(0)
REAL, COUNTS, YES = rng.normal(5, 3, 101), rng.poisson(3, 101).astype(float), (rng.random(101) < 0.3).astype(float)


LEGAL = [
    ("tanh", "mse", np.linspace(-1, 1, 40)),
    ("sigmoid", "mse", np.linspace(0, 1, 40)),
    ("sigmoid", "mae", YES[:40]),
    ("relu", "mse", COUNTS[:40]),
    ("softplus", "huber", REAL[:40] ** 2),
    ("elu", "mse", np.linspace(-0.99, 9, 40)),
    ("leaky_relu", "bce", YES[:40]),
    ("identity", "poisson", COUNTS[:40]),
    ("tanh", "hinge", 2 * YES[:40] - 1),
    ("tanh", "squared_hinge", 2 * YES[:40] - 1),
    ("elu", "hinge", 2 * YES[:40] - 1),
    ("tanh", "modified_huber", 2 * YES[:40] - 1),
    ("tanh", "perceptron", 2 * YES[:40] - 1),
    ("sigmoid", "epsilon_insensitive", np.linspace(-0.1, 1.1, 40)),
    ("sigmoid", "bce", np.linspace(0.5, 0.7, 40)),
    ("tanh", "mse", np.clip(2 * REAL[:40], -1.01, 1.01)),
    ("sigmoid", "quantile", np.linspace(0.1, 0.9, 40)),
    ("softplus", "cross_entropy", YES[:40].astype(int)),
]


@pytest.mark.parametrize(("activation", "loss", "y"), LEGAL)
def test_an_output_activation_that_reaches_the_targets_is_fine(activation, loss, y):
    k = 2 if loss == "cross_entropy" else 1
    net = gd.MLP([1, 4, k], output_activation=activation, seed=0)
    X = np.linspace(-1, 1, 40)[:, None]
    net.fit(X, y, loss=loss, optimizer=gd.SGD(1e-6), epochs=1)  # and no warning, which would be an error
    assert "outputs out of reach" not in gd.diagnose(net, X, y, loss).kinds


OUT = [
    ("sigmoid", "bce", YES, "takes logits"),
    ("tanh", "bce", YES, "takes logits"),
    ("relu", "bce", YES, "takes logits"),
    ("softplus", "bce", YES, "takes logits"),
    ("sigmoid", "cross_entropy", YES.astype(int), "takes logits"),
    ("tanh", "cross_entropy", YES.astype(int), "takes logits"),
    ("relu", "cross_entropy", YES.astype(int), "takes logits"),
    ("sigmoid", "hinge", 2 * YES - 1, "takes scores"),
    ("relu", "squared_hinge", 2 * YES - 1, "takes scores"),
    ("relu", "modified_huber", 2 * YES - 1, "takes scores"),
    ("sigmoid", "squared_epsilon_insensitive", REAL, "targets lie outside"),
    ("sigmoid", "poisson", COUNTS, "the logarithm of the rate"),
    ("tanh", "mse", REAL, "targets lie outside"),
    ("sigmoid", "mse", 2 * YES - 1, "targets lie outside"),
    ("relu", "mae", REAL - 5, "targets lie outside"),
    ("gelu", "log_cosh", REAL - 5, "targets lie outside"),
    ("sigmoid", "quantile", REAL, "targets lie outside"),
]


@pytest.mark.parametrize(("activation", "loss", "y", "reason"), OUT)
def test_an_output_activation_that_keeps_from_the_targets_is_warned_of_once_at_the_callers_line(
    activation, loss, y, reason
):
    net = gd.MLP([1, 4, 2 if loss == "cross_entropy" else 1], output_activation=activation, seed=0)
    X = np.linspace(-1, 1, len(y))[:, None]
    trainer = gd.Trainer(net, loss)
    for fit in (lambda: net.fit(X, y, loss=loss, epochs=3), lambda: trainer.fit(X, y, epochs=3)):
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            fit()
        assert [entry.category for entry in given] == [gd.OutputRangeWarning]
        assert given[0].filename == __file__
        assert reason in str(given[0].message)
        assert "leave the output activation out" in str(given[0].message)
    finding = gd.diagnose(net, X, y, loss).to_dict()["outputs out of reach"]
    assert reason in finding["summary"]
    assert f"below {finding['evidence']['least_loss_in_reach']:.3g}" in finding["summary"]


def test_the_least_loss_in_reach_is_that_of_the_activation():
    y = np.array([0.0, 1.0, 1.0, 0.0])
    net = gd.MLP([1, 2, 1], output_activation="sigmoid", seed=0)
    evidence = gd.diagnose(net, np.zeros((4, 1)), y, "bce").to_dict()["outputs out of reach"]["evidence"]
    assert evidence["least_loss_in_reach"] == pytest.approx((np.log(2) + np.log1p(np.exp(-1))) / 2)
    assert evidence["loss_of_best_constant"] == pytest.approx(np.log(2))


def test_a_warning_that_is_an_error_leaves_the_model_as_it_was():
    net = gd.MLP([1, 2, 1], output_activation="sigmoid", seed=0)
    kept = net.params.copy()
    with pytest.raises(gd.OutputRangeWarning):
        net.fit([[0.0], [1.0]], [0, 1], loss="bce", epochs=5)
    np.testing.assert_array_equal(net.params, kept)


def test_a_saturated_output_layer_is_laid_to_the_targets_and_not_to_weights():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    net = gd.MLP([4, 20, 1], "tanh", output_activation="tanh", seed=0)
    with pytest.warns(gd.OutputRangeWarning):
        history = net.fit(X, 2 + X.sum(axis=1), loss="mse", optimizer=gd.Adam(0.01), epochs=100)
    found = gd.diagnose(net, X, 2 + X.sum(axis=1), "mse", history)
    assert "outputs out of reach" in found.kinds
    assert "saturated units" not in found.kinds


@pytest.mark.parametrize("row", gd.ACTIVATIONS, ids=lambda row: row.name)
def test_an_activations_limits_are_where_its_outputs_end(row):
    net = gd.Sequential(gd.Dense(1, 1, row.name, bias=False, weight_init="ones"), dtype="float64")
    outputs = net.predict(np.linspace(-60, 60, 100_001)[:, None])
    for limit, reached in zip(row.limits, (outputs.min(), outputs.max()), strict=True):
        assert np.isinf(limit) or limit == pytest.approx(reached, abs=1e-3)
