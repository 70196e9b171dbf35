"""Differences of a model's loss in compiled code, against the NumPy reference in wider arithmetic."""

import itertools
import signal

import numpy as np
import pytest
import reference
from cases import RECORDS, draw_targets
from reference.probe import KINKED, ReferenceEvaluator

import gdcore as gd
from gdcore.layers.layer import layer_table

ACTIVATIONS = [row.name for row in gd.ACTIVATIONS]
SIZES = ([3, 2], [4, 7, 3], [3, 5, 6, 2], [2, 9, 5, 4, 3], [3, 2])
WIDE = {"float32": np.float64, "float64": np.longdouble}
SQRT_PI = np.sqrt(np.arccos(np.longdouble(-1)))


def wide_erf(x):
    """2 / sqrt(pi) exp(-x^2) sum of 2^n x^(2n+1) / (2n+1)!!: no term is negative, so nothing cancels."""
    a = np.minimum(np.abs(x), 7)
    term = total = a
    for n in range(1, 250):
        term = term * 2 * a * a / (2 * n + 1)
        total = total + term
    return np.sign(x) * 2 / SQRT_PI * np.exp(-a * a) * total


def scaled_layers(sizes, activation):
    """Layers that scale before and between dense ones; their numbers are exact in float32."""
    first, *_, last = sizes
    return (
        gd.Standardize(mean=(0.25,) * first, std=(0.5,) * (first - 1) + (2.0,)),
        gd.Dense(first, 5, activation),
        gd.MinMax(minimum=(-0.5,) * 5, maximum=(1.5,) * 5, low=-1.0),
        gd.Dense(5, 4, "sigmoid"),
        gd.Log1p(4),
        gd.Dropout(0.5),
        gd.Dense(4, last, "tanh"),
    )


def normalized_layers(sizes, activation):
    """Layers that normalize the inputs and what dense layers give."""
    first, *_, last = sizes
    return (
        gd.LayerNorm(first),
        gd.Dense(first, 5, activation),
        gd.LayerNorm(5, eps=0.01),
        gd.Dense(5, 4, "sigmoid"),
        gd.Dense(4, last, "tanh"),
        *([] if last == 1 else [gd.LayerNorm(last)]),
    )


class Case:
    """A random model, samples and loss: the compiled probe, and the objective in wider arithmetic."""

    def __init__(
        self,
        kernels,
        activation,
        loss,
        sizes,
        rows,
        seed,
        penalties=False,
        weighted=False,
        scale=1.0,
        layers_of=None,
    ):
        rng = np.random.default_rng([seed, rows, *map(ord, activation)])
        dtype, wide = kernels.PRECISION, WIDE[kernels.PRECISION]
        self.layers = layers_of(sizes, activation) if layers_of else gd.MLP(sizes, activation).layers
        self.params = rng.normal(scale=0.6, size=gd.Sequential(*self.layers).n_params).astype(dtype)
        self.X = (scale * rng.normal(size=(rows, sizes[0]))).astype(dtype)
        y = draw_targets(loss, rng, rows, sizes[-1])
        self.y = y if y.ndim == 1 else y.astype(dtype)
        self.weight = rng.random(rows).astype(dtype) if weighted else None
        self.loss, self.l1, self.l2 = loss, 0.05 * penalties, 0.3 * penalties
        self.option = float(np.dtype(dtype).type(loss.option()))
        network = kernels.Network(layer_table(self.layers, dtype), self.params, 1, False)
        target, labels = (None, self.y) if y.ndim == 1 else (self.y, None)
        self.probe = kernels.Probe(
            network, loss.name, loss.option(), (self.X, target, labels, self.weight), 0, self.l1, self.l2
        )
        self.wide = [
            None if x is None else x if x.dtype.kind == "i" else x.astype(wide)
            for x in (self.X, self.y, self.weight, self.params)
        ]

    def objective(self, params):
        X, y, weight, _ = self.wide
        outputs = reference.forward(self.layers, params, X)[2]
        value = reference.loss(self.loss.name, self.option, outputs, y, weight)[0]
        return value + reference.penalty(self.layers, params, self.l1, self.l2)[0]

    def run(self, sweep, count):
        change, noise, patterns = np.empty(count), np.empty(count), np.empty(count, np.uint64)
        sweep(change, noise, patterns)
        return change, noise, patterns

    def at(self, indices, places):
        return self.run(lambda *found: self.probe.at(indices, places, *found), len(places))

    def along(self, direction, steps):
        return self.run(lambda *found: self.probe.along(direction, steps, *found), len(steps))

    def check(self, points, change, noise):
        """Changes lie within their roundoff, and that within a share of what the step would tell."""
        params, here = self.wide[3], self.objective(self.wide[3])
        own = 4 * np.finfo(here.dtype).eps * abs(here)
        for point, got, bound in zip(points, change, noise, strict=True):
            assert abs(got - (self.objective(params + point) - here)) <= bound + own


