"""Which entries each mode looks at, what directions find and with which probability, inputs, and second derivatives."""

import numpy as np
import pytest

import gdcore as gd
from gdcore.gradcheck.modes import FULL_WORK, settle
from gdcore.gradcheck.slopes.directions import draw, within
from gdcore.losses import get_loss
from gdcore.objective.objective import Objective

RNG = np.random.default_rng(0)
NET = gd.MLP([6, 20, 20, 3], "relu", dtype="float64", seed=0)
NET.params += 0.1 * RNG.normal(size=NET.n_params)
X, Y = RNG.normal(size=(12, 6)), RNG.normal(size=(12, 3))
NAMES = [f"{name}{list(index)}" for name, view in NET.parameters() for index in np.ndindex(view.shape)]


def right():
    return NET.loss_and_grad(X, Y, "mse")[1]


def check(grad=None, **options):
    return gd.check_gradients(NET, X, Y, "mse", grad=grad, **options)


def test_full_looks_at_every_entry():
    report = check(mode="full")
    np.testing.assert_array_equal(report.entries["index"], np.arange(NET.n_params))
    assert report.missed() == 0


@pytest.mark.parametrize("k", [1, 7, 40])
def test_sample_takes_some_of_every_block(k):
    report = check(mode="sample", samples_per_block=k)
    counts = np.bincount(report.entries["block"])
    assert counts.tolist() == [min(k, view.size) for _, view in NET.parameters()]
    assert len(np.unique(report.entries["index"])) == len(report.entries)
    for block in report.blocks:  # the largest is among them
        assert block.start + np.abs(right()[block.place]).argmax() in report.entries["index"]
    assert np.isnan(report.missed())
    assert "mode sample, as asked" in str(report)
    other = check(mode="sample", samples_per_block=k, seed=1)
    assert k == 1 or other.entries["index"].tolist() != report.entries["index"].tolist()


def test_auto_chooses_by_size_and_says_so():
    assert check().mode == "full"
    assert settle("auto", 1000, FULL_WORK / 4000) == ("full", "auto: every parameter can be looked at")
    plan = settle("auto", 1001, FULL_WORK / 4000)
    assert plan == ("directions", "auto: 1,001 parameters are too many to look at each")


@pytest.mark.parametrize("name", [NAMES[0], NAMES[100], NAMES[300], *NAMES[-2:]])
@pytest.mark.parametrize("factor", [0.0, 1.01, -1.0])
def test_directions_lead_to_the_faulty_entry(name, factor):
    grad = right()
    index = NAMES.index(name)
    grad[index] = grad[index] * factor + (1e-3 if grad[index] == 0 else 0)
    report = check(grad, mode="directions")
    assert report.verdict == "fail"
    failing = report.entries[report.entries["verdict"] == "fail"]
    assert failing["index"].tolist() == [index]
    rounds = np.ceil(np.log2(400)) + 2
    assert report.evaluations < 4 * 4 * len(report.blocks) * 2 + 4 * (4 * 4 * 2 * rounds + 64)


def test_directions_find_what_is_everywhere():
    report = check(1.001 * right(), mode="directions")
    assert report.verdict == "fail"
    assert (report.directions["verdict"] == "fail").all()
    assert check(mode="directions").ok


def test_few_evaluations_for_many_parameters():
    x = np.linspace(-1, 1, 20_000)
    calls = []
    report = gd.check_gradient(lambda x: calls.append(1) or float(np.sin(x).sum()), np.cos, x, mode="directions")
    assert report.ok
    assert len(calls) < 150


@pytest.mark.parametrize("n", [1, 2, 3, 10, 100])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.9, 2.0])
def test_the_probability_of_a_small_projection_is_bounded(n, share):
    rng = np.random.default_rng(n)
    projections = np.array([draw(rng, n, np.arange(n))[0] for _ in range(4000)])
    seen = (np.abs(projections) <= share).mean()
    assert seen <= within(n, share) + 0.03
    if share <= 0.2 / np.sqrt(n) or n <= 2:  # there it is no mere bound
        assert within(n, share) <= seen + 0.03


def test_what_is_missed_is_stated():
    report = check(mode="directions", directions=2)
    more = check(mode="directions", directions=4)
    assert 0 < more.missed(0.01) < report.missed(0.01) < 1e-4
    assert report.missed(1e-12) > 0.1
    assert f"missed with probability <= {report.missed(0.01):.1g}" in str(report)
    with pytest.raises(ValueError, match="share must be > 0, got 0"):
        report.missed(0)


