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
    constant_target,
    dead,
    far_start,
    first_seed,
    followed,
    fourth_seed,
    friedman_run,
    just_beyond,
    large_initial_weights,
    learned_by_saturated_units,
    line_data,
    missing_class,
    net_of,
    outlying,
    overflowing,
    scaled,
    straight_pieces,
    thrown_up,
    trained_deep_sigmoid,
    two_points,
)  # fmt: skip

import gdcore as gd
import gdcore.diagnosis
from gdcore.diagnosis import RULES
from gdcore.diagnosis.pace import fall_per_epoch

KINDS = [rule.kind for rule in RULES]


@pytest.mark.parametrize(("kind", "build"), BUILT, ids=[f"{kind} {i}" for i, (kind, _) in enumerate(BUILT)])
def test_what_was_built_in_is_named(kind, build):
    found = build()
    assert kind in found.kinds, found
    finding = next(finding for finding in found.findings if finding.kind == kind)
    assert finding.evidence
    assert (finding.remedy != "") == finding.problem


def test_every_rule_has_a_case():
    assert {kind for kind, _ in BUILT} == set(KINDS)
    assert len(BUILT) >= 20
    assert len(HEALTHY) >= 20


@pytest.mark.parametrize("run", HEALTHY, ids=range(len(HEALTHY)))
def test_healthy_runs_are_left_in_peace(run):
    found = run()
    assert found.ok, found
    assert set(found.kinds) <= {"converged", "still falling", "dead relu units", "saturated units"}, found


def test_the_fourth_seed_has_converged_and_not_vanished():
    assert fourth_seed().kinds == ("converged",)
    assert "converged" not in fourth_seed(epochs=5).kinds


def test_a_plateau_through_which_nothing_passes_is_not_called_converged():
    assert "converged" not in trained_deep_sigmoid().kinds


def test_the_first_seed_diverges_beyond_its_bound():
    finding = first_seed().findings[0]
    assert finding.kind == "diverging"
    assert finding.evidence["largest_stable_rate"] == pytest.approx(2 / 10001, rel=1e-9)


@pytest.mark.parametrize("optimizer", [gd.SGD(10.0), gd.SGD(3.0), gd.Adam(1.0)], ids=["sgd 10", "sgd 3", "adam"])
def test_a_run_that_was_thrown_up_is_never_told_to_raise_its_rate(optimizer):
    found = thrown_up(optimizer)
    assert found.findings[0].kind == "diverging", found
    assert "too slow" not in found.kinds
    assert all("smaller learning_rate" in finding.remedy for finding in found.findings)
    evidence = found.findings[0].evidence
    assert evidence["loss_of_zero_outputs"] == pytest.approx(np.log(10))
    assert evidence["last_loss"] > 2 * evidence["loss_of_initial_weights"]


