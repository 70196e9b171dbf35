"""Whole processes: every installed library's program reaches the goal, and what fails is told. No time is asserted."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from gdcore.bench.library import Entry

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.fixture
def data(tmp_path):
    from benchmarks.cold.measure import write_digits

    path = tmp_path / "digits.npz"
    write_digits(path)
    return path


@pytest.mark.parametrize("name", ["gdcore", "sklearn", "torch", "jax", "keras"])
def test_a_program_trains_to_the_goal_and_tells_its_parts(name, data):
    from benchmarks.cold.measure import LIBRARIES, run_program

    [entry] = [entry for entry in LIBRARIES if entry.name == name]
    if find_spec(entry.needs) is None:
        pytest.skip(f"{entry.needs} is not installed")
    run = run_program(entry, data, 0)
    assert 0.97 <= run.accuracy <= 1
    assert 1 <= run.epochs < 100
    assert set(run.parts) == {"import", "compile", "train"}
    assert all(seconds >= 0 for seconds in run.parts.values())
    assert sum(run.parts.values()) < run.wall
    assert run.parts["import"] > 0
    assert run.version


def test_the_command_writes_beside_what_a_file_holds(tmp_path, capsys):
    from benchmarks.cold.command import main

    path = tmp_path / "results.json"
    assert main(["--seeds", "1", "--libraries", "gdcore", "--json", str(path)]) == 0
    assert "1 of 1" in capsys.readouterr().out
    report = json.loads(path.read_text())
    assert report["suites"] == []
    assert report["cold"]["goal"] == 0.97
    [run] = report["cold"]["libraries"]["gdcore"]
    assert run["accuracy"] >= 0.97
    path.write_text(json.dumps({**report, "suites": [{"suite": "train"}]}))
    python = f"gdcore-again={sys.executable}"
    assert main(["--seeds", "1", "--libraries", "gdcore-again", "--python", python, "--json", str(path)]) == 0
    report = json.loads(path.read_text())
    assert report["suites"] == [{"suite": "train"}]
    assert list(report["cold"]["libraries"]) == ["gdcore-again"]


def test_a_program_that_fails_is_told_and_the_others_go_on(monkeypatch, tmp_path, capsys):
    from benchmarks.cold import command

    gdcore = next(entry for entry in command.LIBRARIES if entry.name == "gdcore")
    broken = Entry("broken", "with_nothing.py", "gdcore")
    monkeypatch.setattr(command, "LIBRARIES", (broken, gdcore, Entry("absent", "x.py", "no_such_library")))
    assert command.main(["--seeds", "1"]) == 1
    text = capsys.readouterr().out
    assert "skipped absent: no_such_library is not installed" in text
    assert "broken failed: its process ended with status 2" in text
    assert "1 of 1" in text


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--libraries", "torhc"], "did you mean 'torch'?"),
        (["--seeds", "0"], "seeds must be"),
        (["--json", "no/such/folder/x.json"], "there is no folder"),
        (["--python", "torch"], "expected NAME=PYTHON"),
    ],
)
def test_wrong_arguments_are_told_before_anything_runs(argv, message, capsys):
    from benchmarks.cold.command import main

    with pytest.raises(SystemExit, match="2"):
        main(argv)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
