"""`python -m benchmarks [SUITE ...] [--quick] [--json FILE] [--plot FILE.png] [--libraries A,B] [--problems A,B]`.

`python -m benchmarks power` counts what gradient checkers find: it has options and results of its own.
"""

import sys

from gdcore.bench.command import run_command

from .libraries import LIBRARIES
from .power.command import main as power
from .suites import SUITES

if __name__ == "__main__":
    try:
        if sys.argv[1:2] == ["power"]:
            sys.exit(power(sys.argv[2:]))
        sys.exit(run_command(sys.argv[1:], "python -m benchmarks", SUITES, LIBRARIES))
    except KeyboardInterrupt:
        sys.exit(130)
