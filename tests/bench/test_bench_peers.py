"""The repository's benchmarks: products, the peak, memory, peers, the picture and the tables. No time is asserted."""

import json
import math
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd
from gdcore._kernels import SUPPORTED
from gdcore.bench import command, plot, runner, suites, tasks
from gdcore.bench.gdcore_adapter import GdcoreLibrary
from gdcore.bench.problems import Problem

ROOT = Path(__file__).parents[2]
TINY = Problem("tiny", (3, 5, 2), 4, 32, 0.1, 1)
COLUMN = Problem("column", (3, 5, 1), 4, 32, 0.1, 2, activation="relu", optimizer="adam")
DIGITS = Problem(
    "digits", (64, 8, 10), 32, 320, 0.01, 1, activation="relu", loss="cross_entropy", optimizer="adam", data="digits"
)
LINEAR = Problem("linear", (8, 1), 1, 32, 0.003, 1)
LOGISTIC = Problem("logistic", (8, 1), 1, 32, 0.03, 1, loss="binary_cross_entropy")
BUDGET = runner.Budget(0.001, 2, 1.0)


@pytest.fixture(autouse=True)
def on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


def peers():
    from benchmarks.libraries import LIBRARIES

    return {entry.name: entry for entry in LIBRARIES}


def need(module):
    """Skip where a module is not installed; it is not imported here."""
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed")


def run(names, task, problem, **case):
    suite = suites.Suite(task, task, f"gdcore.bench.tasks:{task}", "check", ())
    with runner.Runner([peers()[name] for name in names], BUDGET) as running:
        return running.run(suite, tasks.Case(problem, **case))


# Products and the peak


SHAPES = [(1, 1, 1), (5, 3, 1), (4, 1, 7), (1, 70, 66), (13, 17, 33), (64, 40, 50), (300, 9, 10)]


@pytest.mark.parametrize("shape", SHAPES)
def test_products_are_numpys(kernels, eps, rng, shape):
    rows, n_in, n_out = shape
    x, weight, delta = map(rng.standard_normal, ((rows, n_in), (n_in, n_out), (rows, n_out)))
    wanted = (x @ weight, x.T @ delta, delta @ weight.T)
    for form, expected in enumerate(wanted):
        layer = kernels.DenseProducts(rows, n_in, n_out)
        for mine, given in zip((layer.x, layer.weight, layer.delta), (x, weight, delta), strict=True):
            assert mine.shape == given.shape
            mine[...] = given
        layer.run(form)
        found = (layer.delta, layer.weight, layer.x)[form]
        limit = 50 * eps * math.sqrt(max(shape)) * np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=0, atol=limit)


@pytest.mark.parametrize("shape", [(0, 1, 1), (1, 0, 1), (1, 1, -1)])
def test_products_of_nothing_are_refused(kernels, shape):
    with pytest.raises(ValueError, match="must be >= 1"):
        kernels.DenseProducts(*shape)


def test_the_peak_makes_as_many_operations_as_it_says(kernels):
    least = kernels.peak_flops(1)
    assert least >= 24
    assert kernels.peak_flops(0) == 0
    assert kernels.peak_flops(10 * least + 1) == 11 * least


def test_multipliers_agree_and_use_their_instruction_sets():
    from benchmarks.suites import MULTIPLIER, PEAK, multiplier, variants

    contenders = [*variants(MULTIPLIER), multiplier("numpy", "NumpyMultiplier"), PEAK]
    suite = suites.Suite("kernels", "", "benchmarks.tasks:product", "RMS", (), unit="flop/s")
    with runner.Runner(contenders, BUDGET) as running:
        row = running.run(suite, tasks.Case(Problem("layer", (9, 17), 5, 5, 0.1, 1), what="D W^T"))
    assert row.ok, row.failed
    assert list(row.timings) == [entry.name for entry in contenders]
    assert "peak" not in row.checks
    for isa in SUPPORTED:
        assert running.versions[f"gdcore {isa}"]["instruction set"] == isa


def test_the_peak_takes_part_where_there_is_enough_to_count():
    row = run(["gdcore", "peak"], "train", Problem("wide", (64, 64, 10), 64, 256, 0.1, 1))
    assert list(row.timings) == ["gdcore", "peak"]
    assert list(row.checks) == ["gdcore"]
    assert row.ok
    row = run(["gdcore", "peak"], "train", TINY)
    assert "too short for the clock" in row.refused["peak"]
    assert "a call from Python" in run(["peak"], "step", TINY).refused["peak"]


