"""Every loss and its delta against the reference, on every instruction set and in both precisions."""

import numpy as np
import pytest
import reference
from cases import RECORDS, draw_targets
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference.probe import LOSS_KINKS, nearest_kink

import gdcore as gd

each_loss = pytest.mark.parametrize("loss", RECORDS, ids=repr)
POINTWISE = [loss for loss in RECORDS if loss.target != "class"]


def run(kernels, loss, z, y, weight=None):
    """The kernel's mean loss and delta; everything is rounded to its precision first."""
    dtype = kernels.PRECISION
    delta = np.full(z.shape, np.nan, dtype)
    target, labels = (None, y) if y.ndim == 1 else (y.astype(dtype), None)
    weight = None if weight is None else weight.astype(dtype)
    value = kernels.loss_rows(loss.name, loss.option(), z.astype(dtype), target, labels, weight, delta)
    return value, delta


def check(kernels, loss, z, y, weight=None):
    """Against the reference on the same rounded numbers, to a few roundings of the terms.

    Sums come on top, which the kernels take in double whatever the precision. Adding n terms one after the other is off
    by at most n - 1 roundings of their sizes (Higham 2002, section 4.2). That is so of the weights, whose sum divides
    every delta; of a row's outputs; and of the rows' values, in eight parts that eight more additions join.
    """
    dtype = kernels.PRECISION
    eps = float(np.finfo(dtype).eps)
    z, weight = z.astype(dtype).astype(float), None if weight is None else weight.astype(dtype).astype(float)
    y = y if y.ndim == 1 else y.astype(dtype).astype(float)
    value, delta = run(kernels, loss, z, y, weight)
    option = float(np.dtype(dtype).type(loss.option()))
    want_value, want_delta = reference.loss(loss.name, option, z, y, weight)
    share = np.ones(len(z)) / len(z) if weight is None else weight / weight.sum()
    terms = (1 + np.abs(z)) * (1 if y.ndim == 1 else 1 + np.abs(y))  # what a value or a slope is the difference of
    roundings = 8 + (z.shape[1] if loss.target == "class" else 0)  # softmax sums a row in the kernel's precision
    in_double = 2.0**-53 * (0 if weight is None else len(z) - 1)  # of the weights
    size = np.abs(want_value) + share @ terms.max(axis=1)
    sums = in_double + 2.0**-53 * (len(z) / 8 + 8 + z.shape[1])
    assert value == pytest.approx(want_value, rel=0, abs=(roundings * eps + sums) * size)
    size = np.abs(want_delta) + share[:, None] * terms / (1 if loss.target == "class" else z.shape[1])
    bound = roundings * eps * size + in_double * np.abs(want_delta) + float(np.finfo(dtype).tiny)
    assert (np.abs(delta - want_delta) <= bound).all()


@each_loss
@pytest.mark.parametrize("probabilities", [False, True])
@settings(max_examples=12, deadline=None)
@given(st.integers(1, 300), st.integers(1, 70), st.booleans(), st.sampled_from([0.1, 1.0, 8.0]), st.integers(0, 999))
@example(n=299, k=33, weighted=True, width=8.0, seed=48)  # the sum of these weights is off by 7 roundings
def test_value_and_delta_are_the_references(kernels, loss, probabilities, n, k, weighted, width, seed):
    rng = np.random.default_rng(seed)
    z = rng.normal(scale=width, size=(n, k))
    weight = rng.integers(0, 3, n) + 0.5 * rng.random(n) if weighted else None
    check(kernels, loss, z, draw_targets(loss, rng, n, k, probabilities), weight)


@each_loss
def test_long_rows_and_columns_run_in_pieces(kernels, loss, rng):
    for n, k in ((3, 255), (3, 256), (3, 257), (2, 700), (255, 1), (256, 1), (257, 1), (1000, 1)):
        check(kernels, loss, rng.normal(size=(n, k)), draw_targets(loss, rng, n, k), rng.random(n))


@each_loss
@pytest.mark.parametrize("size", [1e2, 1e3, 1e4])
def test_extreme_logits_are_finite_and_right(kernels, loss, size, rng):
    """In float32 too; exp overflows in poisson from 89 on whatever one does, so there they are negative."""
    z = size * rng.choice([-1.0, 1.0], (40, 5))
    if loss.name == "poisson":
        z = -np.abs(z)
    y = draw_targets(loss, rng, 40, 5)
    value, delta = run(kernels, loss, z, y)
    assert np.isfinite(value)
    assert np.isfinite(delta).all()
    check(kernels, loss, z, y)