def cases(kernels):
    """A few cases of every activation, with every loss in turn."""
    seeds = itertools.count()
    losses = itertools.cycle(RECORDS)
    for activation, sizes in itertools.product(ACTIVATIONS, SIZES):
        seed = next(seeds)
        yield Case(
            kernels,
            activation,
            next(losses),
            sizes,
            (1, 9, 70, 130)[seed % 4 if len(sizes) < 4 else seed % 2],
            seed,
            penalties=seed % 3 == 0,
            weighted=seed % 2 == 0,
            scale=(0.1, 1.0, 3.0)[seed % 3],
            layers_of=(None, None, normalized_layers, scaled_layers)[seed % 4],
        )


@pytest.fixture
def wide(monkeypatch):
    if np.finfo(np.longdouble).eps == np.finfo(np.float64).eps:
        pytest.skip("long double is no wider than double here")
    monkeypatch.setattr(reference, "erf", wide_erf)


def test_changes_and_their_roundoff(kernels, wide, eps):
    for case in cases(kernels):
        rng = np.random.default_rng(len(case.params))
        n, x = len(case.params), case.params
        assert case.probe.value() == pytest.approx(float(case.objective(case.wide[3])), rel=200 * eps, abs=200 * eps)
        indices = rng.integers(0, n, 5)
        reach = eps ** rng.uniform(0.15, 0.5, 5) * rng.choice([-1, 1], 5)
        places = (x[indices] + reach).astype(x.dtype)
        change, noise, _ = case.at(indices, places)
        points = np.zeros((5, n), case.wide[3].dtype)
        points[np.arange(5), indices] = places.astype(points.dtype) - case.wide[3][indices]
        case.check(points, change, noise)
        direction = rng.normal(size=n).astype(x.dtype)
        steps = reach.astype(x.dtype)
        change, noise, _ = case.along(direction, steps)
        case.check(steps.astype(points.dtype)[:, None] * direction.astype(points.dtype), change, noise)


@pytest.mark.parametrize("size", [64.0, 1e3])
@pytest.mark.parametrize("kind", [gd.EpsilonInsensitive, gd.SquaredEpsilonInsensitive])
def test_small_values_of_large_residuals_have_their_roundoff(kernels, wide, kind, size):
    """Subtracting epsilon leaves the rounding of z - y, which is as large as that of epsilon."""
    for seed in range(4):
        case = Case(kernels, "tanh", kind(size), [3, 5, 1], 9, seed, scale=0.1)
        case.y += case.y.dtype.type(size)
        case.wide[1] = case.y.astype(case.wide[3].dtype)
        n = len(case.params)
        places = case.params + np.float32(0.01)
        change, noise, _ = case.at(np.arange(n), places)
        case.check(np.diag(places.astype(case.wide[3].dtype) - case.wide[3]), change, noise)


@pytest.mark.parametrize("reach", [2.0**-20, 2.0**-9, 0.3, 40.0])
@pytest.mark.parametrize("steep", [1.0, 2e3])
def test_near_and_far_logits(kernels, wide, steep, reach):
    """Units along their lines, single logits and all of them; a line is as exact as what it replaces."""
    for sizes in ([3, 7, 6], [3, 5, 7, 6], [4, 6]):
        case = Case(kernels, "tanh", gd.CrossEntropy(0.1), sizes, 70, seed=6, weighted=True)
        case.params[-8] *= steep
        case.wide[3] = case.params.astype(case.wide[3].dtype)
        n = len(case.params)
        places = case.params + np.where(np.arange(n) % 2, reach, -reach).astype(case.params.dtype)
        change, noise, _ = case.at(np.arange(n), places)
        moves = np.diag(places.astype(case.wide[3].dtype) - case.wide[3])
        case.check(moves, change, noise)
        few = np.arange(0, n, 5)
        for i in few:
            one, error, _ = case.at(np.array([i]), places[i : i + 1])
            assert abs(one[0] - change[i]) <= noise[i] + error[0]
        if reach < 1 and steep == 1:
            assert (
                np.median(noise / np.maximum(np.abs(change), np.finfo(noise.dtype).tiny))
                < 1e3 * np.finfo(case.params.dtype).eps / reach
            )


