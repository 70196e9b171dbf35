"""What results become: the picture, the tables of a machine, machines side by side. No time is asserted."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd
from gdcore.bench import command, plot, suites
from gdcore.bench.problems import Problem

ROOT = Path(__file__).parents[2]
TINY = Problem("tiny", (3, 5, 2), 4, 32, 0.1, 1)
COLUMN = Problem("column", (3, 5, 1), 4, 32, 0.1, 2, activation="relu", optimizer="adam")


@pytest.fixture(autouse=True)
def on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A report of problems that are as small as can be, measured, read back from its file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        return report_in(tmp_path_factory.mktemp("report") / "results.json")


def report_in(path):
    from benchmarks.suites import MULTIPLIER, by_name, products

    entries = [by_name[name] for name in ("gdcore", "numpy", "peak")]
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
    report["versions"] = {"jax": {"jax": "0.12.0", "python": "3.13.0"}, "jax-0.4.31": {"jax": "0.4.31"}}
    made = suite_tables.summary(report)
    assert "| layers, rows | gdcore | jax | jax-0.4.31 | sklearn | of the peak |" in made
    assert "| 8-1, 1, 65,536/epoch | 10.0 ns | 3.00x | 2.00x | 4.00x |" in made
    assert "JAX 0.12.0 (Python 3.13.0) and 0.4.31" in made


def test_whole_processes_are_shown_where_they_were_measured():
    from benchmarks import machines

    run = {"wall": 2.0, "parts": {"import": 1.0, "compile": 0.5, "train": 0.25}, "epochs": 9, "version": "1.2"}
    cold = {"goal": 0.97, "libraries": {"gdcore": [{**run, "accuracy": 0.98}], "torch": [{**run, "accuracy": 0.9}]}}
    made = machines.cold({"one": machine_with("train", cold=cold), "two": machine_with("train")})
    assert "one: gdcore 1.2, torch 1.2." in made
    assert "| torch | 2.00 s | 1.00x | 1.00 s | 500 ms | 250 ms | 9 | 0 of 1 |" in made
    assert "two" not in made


def test_the_picture_is_drawn(measured, tmp_path):
    if find_spec("matplotlib") is None:
        pytest.skip("matplotlib is not installed")
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
