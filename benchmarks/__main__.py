"""`python -m benchmarks [SUITE ...] [--quick] [--json FILE] [--plot FILE.png] [--libraries A,B] [--problems A,B]`."""

import sys

from gdcore.bench.command import run_command

from .libraries import LIBRARIES
from .suites import SUITES

if __name__ == "__main__":
    try:
        sys.exit(run_command(sys.argv[1:], "python -m benchmarks", SUITES, LIBRARIES))
    except KeyboardInterrupt:
        sys.exit(130)
