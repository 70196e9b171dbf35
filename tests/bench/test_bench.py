"""The benchmarks: sound problems, processes of their own, unequal work that shows. No time is asserted."""

import json
import os
import re
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd
from gdcore import bench
from gdcore.bench import command, library, measure, runner, suites, table, tasks
from gdcore.bench.numpy_adapter import NumpyLibrary
from gdcore.bench.problems import PROBLEMS, SEED, Problem, initial_model, make_workload

ROOT = Path(__file__).parents[2]
ALL = runpy.run_path(str(ROOT / "benchmarks" / "problems.py"))["PROBLEMS"]
TINY = Problem("tiny", (3, 5, 2), 4, 32, 0.1, 1)
DIGITS = next(problem for problem in PROBLEMS if problem.data == "digits")
BUDGET = runner.Budget(0.001, 2, 1.0)
NUMPY = library.Entry("numpy", "gdcore.bench.numpy_adapter:NumpyLibrary", "numpy")
GDCORE = library.Entry("gdcore", "gdcore.bench.gdcore_adapter:GdcoreLibrary", "gdcore")


def entry(function):
    """A library that a function of this file makes."""
    return library.Entry(function.__name__, f"{__name__}:{function.__name__}", "numpy")


def fast_learner():
    """Unequal work: a learning rate 1 % off."""
    made = NumpyLibrary()
    setup = made.setup
    made.setup = lambda work: setup(
        replace(work, problem=replace(work.problem, learning_rate=1.01 * work.problem.learning_rate))
    )
    return made


def chatterbox():
    """A library that prints where the answers go."""
    print("hello from the library")
    os.write(1, b"and from its C code\n")
    return NumpyLibrary()


def quitter():
    """A library whose process ends in the middle of a step."""
    made = NumpyLibrary()
    made.epoch = lambda: os._exit(3)
    return made


def sick():
    """A library whose loss is NaN."""
    made = NumpyLibrary()
    made.loss = lambda: float("nan")
    return made


def stranger():
    """A library that cannot be started."""
    raise OSError("no such device")


def observer():
    """A library that tells where it runs."""
    made = NumpyLibrary()
    variables = {name: os.environ[name] for name in runner.THREAD_VARIABLES}
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
    made.versions = lambda: {"cores": str(cores), "path": sys.path[0]} | variables
    return made


def run_tiny(*entries, task="train", problem=TINY, **case):
    suite = suites.Suite(task, task, f"gdcore.bench.tasks:{task}", "check", ())
    with runner.Runner(entries, BUDGET) as running:
        return running.run(suite, tasks.Case(problem, **case)), running


# Problems


@pytest.mark.parametrize("problem", ALL, ids=lambda problem: problem.name)
def test_a_problem_is_sound(problem):
    assert len(problem.widths) >= 2
    assert problem.samples % problem.batch == 0
    assert problem.steps * problem.batch == problem.samples
    assert problem.epochs >= 1
    assert problem.n_params == initial_model(problem).n_params
    assert NumpyLibrary().refuses("train", problem) == ""


def test_problems_have_names_of_their_own():
    assert set(PROBLEMS) <= set(ALL)
    assert len({problem.name for problem in ALL}) == len(ALL)
    assert len({problem.label for problem in ALL}) == len(ALL)


@pytest.mark.parametrize("problem", [TINY, *PROBLEMS], ids=lambda problem: problem.name)
def test_a_workload_is_the_same_every_time_and_starts_from_gdcores_parameters(problem):
    first, second = make_workload(problem), make_workload(problem)
    assert first.X.shape == (problem.samples, problem.widths[0])
    assert first.X.dtype == np.float32
    assert len(first.y) == problem.samples
    np.testing.assert_array_equal(first.X, second.X)
    np.testing.assert_array_equal(first.y, second.y)
    flat = np.concatenate([part.ravel() for pair in zip(first.weights, first.biases, strict=True) for part in pair])
    np.testing.assert_array_equal(flat, gd.MLP(problem.widths, problem.activation, seed=SEED).params)
    first.weights[0][...] = 0
    assert np.any(make_workload(problem).weights[0])


def test_more_digits_than_there_are_is_an_error():
    with pytest.raises(ValueError, match=r"samples must be <= 1438.*got 2048"):
        make_workload(replace(DIGITS, samples=2048))


