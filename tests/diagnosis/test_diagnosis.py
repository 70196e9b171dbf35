"""Every trouble that was built in is named; healthy runs are left in peace."""

import doctest
import importlib
import json
import pkgutil

import numpy as np
import pytest
from diagnosis_cases import (
    BUILT,
    blobs,
    dead,
    fourth_seed,
    line_data,
    missing_class,
    net_of,
    outlying,
    scaled,
    straight_pieces,
    trained_deep_sigmoid,
)
from healthy_runs import HEALTHY, constant_target, learned_by_saturated_units

import gdcore as gd
import gdcore.diagnosis
from gdcore.diagnosis import RULES

KINDS = [rule.kind for rule in RULES]
ADVISED = {"still falling", "dead relu units"}
"""Notes that may say what to do."""
NOTES = {"converged", "still falling", "dead relu units", "saturated units", "hardly better than a constant"}
"""Findings that a healthy run may have, none of them a problem."""


@pytest.mark.parametrize(("kind", "build"), BUILT, ids=[f"{kind} {i}" for i, (kind, _) in enumerate(BUILT)])
def test_what_was_built_in_is_named(kind, build):
    found = build()
    assert kind in found.kinds, found
    finding = next(finding for finding in found.findings if finding.kind == kind)
    assert finding.evidence
    assert finding.remedy or not finding.problem
    assert finding.problem or not finding.remedy or kind in ADVISED


def test_every_rule_has_a_case():
    assert {kind for kind, _ in BUILT} == set(KINDS)
    assert len(BUILT) >= 20
    assert len(HEALTHY) >= 20


@pytest.mark.parametrize("run", HEALTHY, ids=range(len(HEALTHY)))
def test_healthy_runs_are_left_in_peace(run):
    found = run()
    assert found.ok, found
    assert set(found.kinds) <= NOTES, found


def test_the_fourth_seed_has_converged_and_not_vanished():
    assert fourth_seed().kinds == ("converged",)
    assert "converged" not in fourth_seed(epochs=5).kinds


def test_a_plateau_through_which_nothing_passes_is_not_called_converged():
    assert "converged" not in trained_deep_sigmoid().kinds


def test_nothing_left_to_learn_has_converged_whatever_the_target():
    for value in (0.0, 5.0, -1e6):
        assert constant_target(value).kinds == ("converged",)


def test_a_class_that_does_not_occur_needs_samples_and_not_weights():
    finding = missing_class().to_dict()["class imbalance"]
    assert finding["summary"] == "class 2 does not occur"
    assert "class_weight" not in finding["remedy"]


def test_a_last_layer_of_zeros_learns_and_is_no_dead_end():
    X, y = line_data()
    net = gd.Sequential(gd.Dense(3, 8, "tanh"), gd.Dense(8, 1, weight_init="zeros"), seed=0)
    assert gd.diagnose(net, X, y, "mse").ok


def test_a_bound_that_is_not_there_is_not_shown():
    finding = straight_pieces().to_dict()["diverging"]
    assert "largest_stable_rate" not in finding["evidence"]
    assert "smaller learning_rate" in finding["remedy"]


def test_vanishing_is_not_claimed_where_the_first_layers_gradient_is_as_large_as_the_last_ones():
    X, y = line_data()
    net = net_of([3, *[16] * 8, 1], "sigmoid")
    assert "vanishing" in gd.diagnose(net, X, y, "mse").kinds
    dict(net.parameters())["dense0.weight"][...] *= 1e-8  # the same outputs, and a gradient 1e8 times as large
    found = gd.diagnose(net, 1e8 * X, y, "mse")
    assert "vanishing" not in found.kinds, found


