"""What `minimize` calls success: a small gradient, whatever the function's units; bounds; flat ground; float32."""

import functools
import subprocess
import sys

import numpy as np
import pytest
from objectives import PROBLEMS, value_and_gradient

import gdcore as gd
from gdcore.minimize.differences import differences
from gdcore.optimizers.recent import RecentLargest

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning", "ignore:invalid value")
SCALES = (1e-8, 1.0, 1e8)
SCIPY = ("lbfgs", "cg")
UNSOLVED = {"meyer", "powell badly scaled"}
"""Entries of x that differ by factors of 1e5: a line search may end before the minimum, and must say so."""


@functools.cache
def steepest(name):
    """The largest entry of the gradient at the start."""
    problem = PROBLEMS[name]
    return np.abs(value_and_gradient(problem.fun, projected_start(problem))[1]).max()


def projected_start(problem):
    return np.clip(np.array(problem.start, float), *limits(problem))


def limits(problem):
    pairs = problem.bounds or [(None, None)] * len(problem.start)
    return [
        np.array([sign * np.inf if pair[end] is None else pair[end] for pair in pairs], float)
        for end, sign in ((0, -1), (1, 1))
    ]


def free_gradient(problem, x):
    low, high = limits(problem)
    grad = value_and_gradient(problem.fun, x)[1]
    return np.where(((x <= low) & (grad > 0)) | ((x >= high) & (grad < 0)), 0, grad)


def run(name, method, jac, scale, max_steps):
    problem = PROBLEMS[name]
    low, high = limits(problem)

    def pair(x):
        assert (low <= x).all(), x
        assert (x <= high).all(), x
        value, grad = value_and_gradient(problem.fun, x)
        return scale * value, scale * grad

    def value(x):
        assert (low <= x).all(), x
        assert (x <= high).all(), x
        return scale * float(problem.fun(x.astype(complex)).real)

    options = {"optimizer": method, "bounds": problem.bounds, "max_steps": max_steps}
    return gd.minimize(pair if jac else value, problem.start, jac=True if jac else None, **options)


def assert_a_minimum(name, result, scale):
    """A small gradient, and one of the known least values."""
    problem = PROBLEMS[name]
    assert np.abs(free_gradient(problem, result.x)).max() < 2e-5 * steepest(name)
    value = result.fun / scale
    assert min(abs(value - least) for least in problem.minima) <= 2e-6 * max(1, abs(value)) or name in UNSOLVED


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("jac", [True, False])
@pytest.mark.parametrize("name", PROBLEMS)
def test_lbfgs_finds_the_known_minima_in_any_units(name, jac, scale):
    pytest.importorskip("scipy")
    result = run(name, "lbfgs", jac, scale, 5000)
    assert result.success or name in UNSOLVED, result.message
    assert result.nit > 0
    if result.success:
        assert_a_minimum(name, result, scale)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", [name for name in PROBLEMS if PROBLEMS[name].bounds is None])
def test_cg_has_success_at_minima_alone(name, scale):
    pytest.importorskip("scipy")
    result = run(name, "cg", True, scale, 2000)
    if result.success:
        assert_a_minimum(name, result, scale)
    else:
        assert "not converged after 2000 steps" in result.message or "found no lower value" in result.message


@pytest.mark.parametrize("name", PROBLEMS)
def test_adam_has_success_at_minima_alone(name):
    """Its eps has the gradient's units, so that it takes other steps in other units."""
    for scale in SCALES:
        result = run(name, gd.Adam(0.02), True, scale, 1000)
        assert result.nit > 0
        if result.success:
            assert_a_minimum(name, result, scale)


@pytest.mark.parametrize("optimizer", [gd.SGD(1e-2), gd.SGD(2e-3, momentum=0.9)], ids=repr)
def test_a_descent_ends_in_the_same_step_in_any_units(optimizer):
    """With rates in the reciprocal units, powers of two for equal bits."""

    def fun(x):
        return 50 * (x[0] - 1) ** 2 + (x[1] - 1) ** 2 + (x[1] - 1) ** 4

    start = [3.0, -2.0]
    found = []
    for scale in (2.0**-27, 1.0, 2.0**27):
        rule = type(optimizer)(optimizer.learning_rate / scale, momentum=optimizer.momentum)
        result = gd.minimize(
            lambda x, scale=scale: tuple(scale * part for part in value_and_gradient(fun, x)),
            start,
            optimizer=rule,
        )
        assert result.success
        assert np.abs(result.x - 1).max() < 1e-5
        found.append((result.nit, *result.x))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("optimizer", [gd.SGD(0.1), gd.Adam(0.05), "lbfgs", "cg"], ids=str)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("off", [0.0, 1e-300, 1e-15, 1e-9, 1e-3])
