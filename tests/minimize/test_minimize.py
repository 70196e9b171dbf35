"""Objectives with known minima, from several starts; bounds, differences, and what has no derivative."""

import re
import sys

import numpy as np
import pytest

import gdcore as gd
from gdcore.minimize.differences import differences
from gdcore.training.epoch_end import norm

EPS = np.finfo(float).eps


def rosenbrock(x):
    a, b = x
    return (1 - a) ** 2 + 100 * (b - a * a) ** 2, np.array([2 * (a - 1) - 400 * a * (b - a * a), 200 * (b - a * a)])


def himmelblau(x):
    a, b = x
    p, q = a * a + b - 11, a + b * b - 7
    return p * p + q * q, np.array([4 * a * p + 2 * q, 2 * p + 4 * b * q])


def beale(x):
    a, b = x
    terms = np.array([1.5 - a + a * b, 2.25 - a + a * b**2, 2.625 - a + a * b**3])
    slopes = np.array([[b - 1, a], [b**2 - 1, 2 * a * b], [b**3 - 1, 3 * a * b * b]])
    return terms @ terms, 2 * terms @ slopes


def parabola(a):
    return (3 + 3 * a) ** 2, 18 * (a + 1)


HIMMELBLAU = [(3, 2), (-2.805118086952745, 3.131312518250573), (-3.779310253377747, -3.283185991286170),
              (3.584428340330492, -1.848126526964404)]  # fmt: skip
PROBLEMS = {
    "rosenbrock": (rosenbrock, [(-1.2, 1.0), (0.0, 0.0), (1.5, -0.5)], [(1, 1)], gd.Adam(0.02)),
    "himmelblau": (himmelblau, [(0.0, 0.0), (-4.0, 4.0), (-3.0, -3.0), (4.0, -3.0)], HIMMELBLAU, gd.SGD(0.01)),
    "beale": (beale, [(1.0, 1.0), (0.5, -0.5), (4.0, 0.7)], [(3, 0.5)], gd.Adam(0.05)),
    "parabola": (parabola, [2.0, -1.0, -7.5], [-1.0], gd.SGD(0.02)),
}
CASES = [(fun, start, minima, o) for fun, starts, minima, o in PROBLEMS.values() for start in starts]


def distance(x, minima):
    """To the nearest minimum."""
    return min(np.abs(np.asarray(x) - minimum).max() for minimum in minima)


@pytest.mark.parametrize(("fun", "start", "minima", "optimizer"), CASES)
@pytest.mark.parametrize("how", ["pair", "callable", "differences"])
def test_known_minima(fun, start, minima, optimizer, how):
    value, jac = (fun, True) if how == "pair" else (lambda x: fun(x)[0], None)
    jac = (lambda x: fun(x)[1]) if how == "callable" else jac
    result = gd.minimize(value, start, jac=jac, optimizer=optimizer)
    assert result.success, result.message
    assert re.match(r"the norm of the full gradient(, \S+, is below 1e-09 of its scale,.*| is 0): conv", result.message)
    assert distance(result.x, minima) < 1e-5
    assert result.x.shape == result.jac.shape == np.shape(start)
    assert result.fun == fun(result.x)[0] < 1e-10
    np.testing.assert_allclose(result.jac, fun(result.x)[1], atol=1e-6)
    n = np.size(start)
    if how != "differences":
        assert result.nfev == result.nit + 1
    elif result.nit:  # at a minimum jumps are looked for everywhere
        assert result.nfev == (result.nit + 1) * (1 + 2 * n) + 5


@pytest.mark.parametrize("optimizer", gd.OPTIMIZERS)
def test_each_step_is_the_optimizers(optimizer):
    """The trace is what the bare state does, a schedule's rate included."""
    for rate in (1e-3, gd.schedules.Cosine(1e-3, 15)):
        result = gd.minimize(rosenbrock, [-1.2, 1.0], optimizer=optimizer(rate), max_steps=20, trace=True)
        x, state = np.array([-1.2, 1.0]), optimizer(rate).init(2, "float64")
        for found, value in zip(result.trace.x, result.trace.fun, strict=True):
            np.testing.assert_array_equal(found, x)
            assert value == rosenbrock(x)[0]
            state.step(x, rosenbrock(x)[1])
        assert (len(result.trace.x), result.nit, result.nfev) == (21, 20, 21)
        assert (result.success, result.message) == (False, "all 20 steps were made")


