"""The checkers' power in a quick form: every mistake is found, nothing right is rejected; what is counted and shown."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd

ROOT = Path(__file__).parents[2]
SEEDS = (0, 1)


@pytest.fixture(scope="module", autouse=True)
def on_path():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        yield


def whole(dtype, labels=True):
    """A case in which every mistake can be made: square layers, both penalties, weights that are 0, dropout."""
    from benchmarks.power.cases import Case

    rng = np.random.default_rng(5)
    net = gd.MLP([4, 5, 5, 3], "tanh", dropout=0.3, dtype=dtype, seed=2)
    net.params += (0.3 * rng.normal(size=net.n_params)).astype(dtype)
    net.params *= rng.random(net.n_params) < 0.9
    X, weight = 2 * rng.normal(size=(40, 4)).astype(dtype), rng.random(40).astype(dtype)
    loss = gd.CrossEntropy() if labels else gd.MeanSquaredError()
    y = rng.integers(0, 3, 40) if labels else rng.normal(size=(40, 3)).astype(dtype)
    return Case("whole", net, X, y, loss, weight=weight, l1=0.01, l2=0.1)


@pytest.fixture(scope="module")
def few():
    """A few seeds, counted."""
    from benchmarks.power.suite import run_seed
    from benchmarks.power.tally import Tally

    tally = Tally()
    for seed in SEEDS:
        tally.add(run_seed(seed, ["gdcore", "gdcore-function"]))
    return tally


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_mistake_is_found(dtype):
    from benchmarks.power.checkers import by_function, by_model
    from benchmarks.power.mutations import MUTATIONS

    case = whole(dtype)
    right = case.gradient()
    assert by_model(case, None).report.ok
    assert by_model(case, right).report.ok
    assert not by_function(case, right).rejects
    made = {row.name: row.made(case, right, np.random.default_rng(0)) for row in MUTATIONS}
    missing = {name for name, wrong in made.items() if wrong is None}
    assert missing == ({"float32 in a float64 claim"} if dtype == "float32" else set())
    answers = {name: by_model(case, wrong).rejects for name, wrong in made.items() if wrong is not None}
    assert {name for name, rejects in answers.items() if not rejects} == {"l1 sign at zero"}


def test_a_subgradient_is_none():
    """The one mistake that is not found is none: any slope between the one-sided ones is right at a kink."""
    from benchmarks.power.checkers import by_model
    from benchmarks.power.mutations import MUTATIONS

    case = whole("float64")
    wrong = next(row for row in MUTATIONS if row.name == "l1 sign at zero").made(
        case, case.gradient(), np.random.default_rng(0)
    )
    entries = by_model(case, wrong).report.entries
    changed = wrong != case.gradient()
    assert changed.any()
    assert entries["kink"][changed].all()
    assert (case.net.params[changed] == 0).all()


def test_nothing_right_is_rejected_and_nothing_visible_is_missed(few):
    from benchmarks.power import tables
    from benchmarks.power import tally as of

    assert few.cases == 4 * len(SEEDS)
    assert tables.wrong(few, "gdcore") == []
    assert few.of("gdcore", of.ALARMS) == few.of("gdcore", of.ERRORS) == few.of("gdcore-function", of.ALARMS) == 0
    made, visible = (few.on("gdcore", "", what) for what in (of.MADE, of.VISIBLE))
    assert visible == few.on("gdcore", "", of.FOUND_VISIBLE)
    assert visible > 0.98 * made > 200
    assert few.of("gdcore", of.INCONCLUSIVE) <= 0.005 * few.of("gdcore", of.ENTRIES)
    double = [few.on("gdcore-function", "", what, "float64") for what in (of.FOUND_VISIBLE, of.VISIBLE)]
    assert double[0] == double[1] > 100


@pytest.mark.parametrize(
    ("seed", "number"),
    [
        pytest.param(1686, 2, id="the slope converges with the step, not with its square"),
        pytest.param(1443, 3, id="a truncation that is small by chance"),
        pytest.param(1681, 0, id="the same, beside a large roundoff"),
    ],
)
def test_kinks_within_a_float32_step_are_no_false_alarm(seed, number):
    """Plain functions with hundreds of kinks, each in a way of its own."""
    from benchmarks.power.cases import draw_case
    from benchmarks.power.checkers import by_function

    case = draw_case(seed, number, 4)
    assert not by_function(case, case.gradient()).rejects
    assert by_function(case, 2 * case.gradient()).rejects


def test_counts_are_kept_and_shown(few):
    from benchmarks import report
    from benchmarks.power import tables
    from benchmarks.power.mutations import MUTATIONS
    from benchmarks.power.tally import Tally, from_dict

    again = from_dict(json.loads(json.dumps(few.to_dict())))
    assert again == few
    twice = Tally()
    twice.add(few)
    twice.add(few)
    assert twice.cases == 2 * few.cases
    assert twice.on("gdcore", "factor 2", "made") == 2 * few.on("gdcore", "factor 2", "made") > 0
    assert tables.mutations(twice)[1][0][4:] == tables.mutations(few)[1][0][4:]
    machine = {"python": "3.11", "date": "2026-01-01T00:00"}
    text = report.power({"seeds": 3, "machine": machine, "versions": {"gdcore": "0"}, "power": few.to_dict()})
    assert "What gdcore got wrong: nothing." in text
    assert "| gdcore | 0 of " in text
    assert all(f"| {row.name} | {row.what} |" in text for row in MUTATIONS)
    place, marker = report.POWER_PLACE
    assert text in report.fill(place.read_text(encoding="utf-8"), marker, text)


def test_what_is_wrong_is_named():
    from benchmarks import report
    from benchmarks.power.checkers import Answer
    from benchmarks.power.tally import Tally

    tally, case = Tally(cases=1), whole("float64")
    tally.right("gdcore", case, Answer(True), several=False)
    tally.wrong("gdcore", case, "factor 2", Answer(False), visible=True)
    tally.wrong("gdcore", case, "factor 2", Answer(True), visible=True)
    tally.of_checkers["gdcore", "float64", "checks"] = 3
    machine = {"python": "3.11", "date": "2026-01-01T00:00"}
    text = report.power({"seeds": 1, "machine": machine, "versions": {"gdcore": "0"}, "power": tally.to_dict()})
    assert f"- false alarm: nothing wrong; {case.label}\n- missed: factor 2; {case.label}\n" in text
    assert "| gdcore | 1 of 1 | 50.0 % | - | - | 50.0 % |" in text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(3, 3, "100 %"), (1999, 2000, "99.9 %"), (1, 30_000, "0.1 %"), (0, 5, "0 %"), (0, 0, "-")],
)
def test_a_share_is_100_where_nothing_is_missing(part, whole, text):
    from benchmarks.power.tables import share

    assert share(part, whole) == text


def test_the_cases_cover_the_registries():
    from benchmarks.power.cases import LOSSES, PAIRS, draw_case

    assert {type(loss) for loss in LOSSES} == set(gd.LOSSES)
    assert set(PAIRS) == {(row.name, loss) for row in gd.ACTIVATIONS for loss in LOSSES}
    cases = [draw_case(seed, number, 4) for seed in range(60) for number in range(4)]
    assert {case.dtype for case in cases} == {"float32", "float64"}
    assert {case.scale for case in cases} >= {1e-6, 1.0, 1e6}
    assert {len(case.X) for case in cases} >= {1, 512}
    assert {sum(isinstance(layer, gd.Dense) for layer in case.net.layers) for case in cases} == {1, 2, 3, 4}
    np.testing.assert_array_equal(cases[7].gradient(), draw_case(1, 3, 4).gradient())


@pytest.mark.parametrize("labels", [True, False])
def test_a_case_is_the_objective_that_it_says(labels):
    """Its value, its gradient, its custom loss and its backward pass in NumPy agree."""
    from benchmarks.power.cases import Case
    from gdcore.gradcheck.model.backward import gradient_through, steps_of

    case: Case = whole("float64", labels).but(scale=100.0, l1=0.0)
    net, plain = case.net, case.but(scale=1.0)
    assert case.value(net.params) == pytest.approx(100 * plain.value(net.params), rel=1e-12)
    np.testing.assert_allclose(case.gradient(), 100 * plain.gradient(), rtol=1e-12)
    value = net.loss(case.X, case.y, case.scaled_loss(), l2=100 * case.l2, dropout_seed=0)
    assert value == pytest.approx(case.value(net.params), rel=1e-12)
    objective = case.but(l2=0.0).objective()
    steps, outputs = steps_of(objective)
    found = gradient_through(objective, steps, objective.loss_of(outputs)[1])
    np.testing.assert_allclose(100 * found, case.but(l2=0.0).gradient(), rtol=1e-9, atol=1e-12)


PEERS = {"torch": ["torch", "torch-fast"], "jax": ["jax"], "autograd": ["autograd"], "scipy": ["scipy"],
         "numdifftools": ["numdifftools"]}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", PEERS)
def test_peers_tell_right_from_wrong(library):
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    from benchmarks.power.checkers import CHECKERS

    case = whole("float64").but(l1=0.0)
    for row in CHECKERS:
        if row.name in PEERS[library]:
            check = row.find()
            assert not check(case, case.gradient()).rejects
            assert check(case, -case.gradient()).rejects


def test_the_command_counts_and_writes(tmp_path, capsys):
    from benchmarks.power.command import main

    path = tmp_path / "power.json"
    assert main(["--seeds", "1", "--libraries", "gdcore", "--json", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "power: 1 seeds, 4 cases" in printed
    assert re.search(r"^gdcore +0 of \d+ +100 %", printed, re.MULTILINE)
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["seeds"] == 1
    assert report["versions"] == {"gdcore": gd.__version__}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--seeds", "0"], "seeds must be >= 1"),
        (["--processes", "0"], "processes must be >= 1"),
        (["--libraries", "gdcor"], "gdcore"),
        (["--json", "nowhere/at/all.json"], "there is no folder"),
    ],
)
def test_arguments_that_are_not_understood(argv, message, capsys):
    from benchmarks.power.command import main

    with pytest.raises(SystemExit, match="2"):
        main(argv)
    assert message in capsys.readouterr().err


def test_ordinary_cases_are_what_they_are_called():
    from benchmarks.power.checkers import by_directions, by_model
    from benchmarks.power.ordinary import KINDS, draw_ordinary

    cases = [draw_ordinary(seed, number, 4) for seed in range(10) for number in range(4)]
    assert {case.name.rsplit(" ", 1)[0] for case in cases} == set(KINDS)
    assert sum(case.several_kinks() for case in cases) >= 3
    for case in cases:
        assert not case.X.any(axis=1).all() or not case.name.startswith("zero rows")
        right = case.gradient()
        for seen in (by_model(case, None), by_model(case, right), by_directions(case, right)):
            assert not seen.rejects, case.label
    np.testing.assert_array_equal(cases[7].X, draw_ordinary(1, 3, 4).X)


def test_the_tracked_results_are_the_ones_quoted():
    from benchmarks import report

    for path, (place, marker), made in (
        (report.POWER, report.POWER_PLACE, report.power),
        (report.ORDINARY, report.ORDINARY_PLACE, report.ordinary),
    ):
        text = place.read_text(encoding="utf-8")
        content = made(json.loads(path.read_text(encoding="utf-8")))
        assert report.fill(text, marker, content) == text, "run python -m benchmarks.report"