def test_notes_stand_behind_the_problems_that_are_counted():
    problem, note = gd.Finding("a", "b", {}, "c"), gd.Finding("d", "e", {}, problem=False)
    assert str(gd.Diagnosis((note, problem))) == "diagnosis: 1 problem\n- a: b\n    remedy: c\nnote: d: e"
    assert str(gd.Diagnosis((note,))) == "diagnosis: no problem found\nnote: d: e"
    assert "<th>note: d</th>" in gd.Diagnosis((note,))._repr_html_()


def test_units_that_were_dead_at_the_beginning_are_counted():
    X, y = line_data()
    for bias, share in (("zeros", 0), (gd.Constant(-100.0), 8)):
        net = gd.Sequential(gd.Dense(3, 8, "relu", bias_init=bias), gd.Dense(8, 1), seed=0)
        dict(net.parameters())["dense0.bias"][...] = -100
        finding = gd.diagnose(net, X, y, "mse").to_dict()["dead relu units"]
        assert f"; {share} of them" in finding["summary"]
        assert ("smaller learning_rate" in finding["remedy"]) == (share == 0)
    unknown = gd.MLP([3, 8, 1], "relu")
    dict(unknown.parameters())["dense0.bias"][...] = -100
    assert "of them" not in gd.diagnose(unknown, X, y, "mse").to_dict()["dead relu units"]["summary"]


def test_many_dead_units_are_a_note_that_says_what_to_do():
    few, many, most = (dead(slice(n)).to_dict()["dead relu units"] for n in (3, 7, 8))
    assert (few["problem"], few["remedy"]) == (False, "")
    assert "of a layer" not in few["summary"]
    assert not many["problem"]
    assert many["summary"].startswith(
        "7 relu units are zero for every row and cannot learn any more, up to 44% of a layer"
    )
    assert many["remedy"] == most["remedy"] == "use a smaller learning_rate from new initial weights, or leaky_relu"
    assert most["problem"]


def test_units_that_inputs_off_centre_have_killed():
    rng = np.random.default_rng(0)
    X = rng.uniform(4, 6, (60, 3))
    net = gd.MLP([3, 16, 1], "relu")
    dict(net.parameters())["dense0.bias"][:7] = -100
    found = gd.diagnose(net, X, X[:, 0], "mse").to_dict()["dead relu units"]
    assert found["remedy"] == "use inputs of mean 0 (Standardize) and new initial weights, or leaky_relu"


def test_a_loss_that_was_falling_asks_for_more_epochs():
    X, y = line_data()
    net = gd.LinearModel(3, seed=0)
    history = net.fit(X, y, loss="mse", optimizer=gd.SGD(0.02), epochs=6)
    found = gd.diagnose(net, X, y, "mse", history, optimizer=gd.SGD(0.02)).to_dict()["still falling"]
    assert found["remedy"] == "more epochs, or raise learning_rate (find_learning_rate)"


def test_no_step_gains_more_than_the_whole_loss():
    """The curvature of hinge is that of the penalty alone, which promises anything."""
    X, y = line_data()
    net = gd.LinearModel(3, seed=0)
    sign = np.where(y > np.median(y), 1.0, -1.0)
    history = net.fit(X, sign, loss="hinge", optimizer=gd.SGD(1e-7), epochs=6, l2=1e-6)
    found = gd.diagnose(net, X, sign, "hinge", history, optimizer=gd.SGD(1e-7), l2=1e-6).to_dict()["too slow"]
    assert found["evidence"]["gain_of_one_good_step"] <= net.loss(X, sign, "hinge", l2=1e-6) + 1e-6


def test_evidence_points_at_the_place():
    assert dead([3, 7]).to_dict()["dead relu units"]["evidence"]["units"] == {"dense0": [3, 7]}
    assert scaled([1, 1000, 1]).to_dict()["badly scaled inputs"]["evidence"]["columns"] == [1]
    named = scaled([1, 1000, 1], names=["age", "income", "height"])
    assert named.to_dict()["badly scaled inputs"]["evidence"]["columns"] == ["income"]
    assert outlying([5, 17]).to_dict()["dominated by outliers"]["evidence"]["rows"] == [5, 17]


