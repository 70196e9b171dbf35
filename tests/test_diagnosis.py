"""Every trouble that was built in is named; healthy runs are left in peace."""

import doctest
import importlib
import json
import pkgutil

import numpy as np
import pytest
from diagnosis_cases import (
    BUILT,
    HEALTHY,
    blobs,
    dead,
    first_seed,
    fourth_seed,
    line_data,
    net_of,
    outlying,
    scaled,
    trained_deep_sigmoid,
)  # fmt: skip

import gdcore as gd
import gdcore.diagnosis
from gdcore.diagnosis import RULES

KINDS = [rule.kind for rule in RULES]


@pytest.mark.parametrize(("kind", "build"), BUILT, ids=[f"{kind} {i}" for i, (kind, _) in enumerate(BUILT)])
def test_what_was_built_in_is_named(kind, build):
    found = build()
    assert kind in found.kinds, found
    finding = next(finding for finding in found.findings if finding.kind == kind)
    assert finding.evidence
    assert (finding.remedy != "") == (kind != "converged")


def test_every_rule_has_a_case():
    assert {kind for kind, _ in BUILT} == set(KINDS)
    assert len(BUILT) >= 20
    assert len(HEALTHY) >= 20


@pytest.mark.parametrize("run", HEALTHY, ids=range(len(HEALTHY)))
def test_healthy_runs_are_left_in_peace(run):
    found = run()
    assert found.ok, found
    assert set(found.kinds) <= {"converged", "dead relu units"}, found


def test_the_fourth_seed_has_converged_and_not_vanished():
    assert fourth_seed().kinds == ("converged",)
    assert "converged" not in fourth_seed(epochs=5).kinds


def test_a_plateau_through_which_nothing_passes_is_not_called_converged():
    assert "converged" not in trained_deep_sigmoid().kinds


def test_the_first_seed_diverges_beyond_its_bound():
    finding = first_seed().findings[0]
    assert finding.kind == "diverging"
    assert finding.evidence["largest_stable_rate"] == pytest.approx(2 / 10001, rel=1e-9)


def test_evidence_points_at_the_place():
    assert dead([3, 7]).to_dict()["dead relu units"]["evidence"]["units"] == {"dense0": [3, 7]}
    assert scaled([1, 1000, 1]).to_dict()["badly scaled inputs"]["evidence"]["columns"] == [1]
    named = scaled([1, 1000, 1], names=["age", "income", "height"])
    assert named.to_dict()["badly scaled inputs"]["evidence"]["columns"] == ["income"]
    assert outlying([5, 17]).to_dict()["dominated by outliers"]["evidence"]["rows"] == [5, 17]


SKEWED = [1, 1000, 1]


@pytest.mark.parametrize("layers", [
    lambda X: (gd.Standardize.from_data(X),),
    lambda X: (gd.MinMax.from_data(X, -1.0), gd.Dropout(0.1)),
    lambda X: (gd.Dropout(0.1), gd.Standardize.from_data(X)),
    lambda X: (gd.MinMax.from_data(X), gd.Log1p(3), gd.Standardize.from_data(np.log1p(gd_minmax(X)))),
], ids=["standardize", "min-max", "behind dropout", "three of them"])  # fmt: skip
def test_inputs_count_behind_the_layers_that_scale_them(layers):
    X, y = line_data()
    X = X * SKEWED
    tail = (gd.Dense(3, 8, "tanh"), gd.Dense(8, 1))
    assert "badly scaled inputs" in gd.diagnose(gd.Sequential(*tail, seed=0), X, y, "mse").kinds
    found = gd.diagnose(gd.Sequential(*layers(X), *tail, seed=0), X, y, "mse")
    assert found.ok, found


def gd_minmax(X):
    return (X - X.min(axis=0)) / np.ptp(X, axis=0)


def test_layers_that_do_not_bring_inputs_to_one_scale_are_no_excuse():
    X, y = line_data()
    wrong = gd.Standardize.from_data(X)    # of other data than those it meets
    net = gd.Sequential(wrong, gd.Dense(3, 8, "tanh"), gd.Dense(8, 1), seed=0)
    finding = gd.diagnose(net, X * SKEWED, y, "mse").to_dict()["badly scaled inputs"]
    assert finding["evidence"]["columns"] == [1]
    assert finding["summary"].startswith("1 of 3 columns, behind the scaling layers, differ")


