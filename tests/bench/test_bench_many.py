"""Many models in the benchmarks: every installed library reaches the same losses. No time is asserted."""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from gdcore.bench import interpreters, tasks
from gdcore.bench.library import Entry
from gdcore.bench.problems import Problem

ROOT = Path(__file__).parents[2]
TINY = {
    "net": (Problem("net", (3, 4, 1), 4, 16, 0.1, 3), 20, False),
    "deep": (Problem("deep", (2, 3, 4, 1), 8, 16, 0.1, 2), 5, True),
    "line": (Problem("line", (5, 1), 4, 8, 0.1, 4), 18, False),
}


@pytest.fixture(autouse=True)
def on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    from benchmarks.many import cases

    monkeypatch.setattr(cases, "MODELS", tuple(cases.Models(*each) for each in TINY.values()))


@pytest.mark.parametrize("name", ["gdcore", "gdcore.loop", "jax", "torch.bmm", "torch.func", "sklearn"])
@pytest.mark.parametrize("which", TINY)
def test_a_library_trains_all_models_from_the_given_parameters(name, which):
    from benchmarks.many import cases
    from benchmarks.many.tasks import train
    from benchmarks.suites import MANY

    [entry] = [entry for entry in MANY if entry.name == name]
    if find_spec(entry.needs) is None:
        pytest.skip(f"{entry.needs} is not installed")
    module, _, made = entry.adapter.partition(":")
    library = getattr(import_module(module), made)()
    assert library.versions()
    [models] = [each for each in cases.MODELS if each.problem.name == which]
    steps, first = models.cases
    work = cases.work_of(models, 10**6)
    before, wanted = cases.mean_loss(work, work.weights, work.biases), expected_loss(work)
    assert abs(before - wanted) > 0.02 * wanted
    assert library.refuses("many", models.problem) == ""
    prepared = train(library, steps)
    prepared.call()
    library.wait()
    assert prepared.check == pytest.approx(wanted, rel=1e-5)
    assert prepared.units == models.steps * min(models.n_models, library.most_models)
    assert cases.mean_loss(work, *library.parameters()) == prepared.check  # a call begins anew
    counted = train(library, first)
    assert isinstance(counted, tasks.Counted)
    assert counted.check == prepared.check


def expected_loss(work):
    """The loss of the first models after plain gradient descent in float64."""
    from benchmarks.many import cases

    weights = [weight.astype(float) for weight in work.weights]
    biases = [bias.astype(float) for bias in work.biases]
    problem = work.problem
    for i in range(min(cases.CHECKED, len(work.rates))):
        X, y = work.of(i)
        for _ in range(problem.epochs):
            for at in range(0, len(X), problem.batch):
                outputs = [X[at : at + problem.batch].astype(float)]
                for j, weight in enumerate(weights):
                    z = outputs[-1] @ weight[i] + biases[j][i]
                    outputs.append(np.tanh(z) if j + 1 < len(weights) else z)
                delta = 2 * (outputs[-1] - y[at : at + problem.batch]) / problem.batch
                for j in reversed(range(len(weights))):
                    back = delta @ weights[j][i].T
                    weights[j][i] -= work.rates[i] * outputs[j].T @ delta
                    biases[j][i] -= work.rates[i] * delta.sum(axis=0)
                    delta = back * (1 - outputs[j] ** 2)
    return cases.mean_loss(work, weights, biases)


def test_the_first_models_are_the_same_however_many_there_are():
    from benchmarks.many import cases

    for models in cases.MODELS:
        few, all_ = cases.work_of(models, 4), cases.work_of(models, 10**6)
        assert len(few.rates) == 4
        for mine, whole in zip((*few.weights, *few.biases), (*all_.weights, *all_.biases), strict=True):
            np.testing.assert_array_equal(mine, whole[:4])
        np.testing.assert_array_equal(few.of(3)[0], all_.of(3)[0])
        np.testing.assert_array_equal(few.rates, all_.rates[:4])


def test_further_releases_take_part_by_the_adapter_of_the_suite():
    base = [Entry("jax", "adapters:Jax", "jax"), Entry("jax-1.2", "adapters:Jax", "jax", python=sys.executable)]
    [mine, release] = interpreters.in_suite([Entry("jax", "many:Jax", "jax")], base)
    assert (mine.adapter, release.adapter) == ("many:Jax", "many:Jax")
    assert (release.name, release.python) == ("jax-1.2", sys.executable)


def test_machines_with_the_suite_have_a_table():
    from benchmarks import machines

    machine = {"cpu": "abacus", "cores": 2, "load_average": 0.5, "date": "2026-01-02T03:04:05", "python": "3.11.1"}
    row = {"label": "1-1, 2, 9 models", "libraries": {"gdcore": {"seconds": 1e-7}}, "ratios": {}}
    suite = {"suite": "many", "title": "", "unit": "s", "machine": machine, "rows": [row]}
    report = {"machine": machine, "instruction_set": "v3", "versions": {}, "suites": [suite]}
    made = machines.many({"one": report, "two": {**report, "suites": []}})
    assert "| 1-1, 2, 9 models | 100 ns | - |" in made
    assert "two" not in made
    assert machines.many({}) == "Not measured yet.\n"
