"""What the benchmarks stand on: the NumPy reference is exact, and the clock adds up. No time is asserted."""

import gc
from dataclasses import replace
from itertools import accumulate, cycle

import numpy as np
import pytest

import gdcore as gd
from gdcore.bench import measure
from gdcore.bench.gdcore_adapter import GdcoreLibrary
from gdcore.bench.numpy_adapter import NumpyLibrary
from gdcore.bench.numpy_reference import NumpyNetwork, make_optimizer
from gdcore.bench.problems import PROBLEMS, Problem, initial_model, make_workload

TINY = Problem("tiny", (3, 5, 2), 4, 32, 0.1, 1)
DIGITS = next(problem for problem in PROBLEMS if problem.data == "digits")


# The NumPy reference


@pytest.mark.parametrize("widths", [(1, 2), (3, 5, 2), (7, 16, 16, 3), (4, 3, 3, 3, 6)])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("loss", ["mean_squared_error", "cross_entropy", "binary_cross_entropy"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_reference_has_gdcores_loss_and_gradient(widths, activation, loss, dtype):
    rng = np.random.default_rng(1)
    model = gd.MLP(widths, activation, seed=2, dtype=dtype)
    model.params += rng.standard_normal(model.n_params).astype(dtype) / 4
    X = rng.standard_normal((9, widths[0])).astype(dtype)
    y = rng.standard_normal((9, widths[-1])).astype(dtype)
    if loss == "cross_entropy":
        y = rng.integers(0, widths[-1], 9)
    if loss == "binary_cross_entropy":
        y = (y > 0).astype(dtype)
    views = [view for _, view in model.parameters()]
    network = NumpyNetwork(views[0::2], views[1::2], activation, loss, 9, dtype)
    value, grad = model.loss_and_grad(X, y, loss)
    limit = 50 * float(np.finfo(dtype).eps)
    assert network.params.dtype == dtype
    assert network.loss_and_grad(X, y) == pytest.approx(value, rel=limit, abs=limit)
    assert network.loss(X, y) == pytest.approx(value, rel=limit, abs=limit)
    np.testing.assert_allclose(network.grads, grad, rtol=limit, atol=limit * max(1, np.abs(grad).max()))
    np.testing.assert_allclose(network.predict(X), model.predict(X), rtol=limit, atol=limit)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_the_references_optimizers_are_gdcores(name):
    rng = np.random.default_rng(0)
    params = rng.standard_normal(40)
    mine, theirs = params.copy(), params.copy()
    kind = next(kind for kind in gd.OPTIMIZERS if kind.name == name)
    state, optimizer = kind(0.03).init(40, "float64"), make_optimizer(name, 0.03, 40, "float64")
    for _ in range(50):
        grads = rng.standard_normal(40)
        state.step(mine, grads.copy())
        optimizer.update(theirs, grads)
    np.testing.assert_allclose(theirs, mine, rtol=1e-12)
    assert np.abs(mine - params).min() > 0


@pytest.mark.parametrize("problem", [TINY, replace(DIGITS, widths=(64, 3, 10), batch=8)], ids=["tiny", "digits"])
def test_the_checkers_find_the_same_differences(problem):
    work = make_workload(problem)
    found = []
    for kind in (GdcoreLibrary, NumpyLibrary):
        made = kind()
        made.setup(work)
        found.append(made.check_gradients())
    assert found[0].shape == (problem.n_params,)
    np.testing.assert_allclose(found[1], found[0], atol=1e-7 * np.abs(found[0]).max())
    analytic = initial_model(problem).astype("float64")
    rows = slice(0, problem.batch)
    _, grad = analytic.loss_and_grad(work.X[rows], work.y[rows], problem.loss)
    np.testing.assert_allclose(found[1], grad, atol=1e-7 * np.abs(grad).max())


def test_the_references_checker_finds_a_wrong_gradient(monkeypatch):
    made = NumpyLibrary()
    made.setup(make_workload(TINY))
    right = NumpyNetwork.loss_and_grad

    def wrong(self, X, y):
        value = right(self, X, y)
        self.grads[3] *= 1.01
        return value

    monkeypatch.setattr(NumpyNetwork, "loss_and_grad", wrong)
    with pytest.raises(gd.GradientError, match="apart"):
        made.check_gradients()


def test_differences_leave_the_parameters_as_they_were():
    work = make_workload(TINY)
    network = NumpyNetwork(work.weights, work.biases, "tanh", "mean_squared_error", 4, "float64")
    before = network.params.tobytes()
    network.numeric_gradient(work.X[:4].astype(float), work.y[:4].astype(float))
    assert network.params.tobytes() == before


# The clock


def ticks(*lengths):
    """A clock that is read at the start and at the end of runs of these lengths."""
    times = accumulate(length for pair in zip(cycle([0.5]), lengths, strict=False) for length in pair)
    return lambda: next(times)


def test_a_run_is_divided_by_its_calls():
    calls = []
    assert measure.timed_run(lambda: calls.append(1), 4, clock=ticks(2.0)) == 0.5
    assert len(calls) == 4


def test_a_run_waits_for_what_is_under_way_before_the_clock_stops():
    events = []
    clock = iter([0.0, 1.0])

    def read():
        events.append("clock")
        return next(clock)

    measure.timed_run(lambda: events.append("call"), 2, wait=lambda: events.append("wait"), clock=read)
    assert events == ["clock", "call", "call", "wait", "clock"]


def test_the_collector_is_off_while_the_clock_runs_and_as_it_was_afterwards():
    states = []
    measure.timed_run(lambda: states.append(gc.isenabled()), 1)
    assert gc.isenabled()
    gc.disable()
    try:
        measure.timed_run(lambda: None, 1)
        assert not gc.isenabled()
    finally:
        gc.enable()
    with pytest.raises(ZeroDivisionError):
        measure.timed_run(lambda: 1 / 0, 1)
    assert gc.isenabled()
    assert states == [False]


def test_calibration_grows_until_a_run_is_long_enough():
    assert measure.calibrate(lambda: None, run_seconds=0.5, clock=ticks(0.5)) == 1
    assert measure.calibrate(lambda: None, run_seconds=1.0, clock=ticks(0.125, 1.2)) == 10
    assert measure.calibrate(lambda: None, run_seconds=1.0, clock=ticks(0.9, 1.9)) == 2
    assert measure.calibrate(lambda: None, run_seconds=1.0, clock=ticks(0.0, 0.0, 1.0)) == 4
    assert measure.calibrate(lambda: None, run_seconds=1.0, clock=ticks(1e-9, 1e-7, 1.0)) == 10_000


def test_measure_gives_one_time_per_run():
    timing = measure.measure(lambda: None, run_seconds=1.0, repeats=3, clock=ticks(1.0, 4.0, 2.0, 3.0))
    assert timing.seconds == (4.0, 2.0, 3.0)
    assert timing.median == 3.0
    assert measure.measure(lambda: None, run_seconds=1e-4, repeats=2).median > 0


def test_quartiles_of_few_runs():
    assert measure.Timing((2.0,)).spread == 0
    timing = measure.Timing((1.0, 2.0, 3.0, 4.0, 9.0))
    assert (timing.low, timing.median, timing.high) == tuple(np.quantile(timing.seconds, [0.25, 0.5, 0.75]))


def test_relative_difference():
    assert measure.relative_difference([2.0, 1.0, 4.0]) == 0.75
    assert measure.relative_difference([-1.0, 1.0]) == 2
    assert measure.relative_difference([0.0, 0.0]) == 0
    assert np.isnan(measure.relative_difference([1.0, np.nan]))
    assert np.isnan(measure.relative_difference([1.0, np.inf]))