def test_a_start_at_the_minimum_is_a_success(optimizer, scale, off):
    if isinstance(optimizer, str):
        pytest.importorskip("scipy")
    elif isinstance(optimizer, gd.SGD):
        optimizer = gd.SGD(0.1 / scale)

    def fun(x):
        return scale * float(((x - 3) ** 2).sum()), scale * 2 * (x - 3)

    result = gd.minimize(fun, [3 + off, 3.0], optimizer=optimizer)
    assert result.success, result.message
    assert np.abs(result.x - 3).max() < 1e-6


@pytest.mark.parametrize("method", SCIPY)
def test_minimizing_again_from_the_minimum_is_a_success(method):
    pytest.importorskip("scipy")
    for name in ("jennrich-sampson", "bard", "beale", "brown-dennis", "kowalik-osborne"):
        problem = PROBLEMS[name]
        x = np.array(problem.start, float)
        for _ in range(3):
            result = gd.minimize(lambda x, fun=problem.fun: value_and_gradient(fun, x), x, optimizer=method)
            assert result.success, (name, result.message)
            x = result.x


@pytest.mark.parametrize("method", SCIPY)
@pytest.mark.parametrize("name", [name for name in PROBLEMS if PROBLEMS[name].bounds is None])
def test_float32_is_named_where_its_roundoff_ends_the_search(method, name):
    pytest.importorskip("scipy")
    problem = PROBLEMS[name]

    def fun(x):
        value, grad = value_and_gradient(problem.fun, x)
        return np.float32(value), grad.astype(np.float32)

    result = gd.minimize(fun, problem.start, optimizer=method, max_steps=300)
    if result.success:
        assert np.abs(free_gradient(problem, result.x)).max() < 1e-2 * steepest(name)
    else:
        known = "float32's roundoff", "found no lower value", "not converged after 300 steps"
        assert any(words in result.message for words in known)
    if "float32's roundoff" in result.message:
        assert "dtype='float64'" in result.message
    assert "ABNORMAL" not in result.message


@pytest.mark.parametrize("optimizer", [gd.Adam(0.05), "lbfgs"], ids=str)
def test_values_of_float32_take_longer_differences(optimizer):
    """A step of 6e-6 would see a hundredth of the digits."""
    if optimizer == "lbfgs":
        pytest.importorskip("scipy")
    result = gd.minimize(
        lambda x: np.float32(np.sum((x - 1.5) ** 4 + x**2)), [0.3, 4], jac=None, optimizer=optimizer, max_steps=2000
    )
    assert np.abs(result.x - least_of_quartic()).max() < 2e-2


def least_of_quartic():
    """Where 4 (x - 1.5)^3 + 2 x = 0."""
    roots = np.roots([4, -18, 29, -13.5])
    return float(roots[np.abs(roots.imag) < 1e-9].real[0])


def root(x):
    return float(np.sqrt(x[0]) + (x[1] - 2) ** 2)


@pytest.mark.parametrize("optimizer", [gd.Adam(0.05), gd.SGD(0.05), "lbfgs"], ids=str)
def test_differences_keep_to_the_bounds(optimizer):
    """The square root of a negative number would warn, and warnings are errors."""
    if optimizer == "lbfgs":
        pytest.importorskip("scipy")
    result = gd.minimize(root, [0.5, 0.5], jac=None, bounds=[(0, 1), (0, 5)], optimizer=optimizer)
    assert result.success, result.message
    np.testing.assert_allclose(result.x, [0, 2], atol=1e-6)


@pytest.mark.parametrize("width", [np.inf, 1.0, 1e-3, 1e-5, 1e-6, 1e-9])
@pytest.mark.parametrize("place", [0.0, 1e-9, 0.3, 0.5, 1.0])
def test_one_sided_differences_are_as_good(width, place):
    room = width if np.isfinite(width) else 1.0
    x = np.array([0.7])
    low, high = x - place * room, x + (1 - place) * room if np.isfinite(width) else x + np.inf
    seen = []

    def fun(x):
        seen.append(x[0])
        return float(np.exp(x[0]))

    [slope] = differences(fun, x, float(np.exp(0.7)), (low, high))
    assert low[0] <= min(seen) <= max(seen) <= high[0]
    assert slope == pytest.approx(np.exp(0.7), rel=1e-9 + 1e-14 / room)