@pytest.mark.parametrize("loss", RECORDS, ids=repr)
def test_roundoff_is_small_beside_what_a_step_tells(kernels, loss, eps):
    """Else a bound that is never exceeded would be worth nothing."""
    case = Case(kernels, "tanh", loss, [3, 5, 4, 2], 20, seed=1)
    n, step = len(case.params), case.params.dtype.type(eps**0.25)
    change, noise, _ = case.at(np.arange(n), case.params + step)
    assert np.median(noise / np.abs(change)) < 1e3 * eps / step
    change, noise, _ = case.along(np.ones_like(case.params), np.array([step]))
    assert noise[0] < 1e3 * eps / step * np.abs(change[0]) + 1e3 * eps * case.probe.value()


def test_directions_and_entries_agree(kernels):
    """A direction that moves one parameter is that entry."""
    for activation in ("tanh", "relu"):
        case = Case(kernels, activation, gd.CrossEntropy(), [4, 6, 5, 3], 30, seed=2, penalties=True)
        n = len(case.params)
        step = case.params.dtype.type(2.0**-6)
        change, noise, patterns = case.at(np.arange(n), case.params + step)
        for i in range(n):
            steps = (case.params + step)[i : i + 1] - case.params[i]
            along, error, signs = case.along(np.eye(n, dtype=case.params.dtype)[i], steps)
            assert abs(along[0] - change[i]) <= noise[i] + error[0]
            assert signs[0] == patterns[i]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_what_is_lost_in_rounding_is_within_the_roundoff(kernels, wide, activation, eps):
    """A move far below an ulp of a unit's input changes nothing that is seen; its true change is in the noise."""
    for loss, sizes in ((gd.MeanSquaredError(), [3, 4, 2]), (gd.CrossEntropy(), [3, 4, 5]), (gd.Huber(), [3, 4, 4, 1])):
        case = Case(kernels, activation, loss, sizes, 20, seed=7)
        for tiny in (eps, eps**2, 1e-30):
            case.X[:, 1] *= case.X.dtype.type(tiny) / np.abs(case.X[:, 1]).max()
            case.wide[0] = case.X.astype(case.wide[0].dtype)
            indices = np.arange(sizes[1], 2 * sizes[1])
            places = case.params[indices] + case.params.dtype.type(2.0**-11)
            moves = np.zeros((len(indices), len(case.params)), case.wide[3].dtype)
            moves[np.arange(len(indices)), indices] = places.astype(moves.dtype) - case.wide[3][indices]
            change, noise, _ = case.at(indices, places)
            case.check(moves, change, noise)


def test_penalties_along_a_direction_are_as_exact_as_their_terms(kernels, eps):
    """Also where the parameters are far larger than the step."""
    layers, dtype = gd.LinearModel(4, bias=False).layers, kernels.PRECISION
    params = np.array([1e6, -2e6, 3e6, 0], dtype)
    network = kernels.Network(layer_table(layers, dtype), params, 1, False)
    probe = kernels.Probe(
        network, "mean_squared_error", 0.0, (np.zeros((1, 4), dtype), np.zeros((1, 1), dtype), None, None), 0, 0.05, 0.3
    )
    direction, steps = np.array([0.5, -0.25, 0.125, 2], dtype), (2.0 ** np.array([-30, -20, -10])).astype(dtype)
    change, noise, patterns = np.empty(3), np.empty(3), np.empty(3, np.uint64)
    probe.along(direction, steps, change, noise, patterns)
    x, d = params.astype(float), direction.astype(float)
    for step, got, bound, pattern in zip(steps.astype(float), change, noise, patterns, strict=True):
        want = 0.05 * step * (d @ np.sign(x) + abs(d[3])) + 0.3 * step * (d @ x + step / 2 * d @ d)
        assert abs(got - want) <= bound <= 100 * eps * 0.3 * step * (np.abs(d) @ np.abs(x))
        assert pattern


def test_a_learnt_sample_far_out(kernels, wide):
    """Large logits that move far: softmax and the target's logit see the same rounded move."""
    layers, dtype = gd.LinearModel(1, 3, bias=False).layers, kernels.PRECISION
    params = np.array([1e6 + 0.1, 0, 0], dtype)
    network = kernels.Network(layer_table(layers, dtype), params, 1, False)
    probe = kernels.Probe(network, "cross_entropy", 0.0, (np.array([[3.3]], dtype), None, np.zeros(1, np.int64), None))
    places = (params[0] * np.array([1 + 1e-3, 1 + 1e-4, 1 + 1e-5, 1 - 1e-3])).astype(dtype)
    change, noise, patterns = np.empty(4), np.empty(4), np.empty(4, np.uint64)
    probe.at(np.zeros(4, np.int64), places, change, noise, patterns)
    assert (np.abs(change) <= noise).all()


