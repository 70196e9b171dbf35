"""Jobs of several processes: `mpiexec -n k python tests/distributed/program.py ...`, where an MPI is installed.

Where GDCORE_REQUIRE_MPI is set, as in .ci/run, a missing MPI is a failure; elsewhere the tests are skipped.
"""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / "tests" / "distributed" / "program.py"
TIMEOUT = 120
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "GDCORE_NUM_THREADS": "1",
    # Open MPI refuses root and more processes than cores, MPICH waits busily for others: both are told better here,
    # since an option of one's mpiexec is an error for the other's.
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "MPIR_CVAR_POLLS_BEFORE_YIELD": "1",
}


def launcher():
    """Return the path of the mpiexec beside this Python, or on the PATH; None without one, or without mpi4py."""
    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    return found if find_spec("mpi4py") else None


def needs_mpi():
    """Skip the test, or fail where an MPI is required, if there is none."""
    if launcher() is None:
        reason = "no MPI here: pip install mpi4py mpich"
        (pytest.fail if os.environ.get("GDCORE_REQUIRE_MPI") else pytest.skip)(reason)


def command(n, *arguments, by=()):
    """Return the command of a job of n ranks; 0 ranks: one process without MPI; `by`: Python's own arguments."""
    launched = [launcher(), "-n", str(n)] if n else []
    return [*launched, sys.executable, *by, str(PROGRAM), str(n), *map(str, arguments)]


def start(n, *arguments, cwd, by=(), **environment):
    """Start a job in a process group of its own."""
    if n:
        needs_mpi()
    return subprocess.Popen(
        command(n, *arguments, by=by),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **ENVIRONMENT, **environment},
    )


class Ended:
    """A job that has ended: `code`, `out`, `err`, and what its ranks printed as JSON, `lines`."""

    def __init__(self, job, out, err):
        self.code, self.out, self.err = job.returncode, out, err
        self.lines = [json.loads(line[6:]) for line in out.splitlines() if line.startswith("JSON: ")]

    @property
    def line(self):
        (line,) = self.lines
        return line


def end(job, timeout=TIMEOUT):
    try:
        out, err = job.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, 9)
        out, err = job.communicate()
        pytest.fail(f"the job has not ended within {timeout} s\n{out}\n{err}")
    return Ended(job, out, err)


def run(n, *arguments, cwd, **environment):
    """Run a job that succeeds."""
    done = end(start(n, *arguments, cwd=cwd, **environment))
    assert done.code == 0, f"{done.out}\n{done.err}"
    return done
