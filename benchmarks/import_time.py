"""Processor time of `import gdcore` beside that of `import numpy`, each the least of many new processes, in turns.

python benchmarks/import_time.py [turns]
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CODES = ("pass", "import numpy", "import numpy, gdcore")


def seconds(code: str) -> float:
    """Of a process that runs the code, its start included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": path})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print both, and their ratio."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    subprocess.run([sys.executable, "-m", "compileall", "-q", ROOT / "gdcore"], check=True)
    rows = [[seconds(code) for code in CODES] for _ in range(turns)]
    empty, numpy, both = map(min, zip(*rows, strict=True))
    print(f"import numpy   {1e3 * (numpy - empty):6.1f} ms")
    print(f"import gdcore  {1e3 * (both - numpy):6.1f} ms more, {(both - numpy) / (numpy - empty):.0%} of NumPy's")


if __name__ == "__main__":
    main()