def test_bits_do_not_depend_on_threads(kernels):
    case = Case(kernels, "gelu", gd.CrossEntropy(), [5, 8, 7, 3], 150, seed=3, penalties=True, weighted=True)
    rng, n = np.random.default_rng(0), len(case.params)
    indices = rng.integers(0, n, 300)
    places = (case.params[indices] + 0.01 * rng.normal(size=300)).astype(case.params.dtype)
    direction = rng.normal(size=n).astype(case.params.dtype)
    before, found = kernels.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            kernels.set_num_threads(threads)
            found.append([*case.at(indices, places), *case.along(direction, places)])
    finally:
        kernels.set_num_threads(before)
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_what_does_not_move_has_changed_by_nothing(kernels):
    case = Case(kernels, "relu", gd.MeanSquaredError(), [4, 6, 2], 10, seed=4)
    case.X[:, 1] = 0
    change, noise, patterns = case.at(np.arange(6, 12), case.params[6:12] + 1)  # the weights of that input
    assert not change.any()
    assert not noise.any()
    assert not patterns.any()
    assert not case.along(np.zeros_like(case.params), np.ones(1, case.params.dtype))[0].any()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_patterns_tell_what_the_references_do(kernels, activation):
    """Equal patterns here say at least as much as equal ones there: elu's and huber's second derivatives jump too."""
    for seed, loss in enumerate(RECORDS):
        case = Case(kernels, activation, loss, [3, 5, 4, 2], 12, seed, penalties=True)
        in_numpy = ReferenceEvaluator(
            case.layers,
            case.params.astype(float),
            case.X.astype(float),
            case.y if case.y.ndim == 1 else case.y.astype(float),
            loss.name,
            case.option,
            None,
            case.l1,
            case.l2,
        )
        rng = np.random.default_rng(seed)
        indices = rng.integers(0, len(case.params), 60)
        places = (case.params[indices] + 10.0 ** rng.uniform(-3, 0, 60)).astype(case.params.dtype)
        patterns = case.at(indices, places)[2]
        same = in_numpy.at(indices, places.astype(float)).patterns == in_numpy.pattern
        if activation in KINKED or activation != "elu":
            np.testing.assert_array_equal(patterns == 0, same)
        assert same[patterns == 0].all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(indices=np.array([-1])), IndexError, "index -1 is not one of 17 parameters"),
        (dict(indices=np.array([17])), IndexError, "index 17 is not one of 17 parameters"),
        (dict(indices=np.array([1, 2])), ValueError, "indices and places have lengths 2 and 1"),
        (dict(noise=np.empty(2)), ValueError, "change, noise and patterns must have length 1"),
        (dict(outputs=True), ValueError, r"outputs must have shape \(1, 5, 2\)"),
    ],
)
def test_wrong_shapes_are_refused(kernels, change, error, message):
    case = Case(kernels, "tanh", gd.MeanSquaredError(), [2, 3, 2], 5, seed=0)
    given = dict(
        indices=np.array([0]),
        places=np.zeros(1, kernels.PRECISION),
        change=np.empty(1),
        noise=np.empty(1),
        patterns=np.empty(1, np.uint64),
    )
    given |= change
    if "outputs" in given:
        given["outputs"] = np.empty((1, 4, 2), kernels.PRECISION)
    with pytest.raises(error, match=message):
        case.probe.at(*given.values())


def test_a_signal_ends_a_sweep_and_finds_the_probe_busy(kernels):
    """What the handler raises comes out; afterwards the probe works as before."""
    case = Case(kernels, "tanh", gd.CrossEntropy(), [8, 64, 64, 5], 64, seed=5)
    indices = np.zeros(100_000, np.int64)
    places = np.full(100_000, case.params[0] + 0.01, kernels.PRECISION)
    before = case.at(indices[:1], places[:1])
    handler = signal.signal(signal.SIGALRM, lambda *_: case.probe.value())
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        with pytest.raises(RuntimeError, match="interrupted a call of the model that it calls"):
            case.at(indices, places)
    finally:
        signal.signal(signal.SIGALRM, handler)
    for one, two in zip(before, case.at(indices[:1], places[:1]), strict=True):
        np.testing.assert_array_equal(one, two)


def test_no_points_is_no_work(kernels):
    case = Case(kernels, "tanh", gd.MeanSquaredError(), [2, 3, 2], 5, seed=0)
    assert [len(part) for part in case.at(np.empty(0, np.int64), case.params[:0])] == [0, 0, 0]
    with pytest.raises(ValueError, match=r"direction has shape \(16,\); expected \(17,\)"):
        case.along(case.params[1:], case.params[:1])