def test_a_rate_that_is_reduced_on_plateaus():
    rates = []
    rule = gd.schedules.ReduceOnPlateau(0.12, 0.5, patience=1)
    result = gd.minimize(parabola, 1.0, optimizer=gd.SGD(rule), callback=lambda end: rates.append(end.learning_rate))
    assert result.success  # 0.12 is above 2 / 18: at that rate it diverges
    assert rates[0] == 0.12
    assert rates[-1] == 0.06


@pytest.mark.parametrize("optimizer", [gd.SGD(1e-3), gd.Adam(0.01)], ids=repr)
def test_bounds_are_kept_and_the_gradient_is_projected(optimizer):
    """Rosenbrock's function with a <= 1/2: the least value is at (1/2, 1/4), where its gradient is not 0."""
    bounds = [(None, 0.5), (-1, None)]
    result = gd.minimize(rosenbrock, [-1.2, 1.0], optimizer=optimizer, bounds=bounds, trace=True, max_steps=50_000)
    assert result.success
    np.testing.assert_allclose(result.x, [0.5, 0.25], atol=1e-6)
    assert result.jac[0] == pytest.approx(-1, abs=1e-4)
    assert result.trace.x[:, 0].max() == 0.5
    assert result.trace.x[:, 1].min() >= -1
    assert re.match(r"the norm of the projected gradient, \S+, is below 1e-09 of its scale, \S+: conv", result.message)


def test_criteria_and_callbacks():
    def spent(end):
        return "enough" if end.epoch == 5 else None

    options = {"optimizer": gd.SGD(0.02), "max_steps": 300}
    result = gd.minimize(parabola, 1.0, stop=[spent, gd.LossThreshold(1e-9)], **options)
    assert (result.nit, result.success, result.message) == (5, True, "enough")
    result = gd.minimize(parabola, 1.0, stop=(), **options)
    assert (result.nit, result.success) == (300, False)
    seen = []

    def watch(end):
        seen.append((end.epoch, end.loss, end.params.copy(), end.gradient().copy()))
        return end.epoch == 3

    result = gd.minimize(parabola, 1.0, callback=watch, **options)
    assert result.message == "watch asked to stop in step 3"
    assert [row[0] for row in seen] == [0, 1, 2, 3]
    assert all((loss, grad[0]) == parabola(x[0]) for _, loss, x, grad in seen)


def test_the_best_comes_back():
    """A rate too large by a little: every second step is worse."""
    stop = gd.EarlyStopping(4)
    result = gd.minimize(parabola, 1.0, optimizer=gd.SGD(0.12), stop=stop, max_steps=50)
    assert result.message.endswith("was in epoch 0; its parameters were restored")
    assert result.x == 1.0
    assert (result.fun, result.jac) == parabola(1.0)


def test_a_value_that_is_not_finite_ends_it_at_the_last_good_x():
    def diverges(a):
        with np.errstate(over="ignore"):
            return (3 + 3 * a) ** 2, 18 * (a + 1)

    result = gd.minimize(diverges, np.array([1.0]), optimizer=gd.SGD(1e100))
    assert not result.success
    assert result.message.startswith("fun is not finite after step 2 at learning_rate 1e+100: try a smaller one")
    assert result.nit == 1
    assert np.isfinite(result.fun)


def test_the_functions_x_is_its_own():
    kept = []

    def fun(x):
        kept.append(x)
        value = float(x @ x), 2 * x.copy()
        x[:] = 99.0
        return value

    result = gd.minimize(fun, np.ones(2), optimizer=gd.SGD(0.25), max_steps=3, stop=())
    np.testing.assert_array_equal(result.x, [0.125, 0.125])
    assert len({id(x) for x in kept}) == 4


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3)])
def test_shapes(shape):
    def fun(x):
        return np.sum((x - 2) ** 2), 2 * (x - 2)

    result = gd.minimize(fun, np.zeros(shape), optimizer=gd.SGD(0.4), trace=True)
    assert result.x.shape == result.jac.shape == shape
    assert result.trace.x.shape == (result.nit + 1, *shape)
    np.testing.assert_allclose(result.x, 2, atol=1e-6)


def test_differences_are_good_to_ten_digits():
    rng = np.random.default_rng(0)
    x, A = rng.normal(size=6), rng.normal(size=(6, 6))
    found = differences(lambda x: float(np.sin(A @ x).sum()), x)
    np.testing.assert_allclose(found, np.cos(A @ x) @ A, rtol=1e-8, atol=1e-9)