def test_gradients_are_followed_through_the_scaling_layers():
    X, y = line_data()
    X = 1000 * X
    tail = gd.Dense(3, 16, "tanh"), gd.Dense(16, 16, "tanh"), gd.Dense(16, 16, "tanh"), gd.Dense(16, 1)
    assert "vanishing" in gd.diagnose(gd.Sequential(*tail, seed=0), X, y, "mse").kinds
    assert gd.diagnose(gd.Sequential(gd.Standardize.from_data(X), *tail, seed=0), X, y, "mse").kinds == ()


def test_a_layer_that_scales_further_back_does_not_help_the_inputs():
    X, y = line_data()
    layers = gd.Dense(3, 8, "tanh"), gd.Standardize((0.0,) * 8, (1.0,) * 8), gd.Dense(8, 1)
    finding = gd.diagnose(gd.Sequential(*layers, seed=0), X * SKEWED, y, "mse").to_dict()["badly scaled inputs"]
    assert finding["evidence"]["columns"] == [1]
    assert "columns of X" in finding["summary"]


def test_units_are_those_of_the_dense_layers_behind_scaling():
    X, y = line_data()
    net = gd.Sequential(gd.Standardize.from_data(X), gd.Dense(3, 16, "relu"), gd.Dense(16, 1), seed=0)
    dict(net.parameters())["dense0.bias"][[3, 7]] = -100
    assert gd.diagnose(net, X, y, "mse").to_dict()["dead relu units"]["evidence"]["units"] == {"dense0": [3, 7]}
    with pytest.raises(ValueError, match="Log1p needs numbers above -1"):
        gd.diagnose(gd.Sequential(gd.Log1p(3), gd.Dense(3, 1)), X - 2, y, "mse")


def test_an_l1_penalty_holds_weights_at_zero_in_a_minimum():
    X, y = line_data()
    net = gd.LinearModel(3, bias=False, dtype="float64", weight_init="zeros")
    strong = 2 * np.abs(2 * X.T @ y / len(X)).max()
    assert "converged" in gd.diagnose(net, X, y, "mse", l1=strong).kinds
    assert "converged" not in gd.diagnose(net, X, y, "mse", l1=0.1 * strong).kinds


def test_few_dead_units_are_named_but_no_problem():
    assert dead([3]).ok
    assert not dead(slice(0, 8)).ok


def test_balanced_weights_end_the_imbalance():
    X, _ = blobs(200)
    y = (np.arange(200) % 40 == 0).astype(int)
    weight = np.where(y, 39.0, 1.0)
    net = net_of([2, 8, 2])
    assert "class imbalance" in gd.diagnose(net, X, y, "cross_entropy").kinds
    assert "class imbalance" not in gd.diagnose(net, X, y, "cross_entropy", sample_weight=weight).kinds


def test_a_diagnosis_can_be_printed_shown_and_saved():
    found = scaled([1, 1000, 1], names=["a", "<b>", "c"])
    assert str(found).startswith("diagnosis: 1 problem\n- badly scaled inputs: ")
    assert "    remedy: " in str(found)
    assert "&lt;b&gt;" in found._repr_html_()
    assert "<b>" not in found._repr_html_()
    assert json.loads(json.dumps(found.to_dict())) == found.to_dict()
    assert str(gd.Diagnosis(())) == "diagnosis: no problem found"
    assert gd.Diagnosis(())._repr_html_() == "<p>diagnosis: no problem found</p>"


def test_nothing_is_changed():
    X, y = line_data()
    net = gd.MLP([3, 8, 1], seed=0)
    kept = [array.copy() for array in (net.params, X, y)]
    gd.diagnose(net, X, y, "mse", optimizer="sgd")
    for array, copy in zip((net.params, X, y), kept, strict=True):
        np.testing.assert_array_equal(array, copy)


MODULES = [found.name for found in pkgutil.iter_modules(gdcore.diagnosis.__path__, "gdcore.diagnosis.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


ERRORS = [
    ({"history": [1.0]}, TypeError, "history must be a History"),
    ({"optimizer": "sdg"}, ValueError, "did you mean 'sgd'"),
    ({"feature_names": ["a"]}, ValueError, "feature_names must hold 3 names"),
    ({"feature_names": "abc"}, ValueError, "feature_names must hold 3 names"),
    ({"l2": -1.0}, ValueError, "l2 must be >= 0"),
]


@pytest.mark.parametrize(("options", "error", "message"), ERRORS)
def test_errors(options, error, message):
    X, y = line_data()
    with pytest.raises(error, match=message):
        gd.diagnose(gd.LinearModel(3), X, y, "mse", **options)
