"""What a report says: verdict, worst entry, blocks, parts, tested causes; and in which forms."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

import gdcore as gd
from gdcore.layers.stack import Stack
from gdcore.objective.objective import Objective

RNG = np.random.default_rng(0)
NET = gd.MLP([3, 5, 5, 2], "tanh", dtype="float64", seed=0)
NET.params += 0.1 * RNG.normal(size=NET.n_params)
X, LABELS, WEIGHT = RNG.normal(size=(7, 3)), np.array([0, 1, 1, 0, 1, 0, 0]), RNG.random(7)
OPTIONS = {"sample_weight": WEIGHT, "l1": 0.01, "l2": 0.1}
NAMES = [f"{name}{list(index)}" for name, view in NET.parameters() for index in np.ndindex(view.shape)]
WEIGHTS = np.array(["weight" in name for name in NAMES])


def right(labels=LABELS, **options):
    return NET.loss_and_grad(X, labels, "cross_entropy", **{**OPTIONS, **options})[1]


def check(grad=None, **options):
    return gd.check_gradients(NET, X, LABELS, "cross_entropy", grad=grad, **OPTIONS, **options)


def changed(block, change):
    grad = right()
    view = dict(NET.parameters(grad))[block]
    view[...] = change(view)
    return grad


def one(name, factor):
    grad = right()
    grad[NAMES.index(name)] *= factor
    return grad


def test_a_pass_says_so():
    report = check()
    assert (report.ok, report.verdict, report.mode, report.causes) == (True, "pass", "full", ())
    first, second = str(report).splitlines()[:2]
    assert first == f"gradient check: pass ({NET.n_params} entries, all within their bounds)"
    assert second.startswith("worst entry: ")
    assert [report.name(i) for i in range(NET.n_params)] == NAMES
    assert report.to_dict()["failed"] == 0
    report.raise_if_failed()
    for name, _ in NET.parameters():
        assert name in str(report)


def test_entries_are_what_was_found():
    entries = check().entries
    np.testing.assert_array_equal(entries["index"], np.arange(NET.n_params))
    np.testing.assert_array_equal(entries["analytic"], right())
    np.testing.assert_array_equal(entries["bound"], entries["truncation"] + entries["roundoff"])
    assert (np.abs(entries["analytic"] - entries["numeric"]) <= entries["bound"]).all()
    assert (entries["analytic"] != entries["numeric"]).any()
    assert (entries["bound"] <= 1e-6 * np.abs(entries["analytic"]).max()).all()
    assert (entries["step"] > 0).all()


@pytest.mark.parametrize(
    ("word", "block", "count", "verdict"),
    [
        ("inconclusive", 0, 5, "pass"),
        ("inconclusive", 0, 6, "inconclusive"),
        ("inconclusive", 1, 2, "pass"),
        ("inconclusive", 1, 3, "inconclusive"),
        ("fail", 0, 1, "fail"),
        ("fail", 1, 4, "fail"),
    ],
)
def test_the_verdict_follows_from_the_entries(word, block, count, verdict):
    """1 % of inconclusive entries are few, of 500 and 4, unless they are more than half of a block."""
    x = np.linspace(1, 2, 504)
    report = gd.check_gradient(lambda x: float(x @ x), lambda x: 2 * x, x)
    entries = report.entries.copy()
    entries["block"][500:] = 1
    entries["verdict"][500 * block : 500 * block + count] = word
    report = replace(report, entries=entries)
    assert (report.verdict, report.ok) == (verdict, verdict == "pass")


@pytest.mark.parametrize("name", [NAMES[0], NAMES[17], NAMES[-1]])
def test_a_fail_names_the_worst_entry(name):
    report = check(one(name, 1.001))
    assert (report.ok, report.verdict) == (False, "fail")
    assert report.name(report.worst) == name
    analytic = right()[NAMES.index(name)] * 1.001
    assert f"1 beyond their bounds)\nworst entry: {name}: analytic {analytic:.10g}, numeric " in str(report)
    assert report.causes == (f"{name.partition('[')[0]} is wrong in one entry alone, {name}",)
    facts = report.to_dict()
    assert (facts["verdict"], facts["failed"], facts["worst"]) == ("fail", 1, name)
    with pytest.raises(gd.GradientError, match="gradient check: fail"):
        report.raise_if_failed()


EVERY = "every block"
CAUSES = [
    (lambda: 2 * right(), f"{EVERY} is too large by a factor 2"),
    (lambda: right() / 2, f"{EVERY} is too small by a factor 2"),
    (lambda: -right(), f"{EVERY} has the wrong sign"),
    (lambda: 7 * right(), f"{EVERY} is too large by 7, the number of rows: summed, not averaged over the batch"),
    (lambda: right() / 7, f"{EVERY} is too small by 7, the number of rows: divided by the batch size twice"),
    (lambda: right() / 14, f"{EVERY} is too small by 14, rows times outputs: divided by them twice"),
    (lambda: 1.001 * right(), f"{EVERY} is 1.001 times the true gradient in every entry"),
    (lambda: (1 - 3e-5) * right(), f"{EVERY} is 0.99997 times the true gradient in every entry"),
    (lambda: changed("dense1.bias", lambda part: 0 * part), "dense1.bias is 0, as if never computed"),
    (lambda: changed("dense1.bias", lambda part: np.nan * part), "dense1.bias has entries that are not finite"),
    (lambda: changed("dense1.weight", lambda part: part.T.copy()), "dense1.weight is transposed"),
    (
        lambda: changed("dense0.weight", lambda part: part.ravel().reshape(5, 3).T.copy()),
        "dense0.weight is transposed: the entries are in the other order",
    ),
    (
        lambda: changed("dense2.weight", lambda part: np.roll(part.ravel(), 1).reshape(5, 2)),
        "dense2.weight is shifted by one entry",
    ),
    (
        lambda: changed("dense0.bias", lambda part: dict(NET.parameters(right()))["dense1.bias"]),
        "dense0.bias is the gradient of dense1.bias",
    ),
    (
        lambda: changed("dense1.weight", lambda part: part - 0.1 * dict(NET.parameters())["dense1.weight"]),
        "dense1.weight lacks the l2 penalty",
    ),
    (lambda: right(l2=0.0), "dense0.weight, dense1.weight, dense2.weight lack the l2 penalty"),
    (lambda: right(l2=0.2), "dense0.weight, dense1.weight, dense2.weight have the l2 penalty twice"),
    (lambda: right(l1=0.0), "dense0.weight, dense1.weight, dense2.weight lack the l1 penalty"),
    (
        lambda: right() + 0.1 * NET.params * ~WEIGHTS,
        "dense0.bias, dense1.bias, dense2.bias have the l2 penalty, which is for weights only",
    ),
    (lambda: right(sample_weight=None), f"{EVERY} ignores the sample weights"),
    (lambda: right(np.roll(LABELS, 1)), f"{EVERY} compares each row with the target of the row before it"),
    (
        lambda: changed("dense1.weight", lambda part: part * (1 + 0.1 * np.eye(5)[2])),
        "dense1.weight is wrong in column 2 alone",
    ),
]


@pytest.mark.parametrize(("grad", "cause"), CAUSES, ids=[cause for _, cause in CAUSES])
def test_causes_are_named(grad, cause):
    report = check(grad())
    assert report.verdict == "fail"
    assert report.causes == (cause,)
    assert f"cause: {cause}" in str(report)


FORMS = {
    "list": lambda grad: [view.copy() for _, view in NET.parameters(grad)],
    "tuple": lambda grad: tuple(view.copy() for _, view in NET.parameters(grad)),
    "dict": lambda grad: {name: view.copy() for name, view in reversed(list(NET.parameters(grad)))},
    "numbers": lambda grad: grad.tolist(),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", FORMS)
def test_a_gradient_in_parts_is_that_of_one_vector(form, dtype):
    """A list of numbers is in float64, whatever they were."""
    for grad in (right(), changed("dense1.bias", lambda part: -part)):
        whole = grad.astype(dtype)
        for given in (FORMS[form](whole), lambda whole=whole: FORMS[form](whole)):
            expected = check(whole.astype("float64") if form == "numbers" else whole)
            np.testing.assert_array_equal(check(given).entries, expected.entries)


def test_tensors_in_a_list_are_a_gradient():
    torch = pytest.importorskip("torch")
    assert check([torch.tensor(part, requires_grad=True) for part in FORMS["list"](right())]).ok


def parts(**others):
    return {**FORMS["dict"](right()), **others}


ALL_NAMES = ", ".join(name for name, _ in NET.parameters())


@pytest.mark.parametrize(
    ("grad", "options", "exception", "message"),
    [
        (
            FORMS["list"](right())[:5],
            {},
            ValueError,
            f"grad has 5 arrays; expected 6, of {ALL_NAMES}, or one flat vector",
        ),
        (
            [part.T for part in FORMS["list"](right())],
            {},
            ValueError,
            "grad[0] has shape (5, 3); expected (3, 5), as dense0.weight has: pass grad[0].T",
        ),
        (
            [None, *FORMS["list"](right())[1:]],
            {},
            TypeError,
            "grad[0] is None; expected an array of shape (3, 5): was the backward pass run?",
        ),
        ({"W": right()}, {}, ValueError, f"grad has the names W; expected {ALL_NAMES}"),
        (
            parts(**{"dense2.bias": np.ones(3)}),
            {},
            ValueError,
            "grad['dense2.bias'] has shape (3,); expected (2,), as dense2.bias has",
        ),
        (
            parts(**{"dense2.bias": "one"}),
            {},
            TypeError,
            "grad['dense2.bias'] is text, 'one'; expected an array of numbers",
        ),
        (
            [np.ones(3), np.ones(4)],
            {"wrt": "inputs"},
            TypeError,
            "grad is a list of 2 arrays; expected one array of shape (7, 3)",
        ),
    ],
)
def test_bad_parts_are_refused(grad, options, exception, message):
    with pytest.raises(exception) as caught:
        check(grad, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("grad", "message"),
    [
        (
            [np.ones((2, 3)), np.ones(3)],
            "grad is a list of 2 arrays; expected one array of shape (9,): "
            "pass one flat vector, np.concatenate([g.ravel() for g in grads])",
        ),
        (
            {"W": np.ones((2, 3)), "b": np.ones(3)},
            "grad is a dict of 2 arrays; expected one array of shape (9,): "
            "pass one flat vector, np.concatenate([g.ravel() for g in grads.values()])",
        ),
    ],
)
def test_parts_of_a_functions_gradient_have_to_be_joined(grad, message):
    for given in (grad, lambda x: grad):
        with pytest.raises(TypeError) as caught:
            gd.check_gradient(lambda x: float(x @ x), given, np.ones(9))
        assert str(caught.value) == message


def test_what_nothing_explains_is_not_explained():
    assert check(right() * (1 + 0.1 * RNG.random(NET.n_params))).causes == ()
    assert check(lambda: right() + 0.1).verdict == "fail"


@pytest.mark.parametrize("part", ["data loss", "data loss, weighted", "l1 penalty", "l2 penalty"])
def test_the_failing_part_is_named(part, monkeypatch):
    """The kernels' gradient of one part is changed on its way."""
    assert [found.name for found in check().parts] == ["data loss", "data loss, weighted", "l1 penalty", "l2 penalty"]
    penalty, right = Stack.network, Objective.write_gradient

    def wrong(self, grad, x=None):
        value = right(self, grad, x)
        if self.loss is not None:
            extra = np.zeros_like(grad)
            if part == "data loss" or (part == "data loss, weighted" and self.data.weight is not None):
                right(replace(self, l1=0.0, l2=0.0), extra, x)
            elif part[:2] in ("l1", "l2"):
                strengths = (self.l1, 0.0) if part[:2] == "l1" else (0.0, self.l2)
                penalty(self.stack, True).penalty(*strengths, extra)
            grad += 0.01 * extra
        return value

    class Wrong:
        def __init__(self, network):
            self.network = network

        def penalty(self, l1, l2, grad=None):
            value = self.network.penalty(l1, l2, grad)
            if grad is not None and (l1 if part == "l1 penalty" else l2 if part == "l2 penalty" else 0):
                grad *= 1.01
            return value

        def __getattr__(self, name):
            return getattr(self.network, name)

    monkeypatch.setattr(Objective, "write_gradient", wrong)
    monkeypatch.setattr(Stack, "network", lambda self, trains: Wrong(penalty(self, trains)))
    report = check()
    failing = {found.name for found in report.parts if found.verdict == "fail"}
    assert report.verdict == "fail"
    assert failing == ({part, "data loss, weighted"} if part == "data loss" else {part})


