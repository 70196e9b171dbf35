"""Slopes by differences: within their bounds on every kind of function, whatever its scale, with few evaluations."""

import numpy as np
import pytest
import reference
from cases import RECORDS, draw_targets
from reference.probe import ReferenceEvaluator

import gdcore as gd
from gdcore.gradcheck.slopes.differences import direction_slopes, entry_slopes
from gdcore.gradcheck.slopes.evaluator import Differences
from gdcore.gradcheck.slopes.function import FunctionEvaluator
from gdcore.gradcheck.slopes.noise import measured_noise
from gdcore.gradcheck.slopes.search import EVALUATIONS, SPARE, look_again, search

X, RATES = np.array([0.3, -1.2, 2.0]), np.array([1e6, 1.0, 1e-6])
UNITS = np.array([1e-12, 1.0, 1e12])
FUNCTIONS = {
    "quadratic": (lambda x: x @ x, lambda x: 2 * x, X),
    "linear": (lambda x: 3 * x.sum(), lambda x: np.full(3, 3.0), X),
    "constant": (lambda x: 3.0, lambda x: np.zeros(3), X),
    "zero": (lambda x: 0.0 * x.sum(), lambda x: np.zeros(3), X),
    "minimum": (lambda x: ((x - X) ** 2).sum(), lambda x: 2 * (x - X), X),
    "tiny x": (lambda x: np.sin(x / 1e-9).sum(), lambda x: 1e9 * np.cos(x / 1e-9), 1e-9 * X),
    "huge x": (lambda x: np.sin(x / 1e9).sum(), lambda x: 1e-9 * np.cos(x / 1e9), 1e9 * X),
    "units far apart": (lambda x: np.sin(x / UNITS).sum(), lambda x: np.cos(x / UNITS) / UNITS, UNITS * X),
    "small by chance": (lambda x: np.sin(x).sum(), np.cos, np.array([1e-25, 1e-5, 2.0])),
    "fast": (lambda x: np.sin(1e6 * x).sum(), lambda x: 1e6 * np.cos(1e6 * x), X),
    "mixed scales": (lambda x: np.sin(x * RATES).sum(), lambda x: RATES * np.cos(x * RATES), X),
    "narrow bump": (lambda x: np.exp(-((1e4 * (x - X) - 1) ** 2)).sum(), lambda x: 2e4 * np.exp(-1) + 0 * x, X),
    "steep": (lambda x: np.exp(30 * x).sum(), lambda x: 30 * np.exp(30 * x), X),
    "cancelling": (lambda x: (1e8 + x @ x) - 1e8, lambda x: 2 * x, X),
    "on a large offset": (lambda x: 1e8 + x @ x, lambda x: 2 * x, X),
    "weak entry": (lambda x: x[0] + 1e-9 * np.sin(x[1]), lambda x: np.array([1, 1e-9 * np.cos(x[1]), 0]), X),
    "near the edge": (lambda x: np.log(x).sum(), lambda x: 1 / x, np.array([1e-8, 1e-3, 1.0])),
    "kinks near and far": (lambda x: np.abs(x).sum(), np.sign, np.array([1e-9, -1e-5, 1e-3, -1.0])),
    "two kinks": (lambda x: np.abs(x - 1e-4).sum() + np.abs(x + 3e-4).sum(), lambda x: 0 * x, np.zeros(2)),
    "many kinks": (
        lambda x: np.abs(x[:, None] - np.linspace(-0.01, 0.0101, 50)).sum(),
        lambda x: np.sign(x[:, None] - np.linspace(-0.01, 0.0101, 50)).sum(axis=1),
        np.array([0.0, 0.003]),
    ),
    "jump in curvature": (lambda x: (np.maximum(x - 1e-4, 0) ** 2).sum() + x.sum(), np.ones_like, np.zeros(1)),
}