def test_inputs_are_checked_too():
    report = gd.check_gradients(NET, X, Y, "mse", wrt="inputs", l2=3.0)
    assert report.ok
    assert [block.shape for block in report.blocks] == [X.shape]
    numeric = np.empty_like(X)
    for i in np.ndindex(X.shape):
        move = np.zeros_like(X)
        move[i] = 1e-6
        numeric[i] = (NET.loss(X + move, Y, "mse") - NET.loss(X - move, Y, "mse")) / 2e-6
    np.testing.assert_allclose(report.entries["analytic"].reshape(X.shape), numeric, atol=1e-8)
    wrong = report.entries["analytic"].reshape(X.shape).copy()
    wrong[4, 2] *= 1.01
    failed = gd.check_gradients(NET, X, Y, "mse", wrt="inputs", grad=wrong)
    assert failed.name(failed.worst) == "X[4, 2]"
    assert failed.verdict == "fail"


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "mae"])
def test_products_with_the_hessian_are_checked(activation, loss):
    net = gd.MLP([6, 8, 8, 3], activation, dtype="float64", seed=0)
    y = np.arange(12) % 3 if loss == "cross_entropy" else Y
    kept = net.params.copy()

    def product(v, h=1e-5, factor=1.0):
        grads = []
        for sign in (1, -1):
            net.params = kept + sign * h * v
            grads.append(net.loss_and_grad(X, y, loss, l2=0.1)[1])
        net.params = kept
        return factor * (grads[0] - grads[1]) / (2 * h)

    report = gd.check_gradients(net, X, y, loss, l2=0.1, order=2, grad=product)
    assert report.ok
    assert "order 2" in str(report)
    assert len(report.entries) == net.n_params
    assert report.evaluations <= 7 * net.n_params
    assert gd.check_gradients(net, X, y, loss, order=2, grad=product).verdict == "fail"  # without the penalty
    wrong = gd.check_gradients(net, X, y, loss, l2=0.1, order=2, grad=lambda v: product(v, factor=1.001))
    assert (wrong.entries["verdict"] == "fail").mean() > 0.9
    np.testing.assert_array_equal(net.params, kept)


@pytest.mark.parametrize("loss", [loss.name for loss in gd.LOSSES])
def test_the_models_own_products_are_checked(loss, monkeypatch):
    net = gd.MLP([6, 8, 3], "silu", dtype="float64", seed=0)
    y = (
        np.arange(12) % 3
        if loss == "cross_entropy"
        else np.sign(Y)
        if get_loss(loss).target == "sign"
        else np.abs(np.tanh(Y))
    )
    assert gd.check_gradients(net, X, y, loss, l2=0.1, order=2).ok
    right = Objective.hessian_vector
    monkeypatch.setattr(Objective, "hessian_vector", lambda self, v: 1.001 * right(self, v))
    assert not gd.check_gradients(net, X, y, loss, l2=0.1, order=2).ok


def test_more_rows_than_inputs_can_be_checked_of():
    with pytest.raises(ValueError, match="wrt='inputs' takes at most 8192 rows, got 8193: check some of them"):
        gd.check_gradients(gd.LinearModel(1), np.zeros((8193, 1)), np.zeros(8193), "mse", wrt="inputs")


def test_products_where_the_loss_overflows():
    net = gd.LinearModel(1, dtype="float64")
    with pytest.raises(ValueError, match="the loss is inf; expected a finite number"):
        gd.check_gradients(net, [[1e6 / net.params[0]]], [[1.0]], "poisson", order=2)


def test_a_gradient_whose_roundoff_overflows_is_inconclusive():
    net = gd.MLP([4, 6, 3], "relu", dtype="float64", seed=0)
    assert gd.check_gradients(net, 1e300 * RNG.normal(size=(9, 4)), np.arange(9) % 3, "cross_entropy").verdict != "pass"


def test_what_float32_cannot_hold_is_not_called_wrong():
    """exp(100) is beyond float32, and so is the gradient: nobody's mistake."""
    net = gd.LinearModel(1, bias=False, weight_init="ones")
    report = gd.check_gradients(net, [[100.0]], [[1.0]], "poisson")
    part = next(part for part in report.parts if part.name == "float32 gradient")
    assert part.verdict == "inconclusive"