def test_it_is_data_alone():
    report = check(2 * right())
    again = pickle.loads(pickle.dumps(report))
    assert str(again) == str(report)
    np.testing.assert_array_equal(again.entries, report.entries)


def test_html_has_the_same():
    html = check(one(NAMES[3], 2.0))._repr_html_()
    assert html.startswith("<p><b>gradient check: fail (")
    assert html.count("<table>") == 1
    assert "<td>dense0.weight</td><td>15</td><td>1</td>" in html
    assert "cause: dense0.weight is wrong in one entry alone, dense0.weight[0, 3]" in html
    assert check()._repr_html_().count("<table>") == 2  # its parts too


def test_many_blocks_are_cut_to_the_worst():
    net = gd.MLP([2] * 31, "tanh", dtype="float64", seed=0)
    grad = net.loss_and_grad(np.eye(2), np.eye(2), "mse")[1]
    dict(net.parameters(grad))["dense29.bias"][1] *= 2
    text = str(gd.check_gradients(net, np.eye(2), np.eye(2), "mse", grad=grad))
    assert text.count(".weight  ") + text.count(".bias  ") <= 24
    assert "dense29.bias" in text.partition("block")[2]


def test_pandas():
    pytest.importorskip("pandas")
    table = check().to_pandas()
    assert table["name"].tolist() == NAMES
    assert list(table.columns)[1:] == list(check().entries.dtype.names)
    assert (table["verdict"] == "pass").all()


@pytest.mark.parametrize("library", ["pandas", "matplotlib.pyplot"])
def test_what_is_not_installed_is_named(library, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, library, None)
    report = check(mode="sample")
    with pytest.raises(ImportError, match=rf"needs {library.partition('.')[0]}.*: pip install"):
        report.to_pandas() if library == "pandas" else report.plot()


def test_plot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    report = check(one(NAMES[3], 2.0))
    axes = report.plot()
    drawn = [line.get_label() for line in axes.lines]
    assert len(drawn) == 3
    assert report.name(report.worst) in axes.get_title()
    assert report.plot(axes) is axes
    matplotlib.pyplot.close("all")


def test_the_curve_is_a_v():
    """Errors of central differences fall with the step's square and rise again as roundoff takes over."""
    steps, errors = check().curve.T
    best = int(np.argmin(errors))
    assert 0 < best < len(steps) - 1
    assert errors[0] > 1e3 * errors[best]
    assert errors[-1] > 1e3 * errors[best]