def test_what_the_bounds_fix_has_no_slope():
    x, low, high = np.array([0.7, 2.0]), np.array([0.7, -9]), np.array([0.7, 9])
    np.testing.assert_allclose(differences(lambda x: float(x @ x), x, float(x @ x), (low, high)), [0, 4])


def test_jumps_are_looked_for_within_the_bounds():
    def jumps(place):
        return lambda x: float(x[0] > place) if 0 <= x[0] <= 1 else pytest.fail("outside of the bounds")

    assert gd.minimize(jumps(2), [0.2], jac=None, bounds=[(0, 1)]).success
    with pytest.raises(ValueError, match="is constant around x0 and jumps within"):
        gd.minimize(jumps(0.5), [0.2], jac=None, bounds=[(0, 1)])


@pytest.mark.parametrize("optimizer", [gd.SGD(0.1), gd.Adam(0.05), "lbfgs"], ids=str)
@pytest.mark.parametrize("jac", [True, None])
def test_a_start_outside_of_the_bounds_is_projected(optimizer, jac):
    """As SciPy does."""
    if optimizer == "lbfgs":
        pytest.importorskip("scipy")
    inside = []

    def fun(x):
        inside.append((x >= 0).all() and (x <= 1).all())
        value = float(((x - 0.25) ** 2).sum())
        return (value, 2 * (x - 0.25)) if jac else value

    result = gd.minimize(fun, [-4.0, 7.0], jac=jac, bounds=[(0, 1)] * 2, optimizer=optimizer, trace=True)
    np.testing.assert_array_equal(result.trace.x[0], [0, 1])
    np.testing.assert_allclose(result.x, 0.25, atol=1e-6)
    assert all(inside)


T = np.linspace(0, 5, 50)


def exponential(c):
    m = np.exp(c[0] + c[1] * T)
    e = m - np.exp(0.5 + 0.8 * T)
    return float(e @ e), np.array([2 * e @ m, 2 * e @ (m * T)])


LEAPS = [
    (exponential, [1.0, 1.0], gd.SGD(1e-3)),
    (exponential, [1.0, 1.0], gd.SGD(1e-3, momentum=0.9)),
    (lambda x: (float(np.tanh(x) ** 2), 2 * np.tanh(x) / np.cosh(min(abs(x), 300)) ** 2), 0.5, gd.SGD(1e3)),
    (lambda x: (float(np.tanh(x) ** 2), 2 * np.tanh(x) / np.cosh(min(abs(x), 300)) ** 2), 0.5, gd.Adam(300)),
    (lambda x: (-float(np.exp(-x * x)), 2 * x * np.exp(-x * x)), 1.0, gd.SGD(100)),
]


@pytest.mark.parametrize(("fun", "start", "optimizer"), LEAPS)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("stop", [None, gd.GradientNormThreshold(1e-20)], ids=["default", "threshold"])
def test_a_flat_spot_that_a_leap_has_reached_is_no_success(fun, start, optimizer, scale, stop):
    if isinstance(optimizer, gd.SGD):
        optimizer = gd.SGD(optimizer.learning_rate / scale, momentum=optimizer.momentum)
    result = gd.minimize(lambda x: tuple(scale * part for part in fun(x)), start, optimizer=optimizer, stop=stop)
    assert not result.success
    assert "a flat spot, not known to be a minimum; try a smaller learning_rate" in result.message
    reached = gd.minimize(fun, start, optimizer=optimizer, stop=gd.LossThreshold(1e99))
    assert reached.success  # what was asked for is no small gradient


FLAT_MINIMA = [
    (lambda x: (float(max(0, 1 - x)), -float(x < 1)), -3.0, gd.SGD(0.3)),
    (lambda x: (float(max(0, 1 - x)) ** 2, -2 * float(max(0, 1 - x))), -3.0, gd.SGD(0.7)),
    (lambda x: ((3 + 3 * x) ** 2, 18 * (x + 1)), 2.0, gd.SGD(1 / 18)),
    (lambda x: (1e6 * x * x, 2e6 * x), 2.0, gd.SGD(0.5e-6)),
    (lambda x: (x * x, 2 * x), 1e6, gd.SGD(0.5)),
]


