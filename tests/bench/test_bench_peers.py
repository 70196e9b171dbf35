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
    ("name", "module"),
    [("torch", "torch"), ("torch.compile", "torch"), ("jax", "jax"), ("sklearn", "sklearn"), ("keras", "keras")],
)
@pytest.mark.parametrize("problem", [TINY, COLUMN, DIGITS, LOGISTIC], ids=lambda problem: problem.name)
def test_a_peer_trains_to_the_same_loss(name, module, problem):
    need(module)
    row = run(["gdcore", name], "train", problem)
    assert row.failed == {}
    assert row.refused == {}
    assert row.ok


@pytest.mark.parametrize(
    ("name", "module"), [("torch", "torch"), ("jax", "jax"), ("sklearn", "sklearn"), ("keras", "keras")]
)
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


@pytest.mark.parametrize("name", ["river", "vowpalwabbit"])
@pytest.mark.parametrize("problem", [LINEAR, LOGISTIC], ids=lambda problem: problem.name)
def test_a_peer_of_linear_models_trains_to_the_same_loss(name, problem):
    need(name)
    row = run(["gdcore", name], "train", problem)
    assert list(row.checks) == ["gdcore", name]
    assert row.ok
    assert "linear model" in run([name], "train", TINY).refused[name]


@pytest.mark.parametrize(("task", "case"), [("step", {}), ("predict", {"rows": 7})])
def test_river_steps_and_predicts_alike(task, case):
    need("river")
    row = run(["gdcore", "river"], task, LINEAR, **case)
    assert list(row.checks) == ["gdcore", "river"]
    assert row.ok


@pytest.mark.parametrize("problem", [TINY, COLUMN, LINEAR], ids=lambda problem: problem.name)
def test_onnx_runtime_predicts_alike_and_does_not_train(problem):
    need("onnxruntime")
    need("onnx")
    row = run(["gdcore", "onnxruntime"], "predict", problem, rows=7)
    assert list(row.checks) == ["gdcore", "onnxruntime"]
    assert row.ok
    assert run(["onnxruntime"], "train", problem).refused["onnxruntime"] == "it predicts only"


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
    from benchmarks import machines, report, suite_tables

    rows = measured["suites"][0]["rows"]
    made = report.contents({"here": measured})
    ratio = rows[0]["ratios"]["numpy"]
    [line] = [line for line in made["benchmark"].splitlines() if line.startswith("| 3-5-2, 4 |")]
    assert f"| {suite_tables.three_digits(ratio)}x |" in line
    [line] = [line for line in made["benchmark"].splitlines() if line.startswith("| 64-64-10, 64 |")]
    assert f"| {rows[1]['ratios']['peak']:.0%} |" in line
    assert all(line.endswith("| - |") for line in made["benchmark"].splitlines()[2:4])
    step = {"suite": "step", "rows": [{"label": rows[1]["label"], "libraries": {"gdcore": {"seconds": 2e-6}}}]}
    [line] = [
        line
        for line in suite_tables.summary({**measured, "suites": [*measured["suites"], step]}).splitlines()
        if line.startswith("| 64-64-10, 64 |")
    ]
    assert line.endswith("% | 2.00 us |")
    assert re.search(rf"one core of an? .+, .*NumPy {np.__version__}", made["benchmark"])
    assert f"gdcore {gd.__version__}" in made["results"]
    page = machines.page("here", measured)
    assert "### sizes: sizes" in page
    assert "| X^T D | 15: " in page
    assert f"the load was {measured['suites'][0]['machine']['load_average']} on" in page
    for path, marker in report.PLACES:
        text = path.read_text(encoding="utf-8")
        filled = report.fill(text, marker, made[marker])
        assert made[marker] in filled
        assert report.fill(filled, marker, "") == report.fill(text, marker, "")


def test_the_tracked_results_are_the_ones_quoted():
    from benchmarks import machines, report

    reports = machines.load()
    if not reports:
        pytest.skip("no results are tracked")
    made = report.contents(reports)
    for path, marker in report.PLACES:
        text = path.read_text(encoding="utf-8")
        assert report.fill(text, marker, made[marker]) == text, "run python -m benchmarks.report"
    for kind, results in reports.items():
        page = (machines.RESULTS / f"{kind}.md").read_text(encoding="utf-8")
        assert page == machines.page(kind, results), "run python -m benchmarks.report"
    assert report.PICTURE.exists()


