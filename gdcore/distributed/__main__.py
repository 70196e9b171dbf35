"""`python -m gdcore.distributed report`: see report.py."""

import sys

from .report import main

if __name__ == "__main__":
    if sys.argv[1:2] != ["report"]:
        sys.exit("usage: mpiexec -n 4 python -m gdcore.distributed report [--help]")
    sys.exit(main(sys.argv[2:]))