def test_poisson_overflows_to_infinity_and_nowhere_else(kernels):
    z = np.array([[1e4], [-1e4]])
    value, delta = run(kernels, gd.Poisson(), z, np.ones((2, 1)))
    assert value == np.inf
    np.testing.assert_array_equal(delta.ravel(), [np.inf, -0.5])


@each_loss
def test_nan_in_the_outputs_makes_the_value_nan(kernels, loss, rng):
    for k in (1, 2, 5, 20):
        for column in {0, k // 2, k - 1}:
            z = rng.normal(size=(9, k))
            z[4, column] = np.nan
            if k == 1 and loss.target == "class":
                continue
            value, delta = run(kernels, loss, z, draw_targets(loss, rng, 9, k))
            assert np.isnan(value)
            assert np.isfinite(np.delete(delta, 4, axis=0)).all()


@each_loss
def test_weights_of_one_and_none_are_the_same(kernels, loss, rng):
    z, y = rng.normal(size=(37, 6)), draw_targets(loss, rng, 37, 6)
    plain, ones = run(kernels, loss, z, y), run(kernels, loss, z, y, np.ones(37))
    assert plain[0] == pytest.approx(ones[0], rel=1e-15)
    np.testing.assert_array_equal(plain[1], ones[1])


@each_loss
@pytest.mark.parametrize("scale", [2.0**-100, 0.125, 2.0**100, 2.0**127])
@pytest.mark.parametrize("k", [1, 3])
def test_the_weights_common_scale_does_not_matter(kernels, eps, loss, scale, k, rng):
    z, y, weight = rng.normal(size=(37, k)), draw_targets(loss, rng, 37, k), rng.random(37)
    want, got = run(kernels, loss, z, y, weight), run(kernels, loss, z, y, weight * scale)
    assert got[0] == pytest.approx(want[0], rel=8 * eps)
    np.testing.assert_allclose(got[1], want[1], rtol=8 * eps)


@each_loss
def test_a_row_of_weight_zero_is_not_there(kernels, loss, rng):
    z, y, weight = rng.normal(size=(20, 4)), draw_targets(loss, rng, 20, 4), rng.random(20)
    weight[3] = 0
    value, delta = run(kernels, loss, z, y, weight)
    z[3] *= 5
    again = run(kernels, loss, z, y, weight)
    assert value == again[0]
    assert (delta[3] == 0).all()
    np.testing.assert_array_equal(delta, again[1])


def test_labels_are_probabilities_of_one(kernels, eps, rng):
    z, labels = rng.normal(size=(30, 7)), rng.integers(0, 7, 30)
    for loss in (gd.CrossEntropy(), gd.CrossEntropy(label_smoothing=0.3)):
        value, delta = run(kernels, loss, z, labels)
        same, same_delta = run(kernels, loss, z, np.eye(7)[labels])
        assert value == same
        np.testing.assert_array_equal(delta, same_delta)
        np.testing.assert_allclose(delta.sum(axis=1), 0, atol=8 * eps / 30)


@pytest.mark.parametrize("loss", [gd.CrossEntropy(), gd.CrossEntropy(label_smoothing=0.3)], ids=repr)
def test_probabilities_need_not_sum_to_one_exactly(kernels, loss, rng):
    check(kernels, loss, rng.normal(size=(30, 7)), 1.001 * rng.dirichlet(np.ones(7), 30), rng.random(30))


def test_log_cosh_keeps_its_digits_near_zero(kernels, dtype, eps):
    """d^2 / 2 - d^4 / 12 of small d: a difference of logarithms would lose all of it."""
    d = np.array([[1e-1], [1e-2], [1e-3], [1e-4]]).astype(dtype).astype(float)
    for row in d:
        value, _ = run(kernels, gd.LogCosh(), row[None], np.zeros((1, 1)))
        want = reference.log_cosh(row, 0.0, 0.0)[0][0]
        assert value == pytest.approx(want, rel=8 * eps)


@pytest.mark.parametrize("loss", POINTWISE, ids=repr)
def test_the_references_slope_is_its_derivative(loss, rng):
    z, y, h = rng.normal(scale=2, size=(50, 3)), draw_targets(loss, rng, 50, 3), 1e-5
    f = reference.POINTWISE[loss.name]
    kink = nearest_kink(loss, z, y) if loss.kink else np.ones_like(z)
    difference = (f(z + h, y, loss.option())[0] - f(z - h, y, loss.option())[0]) / (2 * h)
    away = np.abs(kink) > 2 * h
    np.testing.assert_allclose(f(z, y, loss.option())[1][away], difference[away], atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("probabilities", [False, True])
def test_the_reference_of_cross_entropy_is_its_derivative_too(smoothing, probabilities, rng):
    z, y, h = rng.normal(size=(6, 4)), draw_targets(gd.CrossEntropy(), rng, 6, 4, probabilities), 1e-5
    _, delta = reference.loss("cross_entropy", smoothing, z, y)
    for i in np.ndindex(z.shape):
        move = np.zeros_like(z)
        move[i] = h
        ends = [reference.loss("cross_entropy", smoothing, z + sign * move, y)[0] for sign in (1, -1)]
        assert delta[i] == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=1e-9)


def test_the_three_tables_agree(kernels):
    names = {loss.name for loss in gd.LOSSES}
    assert names == set(kernels.LOSS_NAMES) == {*reference.POINTWISE, "cross_entropy"}


@each_loss
def test_what_jumps_is_what_the_reference_says(kernels, loss, rng):
    """Slopes just beside each kink: they differ if it is one of order 1; else slopes of slopes do."""
    if loss.target == "class":
        assert loss.whole_rows
        assert loss.kink == ""
        assert loss.kinks(rng.normal(size=(2, 3)), np.eye(3)[:2], order=2) is None
        return
    assert not loss.whole_rows
    z, y = rng.normal(scale=2, size=(50, 3)), draw_targets(loss, rng, 50, 3)
    jumps = loss.kinks(z, y, order=2)
    if jumps is None:
        assert loss.name not in LOSS_KINKS
        assert not kernels.loss_all_kinks(loss.name, loss.option(), *(a.astype(kernels.PRECISION) for a in (z, y))).size
        return
    np.testing.assert_array_equal(jumps, nearest_kink(loss, z, y))
    steps = np.arange(-200, 200)[:, None, None]  # the lowest kink lies between two of these points
    points = y + 0.03 * steps + 0.013
    signs = np.stack([np.sign(loss.kinks(point, y, order=2)) for point in points])
    first = (signs != signs[0]).argmax(axis=0)[None]
    assert (first > 0).all()
    low, at = (np.take_along_axis(points, place, 0)[0] for place in (first - 1, first))
    before = signs[0]
    for _ in range(80):
        middle = (low + at) / 2
        above = np.sign(loss.kinks(middle, y, order=2)) != before
        low, at = np.where(above, low, middle), np.where(above, middle, at)

    def slope(z):
        return reference.POINTWISE[loss.name](z, y, loss.option())[1]

    h = 2.0**-20
    jump = np.abs(slope(at + h) - slope(at - h))
    curvature = np.abs(slope(at + 2 * h) - 2 * slope(at) + slope(at - 2 * h)) / (2 * h)
    assert (np.abs(loss.kinks(at, y, order=2)) <= 1e-14).all()
    assert (jump > 0.1).all() == (loss.kink != "")
    if loss.kink == "":
        assert (jump < 1e-4).all()
        assert (curvature > 0.1).all()
        assert loss.kinks(z, y) is None
    else:
        assert loss.kink != "residual" or (loss.kinks(z, y) == z - y).all()
        assert loss.kink != "margin" or (loss.kinks(z, y) == 1 - y * z).all()
        assert loss.kink != "score" or (loss.kinks(z, y) == y * z).all()
        assert loss.kink != "bent" or (loss.kinks(z, y) == np.abs(z - y) - loss.option()).all()


def test_facts_are_of_losses_in_the_registry():
    with pytest.raises(AttributeError, match="target is known of a loss in the registry, not of Loss"):
        print(gd.losses.Loss.target)
    assert [loss.target for loss in gd.LOSSES] == [kind().target for kind in gd.LOSSES]


def test_kinks_of_targets_of_another_shape_are_refused(kernels):
    z = np.zeros((2, 3), kernels.PRECISION)
    with pytest.raises(ValueError, match=r"target must have z's shape \(2, 3\)"):
        kernels.loss_all_kinks("huber", 1.0, z, z[:, :2].copy())


@each_loss
def test_names_and_aliases_stand_for_the_record(loss):
    kind = type(loss)
    for name in (kind.name, *kind.aliases, kind.name.upper()):
        assert gd.losses.get_loss(name) == kind()
    assert gd.losses.get_loss(loss) is loss


@each_loss
def test_repr_reads_like_the_call(loss):
    assert eval(repr(loss), vars(gd)) == loss