def slopes_of(fun, gradient, x, scale=1.0):
    evaluator = FunctionEvaluator(lambda x: scale * float(fun(x)), x)
    with np.errstate(invalid="ignore"):
        analytic = scale * np.asarray(gradient(x), float)
    found = entry_slopes(evaluator, np.arange(len(x)), analytic, np.zeros(len(x)))
    return evaluator, analytic, found


@pytest.mark.parametrize("case", FUNCTIONS.values(), ids=FUNCTIONS)
def test_the_bound_holds(case):
    _, analytic, (slopes, evaluations) = slopes_of(*case)
    assert (np.abs(slopes.numeric - analytic) <= slopes.bound).all()
    assert not slopes.kink.any()
    assert evaluations <= EVALUATIONS * len(analytic) + SPARE


@pytest.mark.parametrize("case", FUNCTIONS.values(), ids=FUNCTIONS)
def test_the_bound_is_small(case):
    """So small that 1 % of the largest entry shows."""
    _, analytic, (slopes, _) = slopes_of(*case)
    assert slopes.bound[np.abs(analytic).argmax()] <= 0.01 * np.abs(analytic).max() + 1e-9 * (not analytic.any())


@pytest.mark.parametrize("case", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("power", [-200, -40, 40, 200])
def test_multiplying_the_function_changes_no_step(case, power):
    """By a power of 2, all numbers change by it and by nothing else."""
    _, _, (plain, evaluations) = slopes_of(*case)
    _, _, (scaled, same) = slopes_of(*case, scale=2.0**power)
    np.testing.assert_array_equal(scaled.step, plain.step)
    np.testing.assert_array_equal(scaled.kink, plain.kink)
    np.testing.assert_array_equal(scaled.numeric, 2.0**power * plain.numeric)
    np.testing.assert_array_equal(scaled.bound, 2.0**power * plain.bound)
    assert evaluations == same


def test_at_a_kink_the_one_sided_slopes_are_the_bound():
    x = np.array([0.0, 2.0])
    fun, sides = (lambda x: np.maximum(3 * x, -x).sum()), (-1.0, 3.0)
    for analytic in (-1.0, 0.0, 3.0, -1.1, 3.1, 8.0):
        found = slopes_of(fun, lambda x, a=analytic: np.array([a, 3.0]), x)[2].slopes
        np.testing.assert_array_equal(found.kink, [True, False])
        assert found.numeric[0] == pytest.approx(1, abs=1e-6)
        assert found.bound[0] == pytest.approx(2, abs=1e-6)
        assert (abs(analytic - found.numeric[0]) <= found.bound[0]) == (sides[0] <= analytic <= sides[1])


def test_a_function_that_ends_at_x_is_looked_at_from_inside():
    found = slopes_of(lambda x: (x**2.5 + x).sum(), lambda x: 2.5 * x**1.5 + 1, np.array([0.0, 1.0]))[2].slopes
    assert found.numeric[0] == pytest.approx(1, abs=1e-3)
    assert found.kink[0]
    assert found.step[0] < 1e-6


@pytest.mark.parametrize("level", [1e-14, 1e-10, 1e-6])
def test_noise_is_measured(level, rng):
    """A function rounded to multiples of something, as a float32 intermediate rounds it."""
    noise = measured_noise(np.linspace(1, 1.01, 9) ** 2 + level * rng.normal(size=9))
    assert level / 3 < noise < 3 * level

    def rounded(x):
        return np.round(np.sin(x).sum() / level) * level

    found = slopes_of(rounded, np.cos, X)[2].slopes
    assert (np.abs(found.numeric - np.cos(X)) <= found.bound).all()
    assert (found.bound < 60 * level ** (2 / 3) + 1e-7).all()


def problem(seed, activations, losses, rows):
    """A random net of float64 -> its evaluator and its gradient by the reference."""
    rng = np.random.default_rng(seed)
    loss, activation = losses[rng.integers(len(losses))], activations[rng.integers(len(activations))]
    sizes = [3, *rng.integers(2, 7, rng.integers(0, 4)), 2]
    net = gd.MLP([int(size) for size in sizes], activation, dtype="float64", seed=seed)
    net.params += 0.1 * rng.normal(size=net.n_params)
    X, y = rng.normal(size=(rows, 3)), draw_targets(loss, rng, rows, 2)
    arguments = (X, y, loss.name, loss.option(), rng.random(rows), 0.01 * (seed % 2), 0.1 * (seed % 3))
    _, grad = reference.loss_and_grad(net.layers, net.params, *arguments)
    return ReferenceEvaluator(net.layers, net.params, *arguments), grad


@pytest.mark.parametrize("activations", [["relu", "leaky_relu", "selu"], ["tanh", "gelu", "elu", "softplus"]])
def test_with_patterns_known(activations):
    """Small and large batches of random nets: every bound holds, none is wide, and few evaluations are needed."""
    entries = wide = spent = 0
    for seed in range(24):
        evaluator, grad = problem(seed, activations, RECORDS, (5, 60)[seed % 2])
        found, evaluations = entry_slopes(evaluator, np.arange(len(grad)), grad, np.zeros(len(grad)))
        assert (np.abs(found.numeric - grad) <= found.bound + 1e-15 * np.abs(grad).max()).all()
        entries, spent = entries + len(grad), spent + evaluations
        wide += int((found.bound > 1e-3 * np.maximum(np.abs(grad), 1e-4 * np.abs(grad).max())).sum())
    assert wide <= 0.005 * entries
    assert spent <= 5 * entries


def test_patterns_tell_a_kink_that_differences_cannot():
    """Two hinges of opposite sign within the first step cancel in every difference that is taken."""
    layers = (gd.Dense(1, 2, "relu"), gd.Dense(2, 1))
    params = np.array([1.0, 1.0, 0.0, 0.0, 1.0, -1.0, 0.0])
    X, y = np.array([[0.0]]), np.array([[-1.0]])
    evaluator = ReferenceEvaluator(layers, params, X, y, "mean_absolute_error")
    grad = reference.loss_and_grad(layers, params, X, y, "mean_absolute_error")[1]
    found = entry_slopes(evaluator, np.arange(7), grad, np.zeros(7)).slopes
    np.testing.assert_array_equal(found.kink, [False, False, True, True, False, False, False])
    assert (np.abs(found.numeric - grad) <= found.bound).all()
    np.testing.assert_allclose(found.bound[2:4], 0.5, rtol=1e-6)


def test_directions_are_sums_of_entries(rng):
    evaluator, grad = problem(1, ["tanh"], [gd.MeanSquaredError()], 20)
    directions = rng.normal(size=(5, len(grad)))
    said = directions @ grad
    found = direction_slopes(evaluator, directions, said, np.zeros(5)).slopes
    assert (np.abs(found.numeric - said) <= found.bound).all()
    assert (found.bound < 1e-6 * np.linalg.norm(grad)).all()


def test_a_wider_look_at_the_same_slope_excuses_nothing():
    """Roundoff grows as the step shrinks: a nearer look at a smooth function has a wider bound, and finds the same."""

    def lines(rows, offsets):
        return offsets, Differences(np.sin(1 + offsets) - np.sin(1), np.full(len(rows), 1e-12), np.zeros(len(rows)))

    one, zero, eps = np.ones(1), np.zeros(1), float(np.finfo(np.float64).eps)
    for times, verdict in ((0.5, "right"), (1.5, "wrong"), (4.0, "wrong")):
        found = search(lines, one, one, 0, eps)
        analytic = found.slopes.numeric + times * found.slopes.bound
        again, _ = look_again(lines, found, analytic, zero, one, 0, eps)
        assert ("wrong" if abs(analytic - again.numeric) > again.bound else "right") == verdict
