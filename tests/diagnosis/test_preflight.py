"""The pre-flight: what passes, and what each check finds."""

import numpy as np
import pytest

import gdcore as gd
from gdcore.datasets import friedman, load_digits
from gdcore.diagnosis import telling

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
        assert found["remedy"].startswith("if it is not known before the target: leave the column out")
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
        ((labels == 1) * 1.0, k == 2),  # of three classes it tells one
        (np.array([5.0, 1.0, 3.0])[labels], True),
        (almost, False),
    ):
        numbers = np.column_stack([noise, column])
        found = gd.preflight(gd.MLP([4, 16, k], seed=0), numbers, labels, "cross_entropy").to_dict()["columns"]
        assert found["ok"] != told
        assert ("column 3 (correlation 1.0000) tells" in found["summary"]) == told


def columns_of(X, y, k=1, loss="mse"):
    return gd.preflight(gd.MLP([X.shape[1], 8, k], seed=0), X, y, loss).to_dict()["columns"]


NONE = "none of 4 tells the target on its own"


@pytest.mark.parametrize("few", [1, 20])
def test_rows_far_from_the_others_are_no_column_that_tells(few):
    rng = np.random.default_rng(0)
    numbers, y = rng.normal(size=(2000, 4)), rng.normal(size=2000)
    numbers[:few, 0] = y[:few] = -9999
    assert columns_of(numbers, y)["summary"] == NONE


@pytest.mark.parametrize("few", [1, 4, 5])
def test_a_rare_class_is_told_by_a_rare_value_only_where_it_has_some_rows(few):
    numbers = np.random.default_rng(0).normal(size=(500, 4))
    labels = (np.arange(500) < few).astype(int)
    numbers[:, 2] = labels
    said = columns_of(numbers, labels, 2, "cross_entropy")["summary"]
    if few < 5:
        assert said == "not looked at: too few rows have another target than the most frequent one"
    else:
        assert said == "column 2 (correlation 1.0000) tells the target on its own"


def test_a_rare_class_beside_others_is_left_out():
    numbers = np.random.default_rng(0).normal(size=(500, 4))
    labels = np.arange(500) % 3
    numbers[:, 2] = np.array([5.0, 1.0, 3.0])[labels]
    labels[7] = 3
    assert columns_of(numbers, labels, 4, "cross_entropy")["summary"].startswith("column 2 (correlation 1.0000) tells")


def test_several_columns_that_tell():
    found = columns_of(np.column_stack([X[:, :2], Y + 1, 2 * Y]), Z)
    assert found["summary"].startswith("column 2 (correlation 1.0000), column 3 (correlation 1.0000) tell the target")
    assert found["remedy"].startswith("if they are not known before the target: leave the columns out")


def length(outputs, y):
    difference = outputs[:, 0] - np.array([len(str(one)) for one in y.ravel()])
    return float((difference**2).mean()), (2 * difference / len(difference))[:, None]


@pytest.mark.parametrize(
    ("numbers", "y", "k", "loss", "said"),
    [
        (X[:, :4], np.array(list(Y), dtype=object), 1, "mse", NONE),
        (X[:, :4], np.array([0, 1] * 100, dtype=object), 2, "cross_entropy", NONE),
        (X[:, :4], np.array([0, 1] * 100, dtype=object), 1, length, NONE),
        (X[:, :4], np.array(["a", "bb"] * 100), 1, length, "not looked at: the targets are not numbers"),
        (X[:, :4], np.column_stack([Y, Y]), 2, "mse", "not looked at: each row has several targets"),
        (X[:, :1], Z, 1, "mse", "not looked at: there is one column alone"),
        (X[:19, :4], Z[:19], 1, "mse", "not looked at: there are fewer than 20 rows"),
        (X[:, :4], 0 * Z, 1, "mse", "not looked at: too few rows have another target than the most frequent one"),
    ],
)
def test_what_columns_are_compared_with(numbers, y, k, loss, said):
    found = columns_of(numbers, y, k, loss)
    assert (found["ok"], found["summary"]) == (True, said)


def test_columns_that_are_compared_with_nothing():
    for numbers, y, said in (
        (X, np.array([None, "bb"] * 100), "the targets are not numbers"),
        (X, Y * 1j, "the targets are not numbers"),
        (X, Y * np.nan, "not all numbers are finite"),
        (X * np.inf, Y, "not all numbers are finite"),
    ):
        assert telling.not_looked_at(numbers, y) == said
        assert telling.telling_columns(numbers, y) == []


def test_ranks_of_a_few_rows_choose_the_columns_of_which_all_rows_are_ranked(monkeypatch):
    rng = np.random.default_rng(0)
    numbers, y = rng.normal(size=(1000, 600)), rng.normal(size=1000)
    numbers[:, 3], numbers[:, 555] = np.exp(3 * y), -y
    ranked = []
    monkeypatch.setattr(telling, "_ranks", lambda values, of=telling._ranks: ranked.append(values.size) or of(values))
    assert [j for j, _ in telling.telling_columns(numbers, y)] == [3, 555]
    assert sum(ranked) < numbers.size / 5


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