FLAT = {
    "1 + x^4 at 0": lambda x: 1 + float(x[0]) ** 4,
    "a constant": lambda x: 3.0,
    "rectified, on its flat side": lambda x: max(0.0, float(x[0]) - 1),
    "rectified, steep": lambda x: 1e3 * max(0.0, 0.3 - float(x[0] + 7)),
}


@pytest.mark.parametrize("fun", FLAT.values(), ids=FLAT)
def test_flat_is_not_a_jump(fun):
    result = gd.minimize(fun, [0.0], jac=None)
    assert result.success
    assert result.nit == 0


@pytest.mark.parametrize("power", [1.0, 0.5])
def test_the_bottom_of_a_symmetric_kink_is_a_minimum(power):
    """Both sides rise alike, so the differences are 0; the search for a jump ends, however near 0 a change is seen."""
    calls = []

    def fun(x):
        calls.append(1)
        assert len(calls) < 1000
        return float(np.sum(np.abs(x) ** power))

    result = gd.minimize(fun, [0.0, 0.0], jac=None)
    assert (result.success, result.nit, result.fun) == (True, 0, 0.0)


STEEP = {
    "1e6 |x|": lambda x: 1e6 * abs(float(x[0]) - 1e-9),
    "rounded to float32": lambda x: float(np.float32(3 * x[0] + 1)),
    "a small slope of a large number": lambda x: 1e9 + float(x[0]),
    "a cube root": lambda x: float(np.cbrt(x[0])),
}


@pytest.mark.parametrize("fun", STEEP.values(), ids=STEEP)
def test_steep_is_not_a_jump(fun):
    assert gd.minimize(fun, [0.0], jac=None, max_steps=1).nit == 1


def noisy():
    rng = np.random.default_rng(0)
    return lambda x: float(x[0] ** 2 + rng.normal())


def minimize(fun, x0=(0.2, 0.1), **options):
    gd.minimize(fun, x0, max_steps=3, **options)