@pytest.mark.parametrize(("fun", "start", "optimizer"), FLAT_MINIMA)
def test_a_minimum_that_one_step_reaches_is_a_success(fun, start, optimizer):
    result = gd.minimize(fun, start, optimizer=optimizer)
    assert result.success, result.message
    assert result.fun == pytest.approx(0, abs=1e-12)


def test_a_gradient_of_another_function_is_told():
    """An ascent: no line search finds a lower value."""
    pytest.importorskip("scipy")
    for method in SCIPY:
        result = gd.minimize(lambda x: (float(x @ x), -2 * x), [1.0, 2.0], optimizer=method)
        assert not result.success
        assert "found no lower value, although the gradient is 1 of its largest: check it" in result.message


def test_the_first_tenth_is_forgotten():
    rng = np.random.default_rng(0)
    values = rng.random(200) * np.geomspace(1e3, 1, 200)
    recent = RecentLargest()
    for n, value in enumerate(values):
        assert recent.add(value) == values[n // 10 : n + 1].max()


@pytest.mark.parametrize("optimizer", [o for o in gd.OPTIMIZERS if "eps" in o.__dataclass_fields__])
def test_eps_of_0_is_named_where_it_divides_by_0(optimizer):
    result = gd.minimize(lambda x: (float(x[0] ** 2), np.array([2 * x[0], 0])), [1.0, 2.0], optimizer=optimizer(eps=0))
    assert not result.success
    assert result.message.endswith("a gradient of 0 over 0, pass eps > 0")
    X = np.random.default_rng(0).normal(size=(50, 3)) * [1, 0, 1]
    said = r"the updated parameters are not finite .*eps=0\) divides a gradient of 0 by 0: pass eps > 0"
    with pytest.raises(gd.DivergedError, match=said):
        gd.LinearModel(3, seed=0).fit(X, X[:, 0], loss="mse", optimizer=optimizer(eps=0))


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_what_the_function_raises_comes_out(optimizer):
    """And a failed allocation of NumPy's as a MemoryError: some of its functions fail without saying why."""
    if optimizer == "lbfgs":
        pytest.importorskip("scipy")
    for raised, seen in (
        (MemoryError("mine"), MemoryError),
        (SystemError("<ufunc 'add'> returned NULL without setting an exception"), MemoryError),
        (SystemError("error return without exception set"), MemoryError),
        (SystemError("another"), SystemError),
        (StopIteration(), StopIteration),
    ):
        calls = []

        def fun(x, raised=raised, calls=calls):
            calls.append(1)
            if len(calls) > 2:
                raise raised
            return float(x @ x), 2 * x

        with pytest.raises(seen):
            gd.minimize(fun, [1.0, 2.0], optimizer=optimizer)


STARVED = """
import sys, _testcapi, gdcore as gd
gd.minimize(lambda x: (float(x @ x), 2 * x), [1.0, 2.0], max_steps=3)    # which imports what it needs
for start in range(int(sys.argv[1]), 500, 2):
    print(start, flush=True)
    try:
        _testcapi.set_nomemory(start, start + 1)
        gd.minimize(lambda x: (float(x @ x), 2 * x), [1.0, 2.0], max_steps=3)
    except BaseException as error:
        _testcapi.remove_mem_hooks()
        print(type(error).__name__, flush=True)
    finally:
        _testcapi.remove_mem_hooks()
"""
MAX_CRASHES = 20


def test_allocations_that_fail_are_memory_errors():
    """In processes of their own, the next of which goes on where one has crashed: NumPy and CPython 3.13 may."""
    pytest.importorskip("_testcapi")
    start, crashes, seen = 0, 0, []
    while start < 500 and crashes < MAX_CRASHES:
        done = subprocess.run([sys.executable, "-c", STARVED, str(start)], capture_output=True, text=True, timeout=120)
        said = done.stdout.split()
        seen += [word for word in said if not word.isdigit()]
        start = max([start, *(int(word) for word in said if word.isdigit())]) + 2
        crashes += done.returncode < 0
    assert set(seen) == {"MemoryError"}
    assert len(seen) > (1 if crashes else 50)
