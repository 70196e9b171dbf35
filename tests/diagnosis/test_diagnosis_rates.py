"""What a diagnosis says of learning rates: bounds, divergence, runs cut short or too slow."""

import numpy as np
import pytest
from diagnosis_cases import (
    far_start,
    first_seed,
    followed,
    friedman_run,
    just_beyond,
    large_initial_weights,
    line_data,
    net_of,
    overflowing,
    thrown_up,
    two_points,
)

import gdcore as gd
import gdcore.diagnosis
from gdcore.diagnosis.pace import fall_per_epoch


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
    assert far_start(gd.SGD(0.3)).ok  # which arrives


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
