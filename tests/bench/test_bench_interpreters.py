"""Libraries with interpreters of their own, and files of results that are completed suite by suite."""

import json
import os
import sys
from pathlib import Path

import pytest

from gdcore.bench import command, interpreters, results_file, runner, suites, tasks
from gdcore.bench.library import Entry
from gdcore.bench.numpy_adapter import NumpyLibrary
from gdcore.bench.problems import Problem

TINY = Problem("tiny", (3, 5, 2), 4, 32, 0.1, 1)
GDCORE, NUMPY = suites.LIBRARIES
BUDGET = runner.Budget(0.001, 2, 1.0)


def same_python(folder):
    """A program of another name that starts this interpreter and tells so."""
    path = folder / "other"
    path.write_text(f'#!/bin/sh\nSTARTED_BY=other exec "{sys.executable}" "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def observer():
    """A library that tells by which program it was started, and with which path."""
    made = NumpyLibrary()
    made.versions = lambda: {"by": os.environ.get("STARTED_BY", ""), "path": os.environ["PYTHONPATH"]}
    return made


def test_a_library_with_an_interpreter_of_its_own_does_the_same_work(tmp_path):
    other = Entry("numpy-other", NUMPY.adapter, "numpy", python=same_python(tmp_path))
    with runner.Runner([GDCORE, NUMPY, other], BUDGET) as running:
        row = running.run(suites.train_suite([TINY]), tasks.Case(TINY))
    assert row.failed == {}
    assert list(row.checks) == ["gdcore", "numpy", "numpy-other"]
    assert row.ok


def test_its_process_is_started_by_it_and_sees_sources_only(tmp_path):
    watching = Entry("observer", f"{__name__}:observer", "numpy", python=same_python(tmp_path))
    with runner.Runner([watching], BUDGET) as running:
        running.run(suites.train_suite([TINY]), tasks.Case(TINY))
    facts = running.versions["observer"]
    assert facts["by"] == "other"
    folders = facts["path"].split(os.pathsep)
    assert str(Path(interpreters.__file__).parents[2]) in folders or "site-packages" in interpreters.__file__
    assert not [folder for folder in folders if "site-packages" in folder]


def test_installed_is_asked_of_its_interpreter(tmp_path):
    here = Entry("numpy", NUMPY.adapter, "numpy", python=sys.executable)
    absent = Entry("absent", NUMPY.adapter, "no_such_module", python=sys.executable)
    assert runner.installed([here, absent]) == ([here], [absent])


def test_an_option_replaces_an_interpreter_or_adds_a_release():
    found = interpreters.with_interpreters([GDCORE, NUMPY], [f"numpy={sys.executable}", f"numpy-1.26={sys.executable}"])
    assert [entry.name for entry in found] == ["gdcore", "numpy", "numpy-1.26"]
    assert [entry.python for entry in found] == ["", sys.executable, sys.executable]
    assert found[2].adapter == NUMPY.adapter


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("numpy", "--python: expected NAME=PYTHON, got 'numpy'"),
        ("numpy=/no/such/python", "there is no program '/no/such/python'"),
        (f"numpi-2={sys.executable}", r"unknown library 'numpi'; known: gdcore, numpy; did you mean 'numpy'\?"),
    ],
)
def test_options_that_are_wrong_are_told_before_anything_runs(option, message, capsys):
    with pytest.raises(ValueError, match=message):
        interpreters.with_interpreters([GDCORE, NUMPY], [option])
    with pytest.raises(SystemExit, match="2"):
        command.main(["--python", option])
    assert capsys.readouterr().out == ""


def test_a_suites_own_contenders_take_the_interpreter_and_the_releases():
    variants = [GDCORE.variant("numpy 1", threads=1), NUMPY]
    every = interpreters.with_interpreters([GDCORE, NUMPY], [f"gdcore={sys.executable}", f"numpy-1={sys.executable}"])
    found = interpreters.in_suite(variants, every)
    assert [(entry.name, entry.python) for entry in found] == [
        ("numpy 1", sys.executable),
        ("numpy", ""),
        ("numpy-1", sys.executable),
    ]


SUITES = (suites.train_suite([TINY]), suites.predict_suite([(TINY, 1)]))


def test_a_file_of_results_is_completed(tmp_path, capsys):
    path = tmp_path / "results.json"

    def run(*argv):
        assert command.run_command([*argv, "--quick", "--json", str(path)], "bench", SUITES, (GDCORE,)) == 0
        return {suite["suite"]: suite for suite in json.loads(path.read_text())["suites"]}

    first = run("train", "--merge")
    both = run("predict", "--merge")
    assert list(both) == ["train", "predict"]
    assert both["train"] == first["train"]
    assert "gdcore" in both["predict"]["versions"]
    assert {"date", "load_average"} <= set(both["predict"]["machine"])
    assert list(run("predict")) == ["predict"]


def test_results_of_another_machine_are_refused(tmp_path, capsys):
    path = tmp_path / "results.json"
    assert command.run_command(["train", "--quick", "--json", str(path)], "bench", SUITES, (GDCORE,)) == 0
    report = json.loads(path.read_text())
    assert results_file.earlier_results(path, report["machine"], report["instruction_set"]) == report
    other = {**report, "machine": {**report["machine"], "cpu": "a slide rule"}}
    path.write_text(json.dumps(other), encoding="utf-8")
    capsys.readouterr()
    with pytest.raises(SystemExit, match="2"):
        command.run_command(["train", "--merge", "--json", str(path)], "bench", SUITES, (GDCORE,))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "holds results of a slide rule" in captured.err
    with pytest.raises(SystemExit, match="2"):
        command.run_command(["train", "--merge"], "bench", SUITES, (GDCORE,))
    assert "--merge needs --json FILE" in capsys.readouterr().err


def test_peers_are_held_to_avx2_where_gdcore_is(monkeypatch):
    monkeypatch.setenv("GDCORE_ISA", "v3")
    assert interpreters.environment_of(GDCORE)["GDCORE_ISA"] == "v3"
    held = interpreters.environment_of(NUMPY)
    assert "GDCORE_ISA" not in held
    assert held["OPENBLAS_CORETYPE"] == "Haswell"
    assert set(interpreters.AVX2_ALONE) <= set(held)
    monkeypatch.setenv("GDCORE_ISA", "v4")
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    assert "OPENBLAS_CORETYPE" not in interpreters.environment_of(NUMPY)