@pytest.mark.parametrize("problem", ALL, ids=lambda problem: problem.name)
def test_unequal_work_moves_the_final_loss_beyond_the_tolerance(problem):
    work, made = make_workload(problem), NumpyLibrary()

    def final(rate, steps):
        made.setup(replace(work, problem=replace(problem, learning_rate=rate)))
        before = made.loss()
        for xb, yb in (made.batches * problem.epochs)[steps]:
            made.step(xb, yb)
        assert made.loss() < before
        return made.loss()

    rate, every = problem.learning_rate, slice(None)
    right = final(rate, every)
    few = max(1, problem.steps // 256)  # One step of a long epoch changes too little.
    for wrong in (final(1.01 * rate, every), final(rate, slice(few, None)), final(rate, slice(-few))):
        assert measure.relative_difference([right, wrong]) > runner.TOLERANCE


# The runner


@pytest.mark.parametrize("task", ["train", "step", "predict", "gradcheck"])
def test_both_libraries_do_the_same_work_in_processes_of_their_own(task):
    row, running = run_tiny(GDCORE, NUMPY, task=task, rows=7 if task == "predict" else 0)
    assert row.failed == {}
    assert row.ok
    assert list(row.timings) == ["gdcore", "numpy"]
    assert all(len(timing.seconds) == BUDGET.rounds and min(timing.seconds) > 0 for timing in row.timings.values())
    assert 0 < row.checks["gdcore"] < 10
    assert running.versions["numpy"]["numpy"] == np.__version__
    assert running.versions["gdcore"]["gdcore"] == gd.__version__


@pytest.mark.parametrize("task", ["train", "step"])
def test_the_loss_is_compared_after_the_steps_of_the_problem(task):
    row, _ = run_tiny(GDCORE, task=task)
    model, work = initial_model(TINY), make_workload(TINY)
    trainer = gd.Trainer(model, TINY.loss, gd.SGD(TINY.learning_rate), batch_size=TINY.batch, shuffle=False)
    for _ in range(TINY.epochs):
        trainer.epoch(work.X, work.y)
    assert row.checks["gdcore"] == model.loss(work.X, work.y, TINY.loss)


def test_unequal_work_is_told():
    row, _ = run_tiny(GDCORE, entry(fast_learner))
    assert row.failed == {}
    assert not row.agrees
    assert not row.ok
    [complaint] = table.complaints(row)
    assert "UNEQUAL WORK: gdcore 0." in complaint
    assert "fast_learner 0." in complaint


def test_a_loss_that_is_not_a_number_is_unequal_work():
    row, _ = run_tiny(NUMPY, entry(sick))
    assert not row.agrees
    values = table.row_to_dict(row)
    assert values["libraries"]["sick"]["check"] is None
    assert values["apart"] is None


def test_what_a_library_prints_does_not_disturb():
    row, _ = run_tiny(entry(chatterbox))
    assert row.ok
    assert row.timings["chatterbox"].median > 0


@pytest.mark.parametrize(
    ("function", "message"), [(quitter, "its process ended with status 3"), (stranger, "OSError: no such device")]
)
def test_a_library_that_fails_leaves_the_others_their_row(function, message):
    row, _ = run_tiny(NUMPY, entry(function))
    assert message in row.failed[function.__name__]
    assert list(row.timings) == ["numpy"]
    assert not row.ok
    assert "failed" in table.line(row, ["numpy", function.__name__])
    assert table.row_to_dict(row)["failed"] == {function.__name__: row.failed[function.__name__].splitlines()[-1]}


def test_a_process_has_one_thread_and_one_core_and_this_ones_path(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    before = os.sched_getaffinity(0) if sys.platform == "linux" else None
    _, running = run_tiny(entry(observer))
    facts = running.versions["observer"]
    assert facts["cores"] == "1"
    assert facts["path"] == (sys.path[0] or os.getcwd())
    assert {facts[name] for name in runner.THREAD_VARIABLES} == {"1"}
    assert before is None or os.sched_getaffinity(0) == before


def test_more_threads_than_cores_are_refused():
    row, running = run_tiny(NUMPY, threads=10**6)
    assert "1000000 threads on" in row.refused["numpy"]
    assert running.versions == {}
    assert table.line(row, ["numpy"])


def test_a_problem_that_a_library_cannot_do_is_refused():
    row, _ = run_tiny(NUMPY, GDCORE, problem=replace(TINY, activation="gelu", optimizer="lion", learning_rate=0.01))
    assert row.refused == {"numpy": "the NumPy reference has no gelu, lion"}
    assert list(row.timings) == ["gdcore"]
    assert row.ok


# The command


TINY_SUITES = (
    suites.train_suite([TINY]),
    suites.predict_suite([(TINY, 1)]),
)


def test_the_command_prints_a_table_and_writes_json(tmp_path, capsys):
    path = tmp_path / "results.json"
    assert command.run_command(["--quick", "--json", str(path)], "bench", TINY_SUITES, (GDCORE, NUMPY)) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 100
    for part in ("train: ", "predict: ", "3-5-2, 4 ", "3-5-2, 1 row ", "ratio", "final loss", "instruction set"):
        assert part in text
    report = json.loads(path.read_text())
    assert set(report) == {
        "machine",
        "versions",
        "instruction_set",
        "threads",
        "budget",
        "tolerance",
        "suites",
    }
    assert {"cpu", "cores", "date", "python", "load_average"} <= set(report["machine"])
    assert report["instruction_set"] in ("base", "v3", "v4")
    assert [suite["suite"] for suite in report["suites"]] == ["train", "predict"]
    [row] = report["suites"][0]["rows"]
    assert row["case"]["problem"]["widths"] == [3, 5, 2]
    assert row["agrees"]
    assert set(row["libraries"]["numpy"]) == {"seconds", "low", "high", "runs", "cpu", "check"}
    assert row["flops"] == 3 * 2 * 4 * (3 * 5 + 5 * 2) - 2 * 4 * 3 * 5
    assert row["n_params"] == TINY.n_params
    times = row["libraries"]
    assert row["ratios"]["numpy"] == times["numpy"]["seconds"] / times["gdcore"]["seconds"]


def test_unequal_work_makes_the_exit_status_1(capsys):
    assert command.run_command(["train", "--quick"], "bench", TINY_SUITES, (GDCORE, entry(fast_learner))) == 1
    assert "UNEQUAL WORK" in capsys.readouterr().out


def test_a_library_that_is_not_installed_is_left_out_with_a_line(capsys):
    absent = library.Entry("absent", "no_such_library:Adapter", "no_such_library")
    assert command.run_command(["predict", "--quick"], "bench", TINY_SUITES, (NUMPY, absent)) == 0
    assert "skipped absent: no_such_library is not installed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["trian"], r"unknown suite 'trian'; known: .*did you mean 'train'\?"),
        (["--problems", "8-32-32-2"], r"unknown problem '8-32-32-2'; known: .*did you mean '8-32-32-1'\?"),
        (["--libraries", "gdcore,numpi"], r"unknown library 'numpi'; known: gdcore, numpy; did you mean 'numpy'\?"),
        (["--json", "no/such/folder/x.json"], r"there is no folder no.such.folder"),
    ],
)
def test_unknown_names_are_told_before_anything_runs(argv, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        bench.main(argv)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(message, captured.err)


def test_the_shipped_suites_are_part_of_the_full_ones(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.libraries import LIBRARIES as EVERY
    from benchmarks.suites import SUITES as FULL

    assert [suite.name for suite in FULL[: len(suites.SUITES)]] == [suite.name for suite in suites.SUITES]
    assert len({suite.name for suite in FULL}) == len(FULL)
    assert len({entry.name for entry in EVERY}) == len(EVERY)
    assert [entry.name for entry in EVERY[:2]] == [entry.name for entry in suites.LIBRARIES]
    for suite in (*suites.SUITES, *FULL):
        if suite.name != "fits":  # joblib is a peer's
            assert callable(library.find(suite.task))
        assert suite.cases
        assert max(len(case.label) for case in suite.cases) < table.LABEL
    for made in (*suites.LIBRARIES, *EVERY[:2]):
        assert issubclass(library.find(made.adapter), library.Library)


def test_the_repositorys_command_runs():
    arguments = ["predict", "--quick", "--problems", "8-32-32-1", "--libraries", "numpy"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "8-32-32-1, 100,000 rows" in done.stdout


# The table


def test_a_row_in_full():
    row = runner.Row(
        tasks.Case(TINY),
        timings={"gdcore": measure.Timing((1e-6, 1e-6)), "numpy": measure.Timing((2e-5, 3e-5))},
        checks={"gdcore": 0.5, "numpy": 0.5001},
    )
    line = table.line(row, ["gdcore", "numpy"])
    assert line.split() == ["3-5-2,", "4", "1.00", "us", "~0%", "25.0", "us", "~20%", "25.0x", "0.5", "2e-04"]
    assert row.agrees
    assert table.row_to_dict(row)["ratios"] == {"numpy": pytest.approx(25)}


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.234e-9, "1.23 ns"), (0.0456, "45.6 ms"), (1.5, "1.50 s"), (321.4e-6, "321 us")]
)
def test_durations(seconds, text):
    assert table.duration(seconds) == text


def test_libraries_that_do_not_fit_follow_in_tables_of_their_own():
    names = ["gdcore", "a", "b", "c", "d"]
    assert table.groups(names, 100) == [["gdcore", name] for name in "abcd"]
    assert table.groups(names, 1000) == [names]
    assert table.groups(["gdcore"], 100) == [["gdcore"]]
    suite = TINY_SUITES[0]
    assert all(len(part) <= 100 for part in table.header(suite, names[:2]).splitlines())