@pytest.mark.parametrize(
    ("factor", "cause"),
    [
        (2, "is too large by a factor 2"),
        (0.5, "is too small by a factor 2"),
        (-1, "has the wrong sign"),
        (12, "is too large by 12, the number of rows: summed, not averaged over the batch"),
        (1.5, "is 1.5 times the true gradient in every entry"),
    ],
)
def test_factors_of_a_product_are_named(factor, cause):
    net = gd.MLP([6, 5, 3], "tanh", dtype="float64", seed=0)
    report = gd.check_gradients(net, X, Y, "mse", order=2, grad=lambda v: factor * net.hessian_vector(X, Y, "mse", v))
    assert report.causes == (f"every block {cause}",)


FACTORS = [
    (1, ()),
    (2, ("every block is too large by a factor 2",)),
    (-1, ("every block has the wrong sign",)),
    (12, ("every block is too large by 12, the number of rows: summed, not averaged over the batch",)),
]


@pytest.mark.parametrize(("factor", "causes"), FACTORS)
@pytest.mark.parametrize("options", [{}, {"sample_weight": RNG.random(12)}], ids=["plain", "weighted"])
def test_a_float64_claim_is_checked_at_the_data_as_given(factor, causes, options):
    """A float32 model rounds X, y and weights: whoever differentiates in float64 sees them unrounded."""
    net = gd.MLP([6, 5, 3], "tanh", seed=0)
    grad = factor * net.astype("float64").loss_and_grad(X, Y, "mse", **options)[1]
    report = gd.check_gradients(net, X, Y, "mse", grad=grad, **options)
    assert (report.ok, report.causes) == (not causes, causes)
    for index in (0, len(grad) - 1):
        wrong = grad.copy()
        wrong[index] *= 1.01
        [*_, cause] = gd.check_gradients(net, X, Y, "mse", grad=wrong / factor, **options).causes
        assert "is wrong in one entry alone" in cause


def test_a_float64_product_and_inputs_are_checked_at_the_data_as_given():
    net = gd.MLP([6, 5, 3], "tanh", seed=0)
    net64 = net.astype("float64")
    assert gd.check_gradients(net, X, Y, "mse", order=2, grad=lambda v: net64.hessian_vector(X, Y, "mse", v)).ok
    own = gd.check_gradients(net64, X, Y, "mse", wrt="inputs").entries["analytic"].reshape(X.shape)
    assert gd.check_gradients(net, X, Y, "mse", wrt="inputs", grad=own).ok
    report = gd.check_gradients(net, X, Y, "mse", wrt="inputs", grad=2 * own)
    assert report.causes == ("the gradient is too large by a factor 2",)


def test_a_float32_gradient_in_a_float64_array_is_told():
    single = NET.astype("float32").loss_and_grad(X, Y, "mse")[1]
    for grad, told in (
        (single.astype(np.float64), True),
        (2 * right(), False),
        (0 * right(), False),
        (np.full(NET.n_params, np.inf), False),
    ):
        report = check(grad)
        assert report.verdict == "fail"
        assert ("every number of grad is one of float32" in str(report)) is told


def test_a_float32_claim_is_checked_at_rounded_data():
    net = gd.MLP([6, 5, 3], "tanh", seed=0)
    report = gd.check_gradients(net, X, Y, "mse", grad=net.loss_and_grad(X, Y, "mse")[1])
    assert report.ok


def test_a_loss_in_python_has_no_products_of_its_own():
    def loss(z, y):
        return float(np.mean((z - y) ** 2)), 2 * (z - y) / z.size

    with pytest.raises(TypeError, match="loss must be a Loss, such as 'mean_squared_error', or grad be given, got"):
        gd.check_gradients(NET, X, Y, loss, order=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "all"}, "mode must be 'auto' or 'full' or 'sample' or 'directions', got 'all'"),
        ({"wrt": "x"}, "wrt must be 'params' or 'inputs', got 'x'"),
        ({"grad": np.zeros(3)}, rf"grad has shape \(3,\); expected \({NET.n_params},\)"),
        ({"grad": np.zeros(NET.n_params), "wrt": "inputs"}, r"expected \(12, 6\)"),
        ({"samples_per_block": 0}, "samples_per_block must be >= 1"),
        ({"threads": 0}, "threads must be >= 1, got 0"),
        ({"order": 3}, "order must be <= 2, got 3"),
        ({"order": 2, "grad": np.zeros(NET.n_params)}, "order=2 takes for grad a callable v -> Hessian times v, got"),
        ({"order": 2, "wrt": "inputs"}, "order=2 is of the parameters, got wrt='inputs'"),
        ({"order": 2, "grad": lambda v: v[:3]}, r"grad\(v\) has shape \(3,\); expected"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        check(**options)
