"""The example of several processes runs, with the same bits on any number of them."""

import os
import subprocess
import sys

import pytest
from mpi_jobs import ENVIRONMENT, ROOT, launcher, needs_mpi

SCRIPT = ROOT / "examples" / "data_parallel.py"


def output(tmp_path, *launched):
    """What rank 0 prints, in a folder of its own."""
    folder = tmp_path / "-".join(("job", *launched[1:]))
    folder.mkdir(exist_ok=True)
    env = {**os.environ, "PYTHONPATH": str(ROOT), **ENVIRONMENT}
    command = [*launched, sys.executable, "-W", "error", str(SCRIPT)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=env, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in folder.iterdir()] == ["parallel.gdc"]
    return done.stdout.splitlines()


@pytest.fixture
def alone(tmp_path):
    found = output(tmp_path)
    assert [line[:19] for line in found] == ["validation accuracy", "parameters " + found[1][11:19]]
    return found


@pytest.mark.parametrize("n", ["2", "3"])
def test_the_example(n, alone, tmp_path):
    needs_mpi()
    assert output(tmp_path, launcher(), "-n", n) == alone


def test_a_second_run_says_that_it_went_on(alone, tmp_path):
    told, *lines = output(tmp_path)
    assert told == "this run went on from parallel.gdc: delete it to begin anew"
    assert lines == alone