# Memory


def test_a_trainer_takes_little_more_than_what_is_needed():
    from benchmarks.memory import needed, of_trainer

    problem = Problem("64-128-64-10", (64, 128, 64, 10), 64, 256, 0.1, 1, optimizer="adam")
    assert needed(problem) == 4 * (4 * problem.n_params + 2 * 64 * (128 + 64 + 10))
    assert needed(problem) < of_trainer(GdcoreLibrary(), problem) < 2.5 * needed(problem)


def test_growth_is_seen_where_there_is_some():
    from benchmarks.memory import growth_of, heap_in_use

    leak = []
    made = GdcoreLibrary()
    made.epoch = lambda: leak.append(np.ones(1000))
    steps = 10_000 // TINY.steps
    assert growth_of(heap_in_use)(made, TINY) >= steps * 8000


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_gdcore_does_not_grow():
    from benchmarks.memory import QUANTITIES, needed

    for quantity in QUANTITIES:
        amount = quantity.amount(GdcoreLibrary(), TINY)
        if "growth" in quantity.name:
            assert quantity.needed(TINY) == 0
            assert amount < 2**16
        else:
            assert quantity.needed(TINY) == needed(TINY)
            assert amount > 0


# Peers


@pytest.mark.parametrize(
    ("name", "module"), [("torch", "torch"), ("torch.compile", "torch"), ("jax", "jax"), ("sklearn", "sklearn")]
)
@pytest.mark.parametrize("problem", [TINY, COLUMN, DIGITS, LOGISTIC], ids=lambda problem: problem.name)
def test_a_peer_trains_to_the_same_loss(name, module, problem):
    need(module)
    row = run(["gdcore", name], "train", problem)
    assert row.failed == {}
    assert row.refused == {}
    assert row.ok


@pytest.mark.parametrize(("name", "module"), [("torch", "torch"), ("jax", "jax"), ("sklearn", "sklearn")])
@pytest.mark.parametrize(("task", "case"), [("step", {}), ("predict", {"rows": 7})])
def test_a_peer_steps_and_predicts_alike(name, module, task, case):
    need(module)
    row = run(["gdcore", name], task, TINY, **case)
    assert row.failed == {}
    assert row.refused == {}
    assert row.ok


@pytest.mark.parametrize("problem", [LINEAR, LOGISTIC], ids=lambda problem: problem.name)
def test_scikit_learns_linear_model_is_the_same_model(problem):
    need("sklearn")
    row = run(["gdcore", "sklearn.sgd"], "train", problem)
    assert list(row.checks) == ["gdcore", "sklearn.sgd"]
    assert row.ok


def test_scikit_learns_linear_model_refuses_what_it_is_not_for():
    need("sklearn")
    assert "row by row" in run(["sklearn.sgd"], "train", TINY).refused["sklearn.sgd"]
    assert "compiled" in run(["sklearn.sgd"], "predict", LOGISTIC, rows=3).refused["sklearn.sgd"]


def test_the_table_holds_epochs_that_are_long_for_scikit_learns_linear_models():
    """One call of `partial_fit` is an epoch: in a short one its checks are measured, not its steps."""
    need("sklearn")
    from benchmarks.libraries.sklearn import LinearLibrary
    from benchmarks.problems import PROBLEMS

    taken = [problem for problem in PROBLEMS if not LinearLibrary().refuses(":train", problem)]
    assert {problem.loss for problem in taken if problem.samples >= 65_536} == {
        "mean_squared_error",
        "binary_cross_entropy",
    }
    assert all("65,536/epoch" in problem.label for problem in taken if problem.samples >= 65_536)


def test_pytorchs_gradient_checker_approves_of_the_same_gradient():
    need("torch")
    assert run(["gdcore", "torch"], "gradcheck", TINY).ok


# The picture and the tables


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A report of problems that are as small as can be, measured, read back from its file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        return report_in(tmp_path_factory.mktemp("report") / "results.json")


def report_in(path):
    from benchmarks.suites import MULTIPLIER, products

    entries = [peers()[name] for name in ("gdcore", "numpy", "peak")]
    shapes = [Problem("w-w", (w, w), 4, 4, 0.1, 1) for w in (15, 16)]
    wide = Problem("wide", (64, 64, 10), 64, 256, 0.1, 1)
    few = (
        suites.train_suite([TINY, wide, COLUMN]),
        suites.Suite("sizes", "sizes", "benchmarks.tasks:product", "RMS", products(shapes), (MULTIPLIER,), "flop/s"),
    )
    assert command.run_command(["--quick", "--json", str(path)], "bench", few, entries) == 0
    return json.loads(path.read_text(encoding="utf-8"))


