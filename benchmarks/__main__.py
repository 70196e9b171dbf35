"""`python -m benchmarks [SUITE ...] [--quick] [--json FILE] [--plot FILE.png] [--libraries A,B] [--problems A,B]`.

`python -m benchmarks power` counts what gradient checkers find, `rates` what becomes of suggested learning rates,
`real` scores fits on real data sets, `cold` times whole processes, `sparse` times rows of sparse inputs, and
`estimators` compares those of gdcore.sklearn with scikit-learn's: these have options and results of their own.
"""

import sys

from gdcore.bench.command import run_command

from .cold.command import main as cold
from .estimators.command import main as estimators
from .libraries import LIBRARIES
from .power.command import main as power
from .rates.command import main as rates
from .real.command import main as real
from .sparse import main as sparse
from .suites import SUITES

OWN = {"cold": cold, "estimators": estimators, "power": power, "rates": rates, "real": real, "sparse": sparse}

if __name__ == "__main__":
    try:
        if sys.argv[1:] and sys.argv[1] in OWN:
            sys.exit(OWN[sys.argv[1]](sys.argv[2:]))
        sys.exit(run_command(sys.argv[1:], "python -m benchmarks", SUITES, LIBRARIES))
    except KeyboardInterrupt:
        sys.exit(130)