INSTEAD = r"use CMA-ES \(an evolution strategy\) or, .*policy gradients"
ERRORS = [
    (lambda: minimize(lambda x: float(np.round(x).sum()), jac=None), ValueError, f"is constant around x0.*{INSTEAD}"),
    (lambda: minimize(lambda x: int((x > 7).sum()), jac=None), ValueError, f"jumps within .*no derivative.*{INSTEAD}"),
    (lambda: minimize(lambda x: int((x > -7).sum()), jac=None), ValueError, INSTEAD),
    (lambda: minimize(lambda x: int((x > 0.2).sum()), jac=None), ValueError, f"fun jumps at x0: no der.*{INSTEAD}"),
    (lambda: minimize(lambda x: float(x @ x - (x[1] <= 0.1)), jac=None), ValueError, "fun jumps at x0"),
    (lambda: minimize(noisy(), jac=None), ValueError, f"at the same x: differences of a .*{INSTEAD}"),
    (lambda: minimize(lambda x: 1.0), TypeError, rf"\(value, gradient\), got float: pass jac=None.*{INSTEAD}"),
    (lambda: minimize(lambda x: (1.0, x, x)), TypeError, "got tuple"),
    (lambda: minimize(lambda x: ("1", x)), TypeError, "fun must return a number, got '1'"),
    (lambda: minimize(lambda x: (x, x)), TypeError, "fun must return a number, got array"),
    (lambda: minimize(lambda x: None, jac=None), TypeError, "fun must return a number, got None"),
    (lambda: minimize(lambda x: (1.0, [1.0])), ValueError, r"gradient has shape \(1,\).*expected real numbers \(2,\)"),
    (lambda: minimize(lambda x: (1.0, None)), ValueError, "the gradient has shape .* dtype object"),
    (lambda: minimize(lambda x: (np.nan, x)), ValueError, "fun is not finite at x0: begin elsewhere"),
    (lambda: minimize(lambda x: np.log(-x[0]), jac=None), ValueError, "^fun is not finite at x0: begin elsewhere$"),
    (lambda: minimize(lambda x: (1.0, x / 0.0)), ValueError, "its gradient is not finite at x0"),
    (lambda: minimize(3), TypeError, "fun must be callable, got 3"),
    (lambda: minimize(rosenbrock, jac=False), TypeError, r"jac must be True .*differences\), got False"),
    (lambda: minimize(rosenbrock, callback=3), TypeError, "callback must be callable, got 3"),
    (lambda: minimize(rosenbrock, ["a"]), TypeError, "x0 has text in row 0"),
    (lambda: minimize(rosenbrock, [np.nan, 1]), ValueError, "x0 contains NaN"),
    (lambda: minimize(rosenbrock, optimizer="adm"), ValueError, "unknown optimizer 'adm'; known: sgd, .*lbfgs, cg"),
    (lambda: gd.minimize(rosenbrock, [1, 1], max_steps=0), ValueError, "max_steps must be >= 1, got 0"),
    (lambda: minimize(rosenbrock, trace=1), TypeError, "trace must be True or False, got 1"),
    (lambda: minimize(rosenbrock, stop=3), TypeError, "stop must hold criteria"),
    (lambda: minimize(rosenbrock, stop=gd.LossThreshold(1, "val_loss")), ValueError, "needs validation data"),
    (lambda: minimize(rosenbrock, bounds=[(0, 1)]), ValueError, "bounds has 1 pairs; expected one for each of x0's 2"),
    (lambda: minimize(rosenbrock, bounds=(0, 1)), TypeError, r"bounds must be a list of pairs \(low, high\)"),
    (lambda: minimize(rosenbrock, bounds=[("a", 1), (0, 1)]), TypeError, "bounds must be a list of pairs"),
    (lambda: minimize(rosenbrock, bounds=[(1, 0), (0, 1)]), ValueError, "low <= high"),
    (lambda: minimize(rosenbrock, bounds=[(np.inf, np.inf), (0, 1)]), ValueError, "low <= high"),
    (lambda: minimize(rosenbrock, optimizer="cg", bounds=[(0, 1)] * 2), ValueError, "does not take bounds: use"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[row[2][:30] for row in ERRORS])
def test_errors(call, error, message):
    with np.errstate(all="ignore"), pytest.raises(error, match=message):
        call()


def test_scipy_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    for name in ("lbfgs", "cg"):
        with pytest.raises(ImportError, match=f"optimizer='{name}' needs scipy .*: pip install 'scipy'"):
            minimize(rosenbrock, optimizer=name)


@pytest.mark.parametrize("steps", [10, 28])
def test_a_descent_that_has_diverged_says_so(steps):
    """Up to gradients whose squares no number holds."""
    result = gd.minimize(lambda a: (1e6 * a * a, 2e6 * a), 2.0, optimizer=gd.SGD(0.1), max_steps=steps)
    assert not result.success
    assert result.message == (
        f"all {steps} steps were made and fun has grown from 4e+06 to {result.fun:.3g}: "
        "it diverged at learning_rate 0.1, try a smaller one"
    )
    assert result.fun > 1e100
    for fun, rate in ((parabola, 0.001), (lambda a: (a * a - 10, 2 * a), 0.9)):
        result = gd.minimize(fun, 2.0, optimizer=gd.SGD(rate), max_steps=steps, stop=())
        assert result.message == f"all {steps} steps were made"


@pytest.mark.parametrize("trace", [True, False])
def test_a_result_prints_in_a_few_lines(trace):
    start = np.linspace(1, 2, 5000).reshape(50, 100)
    result = gd.minimize(lambda x: (float((x**2).sum()), 2 * x), start, max_steps=300, trace=trace)
    text = repr(result)
    assert text.startswith("MinimizeResult(x=array(50, 100), fun=")
    assert len(text) < 200
    assert f"nit=300, nfev=301, success=False, message={result.message!r}" in text
    assert ("trace of 301 points" in text) == trace


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_norms_hold_where_squares_do_not(dtype):
    largest = float(np.finfo(dtype).max) / 8
    for size in (0.0, 1.0, 1e30, largest):
        assert norm(np.array([3 * size, -4 * size], dtype)) == pytest.approx(5 * size, rel=1e-6)
    assert norm(np.zeros(0, dtype)) == 0
    assert norm(np.array([np.inf, 1], dtype)) == np.inf
    assert np.isnan(norm(np.array([np.nan, 1], dtype)))


def test_what_is_recorded_of_huge_gradients_is_their_norm():
    net = gd.LinearModel(1, weight_init="ones", dtype="float64")
    rule, record = gd.SGD(5e143), ("layer_gradient_norm", "weight_norm")
    history = net.fit([[1e3]], [[0.0]], loss="mse", optimizer=rule, epochs=1, record=record)
    assert history.weight_norm == [pytest.approx(1e150, rel=2e-3)]
    assert history.layer_gradient_norm["dense0"] == [pytest.approx(2e156, rel=2e-3)]
