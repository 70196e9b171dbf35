"""Instructions per training step, counted by valgrind: `python .ci/count_instructions.py [PROBLEM=MOST …]`.

A run of many epochs less a run of few leaves the steps alone. valgrind knows no AVX-512, so the kernels
are those of AVX2. The count depends on neither the machine's speed nor its load.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FEW, MANY = 1, 6
EPOCHS = """
import sys
from gdcore.bench.gdcore_adapter import GdcoreLibrary
from gdcore.bench.problems import PROBLEMS, make_workload
problem = next(problem for problem in PROBLEMS if problem.name == sys.argv[1])
made = GdcoreLibrary()
made.setup(make_workload(problem))
for _ in range(int(sys.argv[2])):
    made.epoch()
"""


def instructions(problem: str, epochs: int) -> int:
    """All instructions of a process that trains for so many epochs."""
    environment = os.environ | {"GDCORE_ISA": "v3", "GDCORE_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment["PYTHONHASHSEED"] = "0"
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={Path(folder) / 'out'}"]
        done = subprocess.run(
            [*command, sys.executable, "-c", EPOCHS, problem, str(epochs)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    return int(re.findall(r"Collected : (\d+)", done.stderr)[0])


def main() -> None:
    """Print instructions per step and per multiply-add; end with 1 where a limit is exceeded."""
    from gdcore.bench.problems import PROBLEMS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("limit", nargs="*", metavar="PROBLEM=MOST", help="such as 8-32-32-1=100000")
    limits = dict(one.split("=") for one in parser.parse_args().limit) or {"8-32-32-1": "inf", "64-128-64-10": "inf"}
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is not installed")
    exceeded = False
    for problem in PROBLEMS:
        if problem.name in limits:
            steps = (MANY - FEW) * problem.steps
            per_step = (instructions(problem.name, MANY) - instructions(problem.name, FEW)) / steps
            share = 2 * per_step / problem.step_flops
            print(f"{problem.name}: {per_step:,.0f} instructions a step, {share:.3f} per multiply-add")
            exceeded = exceeded or per_step > float(limits[problem.name])
    sys.exit(int(exceeded))


if __name__ == "__main__":
    main()
