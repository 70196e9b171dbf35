"""The repository's benchmarks: products, the peak, memory and peers. No time is asserted."""

import math
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from gdcore._kernels import SUPPORTED
from gdcore.bench import runner, suites, tasks
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


@pytest.mark.parametrize("chooses", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_products_are_numpys(kernels, eps, rng, shape, chooses):
    rows, n_in, n_out = shape
    x, weight, delta = map(rng.standard_normal, ((rows, n_in), (n_in, n_out), (rows, n_out)))
    wanted = (x @ weight, x.T @ delta, delta @ weight.T)
    for form, expected in enumerate(wanted):
        layer = kernels.DenseProducts(rows, n_in, n_out, chooses)
        for mine, given in zip((layer.x, layer.weight, layer.delta), (x, weight, delta), strict=True):
            assert mine.shape == given.shape
            mine[...] = given
        layer.run(form, 2)
        found = (layer.delta, layer.weight, layer.x)[form]
        limit = 50 * eps * math.sqrt(max(shape)) * np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=0, atol=limit)


def test_products_are_made_in_the_order_of_training(kernels):
    assert kernels.DenseProducts(64, 9, 9, True).x.strides[0] == kernels.DenseProducts(64, 9, 9).x.itemsize
    assert kernels.DenseProducts(64, 9, 9).x.strides[1] == kernels.DenseProducts(64, 9, 9).x.itemsize


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
