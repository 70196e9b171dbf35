"""A flat vector that is wrong in a part: which entries, and what was done to them."""

import numpy as np
import pytest

import gdcore as gd
from gdcore.gradcheck.report.runs import MAX_RUNS

N = 66
X = np.random.default_rng(0).normal(size=N)


def loss(x):
    return float(np.sum(np.sin(x) + x**2))


def grad(x):
    return np.cos(x) + 2 * x


def put(*changes):
    """The gradient, changed in slices."""
    wrong = grad(X)
    for place, change in changes:
        wrong[place] = change(wrong[place])
    return wrong


def swap(first, second):
    wrong = grad(X)
    wrong[first], wrong[second] = grad(X)[second], grad(X)[first]
    return wrong


WHERE = "the gradient is wrong in entries"
CAUSES = [
    (put((slice(35, 42), np.zeros_like)), (f"{WHERE} 35 to 41 alone", "x[35:42] is 0, as if never computed")),
    (put((slice(0, 9), np.negative)), (f"{WHERE} 0 to 8 alone", "x[0:9] has the wrong sign")),
    (put((slice(60, N), lambda part: part / 2)), (f"{WHERE} 60 to 65 alone", "x[60:66] is too small by a factor 2")),
    (
        put((slice(3, 9), lambda part: 1.7 * part)),
        (f"{WHERE} 3 to 8 alone", "x[3:9] is 1.7 times the true gradient in every entry"),
    ),
    (put((slice(3, 9), lambda part: np.roll(part, 1))), (f"{WHERE} 3 to 8 alone", "x[3:9] is shifted by one entry")),
    (
        put((slice(3, 9), np.negative), (20, np.negative), (slice(40, 44), np.zeros_like)),
        (
            f"{WHERE} 3 to 8, 20 and 40 to 43 alone",
            "x[3:9], x[20] have the wrong sign",
            "x[40:44] is 0, as if never computed",
        ),
    ),
    (
        put((slice(3, 9), np.negative), (slice(20, 24), lambda part: part**2 + 1)),
        (f"{WHERE} 3 to 8 and 20 to 23 alone", "x[3:9] has the wrong sign"),
    ),
    (
        swap(slice(3, 9), slice(20, 26)),
        (
            f"{WHERE} 3 to 8 and 20 to 25 alone",
            "x[3:9] is the gradient of x[20:26]",
            "x[20:26] is the gradient of x[3:9]",
        ),
    ),
    (swap(3, 20), (f"{WHERE} 3 and 20 alone", "x[3] is the gradient of x[20]", "x[20] is the gradient of x[3]")),
    (swap([5, 6], [6, 5]), (f"{WHERE} 5 to 6 alone", "x[5:7] has its two entries swapped")),
    (put((slice(7, 60, 5), np.negative)), ("the gradient is wrong in 11 of 66 entries, between 7 and 57",)),
    (put((slice(3, 9), lambda part: part + np.arange(1, 7))), (f"{WHERE} 3 to 8 alone",)),
    (put((40, np.negative)), ("the gradient is wrong in one entry alone, x[40]",)),
    (put((slice(0, N), lambda part: part + 1 + X**2)), ()),
]


@pytest.mark.parametrize(("wrong", "causes"), CAUSES, ids=[" ".join(causes[:1]) for _, causes in CAUSES])
def test_runs_are_named_and_explained(wrong, causes):
    report = gd.check_gradient(loss, wrong, X)
    assert report.causes == causes
    for cause in causes:
        assert f"cause: {cause}" in str(report)


@pytest.mark.parametrize("runs", [MAX_RUNS, MAX_RUNS + 1])
def test_many_runs_are_counted(runs):
    places = np.arange(runs) * 9 + 4
    causes = gd.check_gradient(loss, put((places, np.negative)), X).causes
    assert len(causes) == (2 if runs == MAX_RUNS else 1)
    assert (f"is wrong in {runs} of {N} entries, between 4 and {places[-1]}" in causes[0]) == (runs > MAX_RUNS)


def test_entries_whose_gradient_is_0_do_not_end_a_run():
    x = X.copy()
    x[[20, 22, 25, 30]] = 0
    wrong = 3 * x**2
    wrong[18:28] = 0
    report = gd.check_gradient(lambda x: float(np.sum(x**3)), wrong, x)
    assert report.entries["verdict"][[20, 22, 25, 30]].tolist() == ["pass"] * 4
    assert report.causes == (f"{WHERE} 18 to 27 alone", "x[18:28] is 0, as if never computed")
    x[20:60] = 0  # but two entries far from one another are no run
    wrong = 3 * x**2
    wrong[[19, 60]] *= -1
    causes = gd.check_gradient(lambda x: float(np.sum(x**3)), wrong, x).causes
    assert causes == (f"{WHERE} 19 and 60 alone", "x[19], x[60] have the wrong sign")


def test_a_part_of_a_bias_is_a_run_too():
    net = gd.MLP([3, 9, 2], "tanh", dtype="float64", seed=0)
    rows, labels = X.reshape(22, 3), np.arange(22) % 2
    wrong = net.loss_and_grad(rows, labels, "cross_entropy")[1]
    dict(net.parameters(wrong))["dense0.bias"][2:5] *= 22
    assert gd.check_gradients(net, rows, labels, "cross_entropy", grad=wrong).causes == (
        "dense0.bias is wrong in entries 2 to 4 alone",
        "dense0.bias[2:5] is too large by 22, the number of rows: summed, not averaged over the batch",
    )


def test_nothing_is_said_of_neighbours_that_were_not_looked_at():
    for mode in ("sample", "directions"):
        report = gd.check_gradient(loss, put((slice(35, 42), np.zeros_like)), X, mode=mode, samples_per_block=40)
        assert report.verdict == "fail"
        assert not any("alone" in cause for cause in report.causes)
