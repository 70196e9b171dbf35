"""The pre-flight: what passes, and what each check finds."""

import numpy as np
import pytest

import gdcore as gd
from gdcore.datasets import friedman, load_digits

X, Y = friedman(200)
Z = (Y - Y.mean()) / Y.std()
NAMES = ["loss at the start", "inputs", "one batch", "gradient", "scales", "rows apart", "columns"]


def failed(model, X, y, loss="mse"):
    before = model.params.copy()
    found = gd.preflight(model, X, y, loss)
    assert (model.params == before).all()
    assert [check.name for check in found.checks] == NAMES
    assert all(bool(check.remedy) != check.ok for check in found.checks)
    assert found.ok == all(check.ok for check in found.checks)
    return {check.name for check in found.checks if not check.ok}


def net(seed=0, **options):
    return gd.MLP([10, 32, 1], seed=seed, **options)


def test_a_sound_beginning_is_clear():
    assert failed(net(), X, Z) == set()
    digits = load_digits()
    assert failed(gd.MLP([64, 32, 10], dropout=0.2, seed=0), digits.X, digits.y, "cross_entropy") == set()


def test_a_linear_model_need_not_learn_more_rows_than_it_has_parameters():
    assert failed(gd.LinearModel(10, seed=0), X, Z) == set()


def test_numbers_that_can_be_known():
    found = gd.preflight(net(), X, Z, "mse").to_dict()
    assert found["loss at the start"]["summary"].endswith("the best constant answer has 1")
    digits = load_digits()
    found = gd.preflight(gd.MLP([64, 10], seed=0), digits.X, digits.y, "cross_entropy").to_dict()
    assert "the best constant answer has 2.30" in found["loss at the start"]["summary"]  # log 10 = 2.3026


def test_targets_far_from_0():
    assert failed(net(), X, 1000 + Y) >= {"loss at the start", "one batch", "scales"}


def test_shuffled_targets():
    rng = np.random.default_rng(0)
    assert failed(net(), X, rng.permutation(Z)) == {"inputs"}


def test_inputs_that_are_off_scale():
    assert "scales" in failed(net(), X * 1e4, Z)


def test_a_network_that_cannot_learn_a_batch():
    assert "one batch" in failed(
        gd.Sequential(gd.Dense(10, 1, weight_init="zeros", bias=False), seed=0), X * 0 + 1e-6, Z
    )


def test_a_gradient_that_is_wrong():
    def wrong(outputs, y):
        difference = outputs - y
        return float((difference**2).mean()), 3 * difference / difference.size

    assert "gradient" in failed(net(), X, Z, wrong)


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (0.92 * Y + 5, True),
        (-np.round(Y, 2), True),
        (np.exp(Y), True),
        (Y + np.random.default_rng(1).normal(size=Y.shape), False),
        (np.ones(len(Y)), False),
    ],
)
def test_a_column_that_is_the_target_in_other_units(column, told):
    leaking = np.column_stack([X[:, :4], column])
    scaled = gd.Sequential(gd.Standardize.from_data(leaking), gd.Dense(5, 1), seed=0)
    names = ["a", "b", "c", "d", "euros"]
    found = gd.preflight(scaled, leaking, Z, "mse", feature_names=names).to_dict()["columns"]
    assert found["ok"] != told
    if told:
        assert found["summary"].startswith("euros (correlation 1.0000) tells the target on its own")
        assert "leave the column out" in found["remedy"]
    else:
        assert found["summary"] == "none of 5 tells the target on its own"


@pytest.mark.parametrize("k", [2, 3])
def test_a_column_that_is_the_class(k):
    labels = np.random.default_rng(0).permutation(np.arange(300) % k)
    noise = np.random.default_rng(1).normal(size=(300, 3))
    almost = labels.copy()
    almost[:9] = 1 - almost[:9]
    for column, told in (
        (labels * 7.0, True),
        ((labels == 1) * 1.0, True),
        (np.array([5.0, 1.0, 3.0])[labels], True),
        (almost, False),
    ):
        numbers = np.column_stack([noise, column])
        found = gd.preflight(gd.MLP([4, 16, k], seed=0), numbers, labels, "cross_entropy").to_dict()["columns"]
        assert found["ok"] != told
        assert ("column 3 (correlation 1.0000) tells" in found["summary"]) == told


def test_rows_that_do_not_fit():
    with pytest.raises(ValueError, match=r"y has shape \(199, 1\), but X has 200 rows"):
        gd.preflight(net(), X, Z[1:], "mse")
    with pytest.raises(TypeError, match="model must be"):
        gd.preflight("net", X, Z, "mse")


def test_print():
    printed = str(gd.preflight(net(), X, 1000 + Y, "mse"))
    assert printed.startswith("pre-flight: ")
    assert "LOOK scales: y has a mean of" in printed
    assert max(map(len, printed.splitlines())) <= 88


def test_sparse_inputs_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match="sparse"):
        gd.preflight(net(), sparse.csr_array(X), Z, "mse")
