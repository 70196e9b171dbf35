"""Jobs of the pipeline's tests and of the report: `mpiexec -n k python …`, whose ranks print lines of JSON."""

import json
import os
import subprocess
import sys

from mpi_jobs import ENVIRONMENT, ROOT, launcher, needs_mpi

SCRIPT = ROOT / "tests" / "distributed" / "pipeline_job.py"


def launched(n, *arguments, timeout=60):
    """Run Python on n ranks, and return the ended process."""
    needs_mpi()
    return subprocess.run(
        [launcher(), "-n", str(n), sys.executable, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        check=False,
    )


def job(n, *arguments, timeout=60):
    """Run a case of pipeline_job.py that succeeds, and return what its ranks tell, in their order."""
    done = launched(n, SCRIPT, *arguments, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