@pytest.mark.parametrize(
    ("factors", "offset", "reason"),
    [
        ([1, 1, 1], [0, 0, 60], "1 of 3 columns of X lies far from 0 for how little it varies"),
        ([1, 1000, 1], 0, "1 of 3 columns of X differs in size from the others or from 1 by orders of magnitude"),
        (
            [1, 1000, 1],
            [0, 0, 60],
            "2 of 3 columns of X differ in size from the others or from 1 by orders of magnitude or "
            "lie far from 0 for how little they vary",
        ),
    ],
    ids=["offset", "size", "both"],
)
def test_it_is_said_how_columns_are_off_scale(factors, offset, reason):
    assert scaled(factors, offset).findings[0].summary == reason


def test_a_row_far_from_all_others_is_named_and_not_its_column():
    X, y = line_data(300)
    X[5, 0] = 500
    finding = gd.diagnose(gd.LinearModel(3), X, y, "mse").to_dict()["badly scaled inputs"]
    assert finding["evidence"]["rows"] == [5]
    assert finding["summary"].startswith("1 of 300 rows of X is an outlier of the inputs")
    assert "rows" not in gd.diagnose(gd.LinearModel(3), X * [1, 1, 1000], y, "mse").findings[0].evidence


SKEWED = [1, 1000, 1]


@pytest.mark.parametrize(
    "layers",
    [
        lambda X: (gd.Standardize.from_data(X),),
        lambda X: (gd.MinMax.from_data(X, -1.0), gd.Dropout(0.1)),
        lambda X: (gd.Dropout(0.1), gd.Standardize.from_data(X)),
        lambda X: (gd.MinMax.from_data(X), gd.Log1p(3), gd.Standardize.from_data(np.log1p(gd_minmax(X)))),
    ],
    ids=["standardize", "min-max", "behind dropout", "three of them"],
)
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
    wrong = gd.Standardize.from_data(X)  # of other data than those it meets
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


def test_saturated_units_that_have_learned_are_named_but_no_problem():
    [finding] = learned_by_saturated_units().findings
    assert finding.kind == "saturated units"
    assert finding.summary.endswith("what there was to learn is learned")


def test_balanced_weights_end_the_imbalance():
    X, _ = blobs(200)
    y = (np.arange(200) % 40 == 0).astype(int)
    weight = np.where(y, 39.0, 1.0)
    net = net_of([2, 8, 2])
    unweighted = gd.diagnose(net, X, y, "cross_entropy").to_dict()["class imbalance"]
    assert "class_weight='balanced' to fit, and to diagnose where fit had it" in unweighted["remedy"]
    assert "class imbalance" not in gd.diagnose(net, X, y, "cross_entropy", sample_weight=weight).kinds
    for given in ("balanced", {1: 39.0}):
        assert "class imbalance" not in gd.diagnose(net, X, y, "cross_entropy", class_weight=given).kinds
    assert "class imbalance" not in gd.diagnose(net_of([2, 8, 1]), X, y, "bce", class_weight="balanced").kinds


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
    ({"history": [1.0]}, TypeError, "history must be a gdcore.History"),
    ({"optimizer": "sdg"}, ValueError, "did you mean 'sgd'"),
    ({"feature_names": ["a"]}, ValueError, "feature_names must hold 3 names"),
    ({"feature_names": "abc"}, ValueError, "feature_names must hold 3 names"),
    ({"l2": -1.0}, ValueError, "l2 must be >= 0"),
    ({"class_weight": "balanced"}, ValueError, "class_weight needs labels"),
]


@pytest.mark.parametrize(("options", "error", "message"), ERRORS)
def test_errors(options, error, message):
    X, y = line_data()
    with pytest.raises(error, match=message):
        gd.diagnose(gd.LinearModel(3), X, y, "mse", **options)