def test_tables_say_what_the_report_says(measured):
    from benchmarks import report

    rows = measured["suites"][0]["rows"]
    made = report.contents(measured)
    ratio = rows[0]["ratios"]["numpy"]
    [line] = [line for line in made["benchmark"].splitlines() if line.startswith("| 3-5-2, 4 |")]
    assert f"| {report.three_digits(ratio)}x |" in line
    [line] = [line for line in made["benchmark"].splitlines() if line.startswith("| 64-64-10, 64 |")]
    assert f"| {rows[1]['ratios']['peak']:.0%} |" in line
    assert all(line.endswith("| - |") for line in made["benchmark"].splitlines()[2:4])
    step = {"suite": "step", "rows": [{"label": rows[1]["label"], "libraries": {"gdcore": {"seconds": 2e-6}}}]}
    [line] = [
        line
        for line in report.summary({**measured, "suites": [*measured["suites"], step]}).splitlines()
        if line.startswith("| 64-64-10, 64 |")
    ]
    assert line.endswith("% | 2.00 us |")
    assert re.search(rf"one core of an? .+, .*NumPy {np.__version__}", made["benchmark"])
    assert f"gdcore {gd.__version__}" in made["results"]
    assert "### sizes: sizes" in made["results"]
    assert "| X^T D | 15: " in made["results"]
    for path, marker in report.PLACES:
        text = path.read_text(encoding="utf-8")
        filled = report.fill(text, marker, made[marker])
        assert made[marker] in filled
        assert report.fill(filled, marker, "") == report.fill(text, marker, "")


def test_the_tracked_results_are_the_ones_quoted():
    from benchmarks import report

    if not report.RESULTS.exists():
        pytest.skip("no results are tracked")
    made = report.contents(json.loads(report.RESULTS.read_text(encoding="utf-8")))
    for path, marker in report.PLACES:
        text = path.read_text(encoding="utf-8")
        assert report.fill(text, marker, made[marker]) == text, "run python -m benchmarks.report"
    assert report.PICTURE.exists()


def test_the_tracked_results_of_other_suites_are_the_ones_quoted():
    from benchmarks import report

    for results, made, places in (
        (report.LONG, report.long_epochs, report.LONG_PLACES),
        (report.REAL, report.real, [report.REAL_PLACE]),
        (report.ESTIMATORS, report.estimators, [report.ESTIMATORS_PLACE]),
    ):
        content = made(json.loads(results.read_text(encoding="utf-8")))
        for path, marker in places:
            text = path.read_text(encoding="utf-8")
            assert report.fill(text, marker, content) == text, "run python -m benchmarks.report"


def test_the_picture_is_drawn(measured, tmp_path):
    need("matplotlib")
    path = tmp_path / "picture.png"
    plot.plot(measured, path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_points_place_is_its_size_and_time():
    row = {
        "case": {"problem": {"activation": "tanh", "optimizer": "sgd", "batch": 4}},
        "n_params": 7,
        "libraries": {"gdcore": {"seconds": 2.0}},
    }
    adam = {**row, "case": {"problem": {"activation": "tanh", "optimizer": "adam", "batch": 4}}, "n_params": 3}
    found = plot.points({"suites": [{"suite": "step", "rows": []}, {"suite": "train", "rows": [row, adam]}]})
    assert found == {"gdcore": [(3, 2.0, False), (7, 2.0, True)]}


@pytest.mark.parametrize(
    ("argv", "here", "message"),
    [
        (["--plot", "x.png"], False, r"matplotlib is not installed; install it with pip install .gdcore\[plot\]"),
        (["predict", "--plot", "x.png"], True, "draws the suite train, got predict: add train"),
        (["--plot", "no/such/x.png"], True, "--plot: there is no folder no.such"),
    ],
)
def test_a_picture_that_cannot_be_is_refused_before_anything_runs(argv, here, message, monkeypatch, capsys):
    monkeypatch.setattr(plot, "find_spec", lambda name: here or None)
    with pytest.raises(SystemExit, match="2"):
        command.main(argv)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(message, captured.err)