def test_what_a_diverged_fit_has_recorded_tells_why():
    """Losses up to 1e300, whose squares have no number."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(45, 3)), rng.normal(size=(45, 2))
    net, optimizer = gd.MLP([3, 5, 2], "tanh", dtype="float64", seed=0), gd.SGD(1e3)
    with pytest.raises(gd.DivergedError) as caught:
        net.fit(X, y, loss="mse", optimizer=optimizer, epochs=50)
    assert caught.value.history.loss[-1] > 1e250
    for model in (net, gd.MLP([3, 5, 2], "tanh", dtype="float64", seed=0)):
        found = gd.diagnose(model, X, y, "mse", caught.value.history, optimizer=optimizer)
        assert "diverging" in found.kinds


def test_a_loss_that_rises_again_just_beyond_the_bound():
    finding = just_beyond(20).findings[0]
    evidence = finding.evidence
    assert evidence["lowest_loss"] < evidence["last_loss"] < evidence["first_loss"]
    assert finding.summary.startswith("the learning rate is 1.02 times the largest stable one: the loss has grown from")


def test_a_run_from_far_above_is_told_to_begin_anew_and_not_to_raise_its_rate():
    for found in (far_start(gd.Adam(0.01)), large_initial_weights()):
        finding = found.to_dict()["too slow"]
        evidence = finding["evidence"]
        assert evidence["first_loss"] > evidence["last_loss"] > 2 * evidence["loss_of_automatic_weights"]
        assert "weight_init='auto'" in finding["remedy"]
        assert "raise" not in finding["remedy"]
    assert far_start(gd.SGD(0.3)).ok    # which arrives


@pytest.mark.parametrize(("end", "thrown"), [(1.5, True), (0.9, False)])
def test_a_run_that_was_thrown_far_and_has_come_back_to_what_zero_outputs_reach(end, thrown):
    X, y = line_data()
    nothing = float(np.mean(y**2))
    past = gd.History(loss=[50 * nothing, 3 * nothing, 4 * nothing, end * nothing])
    net = gd.LinearModel(3, weight_init="zeros")
    found = gd.diagnose(net, X, y, "mse", past, optimizer=gd.Adam(1.0)).to_dict()
    assert ("diverging" in found) == thrown
    if thrown:
        assert found["diverging"]["summary"].startswith(f"the loss was {50 * nothing:.3g} on its way, far above")
        assert found["diverging"]["evidence"]["highest_loss"] == 50 * nothing


def test_a_rate_that_a_schedule_has_let_fall_is_not_called_too_low():
    X, y = line_data()
    net = net_of([3, 8, 1])
    past = gd.History(loss=[2.0, 1.5, 1.4, 1.3, 1.3], learning_rate=[0.1, 0.05, 0.01, 1e-4, 1e-8])
    schedule = gd.schedules.Cosine(0.1, 5)
    assert "too slow" not in gd.diagnose(net, X, y, "mse", past, optimizer=gd.SGD(schedule)).kinds
    past.learning_rate = [1e-8] * 5
    assert "too slow" in gd.diagnose(net, X, y, "mse", past, optimizer=gd.SGD(schedule)).kinds


@pytest.mark.parametrize(("end", "slow"), [(1.0, True), (0.3, False)])
def test_what_a_noisy_last_step_has_lost_is_not_laid_to_the_rate(end, slow):
    X, y = line_data()
    net = gd.LinearModel(3, weight_init="zeros")
    losses = [float(np.mean(y**2)) * share * end for share in (1.02, 1.015, 1.01, 1.005, 1.0)]
    found = gd.diagnose(net, X, y, "mse", gd.History(loss=losses), optimizer=gd.Adam(0.01))
    assert ("too slow" in found.kinds) == slow


def test_what_float32_cannot_hold_is_said():
    finding = overflowing(1e20).to_dict()["diverging"]
    assert finding["summary"] == "parameters, loss or the gradient's norm are not finite in float32"
    assert "float64" in finding["remedy"]
    assert overflowing(1e18).ok
    with pytest.raises(ValueError, match="too large for float32"):
        overflowing(1e39)


def test_a_run_that_was_cut_short_is_told_apart_from_one_at_a_rate_far_too_low():
    slow = friedman_run(1e-4).to_dict()["too slow"]
    assert "and the loss was still falling by 7" in slow["summary"]
    assert slow["evidence"]["learning_rate"] < 0.01 * slow["evidence"]["largest_stable_rate"]
    assert two_points(1e-6).kinds == ("too slow", "badly scaled inputs")
    short = friedman_run(5e-3, epochs=5)
    assert short.ok
    assert "note: still falling: the training loss was falling by " in str(short)
    assert short.findings[0].evidence["stop_reason"] == "all 5 epochs were run"


def test_a_loss_that_falls_to_nothing_is_not_called_slow_for_the_curvature_that_it_loses():
    angle = 2 * np.pi * np.arange(3) / 3
    X, y = np.c_[np.cos(angle), np.sin(angle)], np.arange(3)
    net = gd.LinearModel(2, 3, dtype="float64", weight_init="zeros")
    found = followed(net, X, y, "cross_entropy", gd.SGD(5.0), batch_size=3, epochs=500)
    assert gd.learning_rate_bound(net, X, y, "cross_entropy").max_rate > 100 * 5.0
    assert found.kinds == ("still falling",), found


@pytest.mark.parametrize("shift", [0.0, 1.0, -1000.0])
def test_a_fall_is_told_from_noise(shift):
    noise = np.random.default_rng(0).normal(size=(200, 40))
    assert np.mean([fall_per_epoch(list(shift + 100 + 10 * row)) > 0 for row in noise]) < 0.01
    losses = shift + 100 * 0.9 ** np.arange(20.0)
    end = losses[-5:]
    assert fall_per_epoch(list(losses)) in (0.0, pytest.approx(np.mean(-np.diff(end) / abs(end[:-1]))))
    assert (fall_per_epoch(list(losses)) > 0) == (shift >= 0)
    for nothing in ([], [1.0] * 4, [3.0, 2.0], [5.0, 4.0, 3.0, 2.0, np.inf], [4.0, 3.0, 2.0, 1.0, 0.0], [1.0] * 9):
        assert fall_per_epoch(nothing) == 0


def run_to_divergence(net, X, y, rate, epochs=200):
    history = gd.History()
    try:
        history = net.fit(X, y, loss="mse", optimizer=gd.SGD(rate), batch_size=len(X), epochs=epochs)
    except gd.DivergedError as error:
        history = error.history
    return gd.diagnose(net, X, y, "mse", history, optimizer=gd.SGD(rate)).to_dict()["diverging"]


@pytest.mark.parametrize(("rate", "times"), [(0.1, 500), (0.00021, 1.05)], ids=["not finite", "thrown up"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_diverged_line_is_told_its_bound_wherever_its_parameters_are(rate, times, dtype):
    line = gd.LinearModel(1, bias=False, weight_init="zeros", dtype=dtype)
    finding = run_to_divergence(line, [[1], [100]], [2, 200], rate)
    assert f"the learning rate is {times} times the largest stable one" in finding["summary"]
    assert "initial weights" not in finding["summary"].partition("the learning rate is")[2]
    assert finding["evidence"]["largest_stable_rate"] == pytest.approx(2 / 10001, rel=1e-9)
    assert "(0.0001 is half the largest stable one)" in finding["remedy"]
    assert "float64" not in finding["remedy"]


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_diverged_net_is_told_the_bound_where_it_began(activation):
    X, y = line_data()
    net = gd.MLP([3, 16, 1], activation, seed=5)
    begun = gd.learning_rate_bound(net, X, y, "mse").max_rate
    finding = run_to_divergence(net, X, y, 50.0)
    assert finding["summary"].endswith("times the largest stable one at initial weights")
    assert finding["evidence"]["largest_stable_rate_at_initial_weights"] == pytest.approx(begun, rel=1e-6)
    assert f"({begun / 2:.2g} is half the largest stable one)" in finding["remedy"]


def test_a_curvature_that_no_number_holds_gives_no_bound():
    X, y = line_data()
    line = gd.LinearModel(3, dtype="float64", seed=0)
    finding = gd.diagnose(line, 1e100 * X, y, "mse", optimizer=gd.SGD(0.1)).to_dict()["diverging"]
    assert "largest_stable_rate" not in finding["evidence"]


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
    dict(net.parameters())["dense0.weight"][...] *= 1e-8    # the same outputs, and a gradient 1e8 times as large
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


def test_evidence_points_at_the_place():
    assert dead([3, 7]).to_dict()["dead relu units"]["evidence"]["units"] == {"dense0": [3, 7]}
    assert scaled([1, 1000, 1]).to_dict()["badly scaled inputs"]["evidence"]["columns"] == [1]
    named = scaled([1, 1000, 1], names=["age", "income", "height"])
    assert named.to_dict()["badly scaled inputs"]["evidence"]["columns"] == ["income"]
    assert outlying([5, 17]).to_dict()["dominated by outliers"]["evidence"]["rows"] == [5, 17]


@pytest.mark.parametrize(("factors", "offset", "reason"), [
    ([1, 1, 1], [0, 0, 60], "1 of 3 columns of X lies far from 0 for how little it varies"),
    ([1, 1000, 1], 0, "1 of 3 columns of X differs in size from the others or from 1 by orders of magnitude"),
    ([1, 1000, 1], [0, 0, 60], "2 of 3 columns of X differ in size from the others or from 1 by orders of magnitude or "
     "lie far from 0 for how little they vary"),
], ids=["offset", "size", "both"])  # fmt: skip
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
    ({"history": [1.0]}, TypeError, "history must be a History"),
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