def test_the_tracked_results_of_other_suites_are_the_ones_quoted():
    from benchmarks import report

    for results, made, places in (
        (report.REAL, report.real, [report.REAL_PLACE]),
        (report.ESTIMATORS, report.estimators, [report.ESTIMATORS_PLACE]),
    ):
        content = made(json.loads(results.read_text(encoding="utf-8")))
        for path, marker in places:
            text = path.read_text(encoding="utf-8")
            assert report.fill(text, marker, content) == text, "run python -m benchmarks.report"


def test_every_file_of_a_kind_of_machine_is_named():
    from benchmarks import machines

    found = {path.stem for path in machines.RESULTS.glob("*-*.json")}
    assert found <= set(machines.KINDS)
    listed = (machines.RESULTS / "README.md").read_text(encoding="utf-8")
    assert all(f"`{kind}.json`" in listed for kind in machines.KINDS)


def row_of(label, **seconds):
    """A row of results: these seconds, and their ratios to gdcore's."""
    ratios = {name: value / seconds["gdcore"] for name, value in seconds.items() if name != "gdcore"}
    return {
        "label": label,
        "libraries": {name: {"seconds": value} for name, value in seconds.items()},
        "ratios": ratios,
    }


def machine_with(suite, *rows, **more):
    """A report of one suite."""
    machine = {"cpu": "abacus", "cores": 2, "load_average": 0.5, "date": "2026-01-02T03:04:05", "python": "3.11.1"}
    told = {"suite": suite, "title": "a title", "unit": "s", "rows": rows}
    return {"machine": machine, "instruction_set": "v3", "versions": {}, "suites": [told], **more}


def test_where_a_peer_is_faster_on_any_machine_it_is_named_in_bold():
    from benchmarks import machines

    slow, fast = row_of("3-5-2, 4", gdcore=4e-6, jax=2e-6, peak=1e-6), row_of("3-5-2, 4", gdcore=1e-6, jax=2e-6)
    other = row_of("1-1, 2", gdcore=1e-6, numpy=3e-6)
    made = machines.together({"one": machine_with("train", slow), "two": machine_with("train", fast, other)})
    assert "| 3-5-2, 4 | 4.00 us, **jax 0.500x** | 1.00 us, jax 2.00x |" in made
    assert "| 1-1, 2 | - | 1.00 us, numpy 3.00x |" in made
    assert machines.main_kind({"none": machine_with("long"), "two": machine_with("train")}) == "two"
    with pytest.raises(SystemExit, match="no results hold the suite train"):
        machines.main_kind({"none": machine_with("long")})


def test_the_summary_shows_further_releases_and_the_faster_of_two_estimators():
    from benchmarks import suite_tables

    row = row_of("8-1, 1, 65,536/epoch", **{"gdcore": 1e-8, "jax-0.4.31": 2e-8, "jax": 3e-8, "sklearn.sgd": 4e-8})
    report = machine_with("train", row_of("1-1, 2", gdcore=1e-6, jax=2e-6, sklearn=9e-6))
    report["suites"].append({"suite": "long", "title": "", "unit": "s", "rows": [row]})
    report["versions"] = {"jax": {"jax": "0.12.0"}, "jax-0.4.31": {"jax": "0.4.31"}}
    made = suite_tables.summary(report)
    assert "| layers, rows | gdcore | jax | jax-0.4.31 | sklearn | of the peak |" in made
    assert "| 8-1, 1, 65,536/epoch | 10.0 ns | 3.00x | 2.00x | 4.00x |" in made
    assert "JAX 0.12.0 and 0.4.31" in made


def test_whole_processes_are_shown_where_they_were_measured():
    from benchmarks import machines

    run = {"wall": 2.0, "parts": {"import": 1.0, "compile": 0.5, "train": 0.25}, "epochs": 9, "version": "1.2"}
    cold = {"goal": 0.97, "libraries": {"gdcore": [{**run, "accuracy": 0.98}], "torch": [{**run, "accuracy": 0.9}]}}
    made = machines.cold({"one": machine_with("train", cold=cold), "two": machine_with("train")})
    assert "one: gdcore 1.2, torch 1.2." in made
    assert "| torch | 2.00 s | 1.00x | 1.00 s | 500 ms | 250 ms | 9 | 0 of 1 |" in made
    assert "two" not in made


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
