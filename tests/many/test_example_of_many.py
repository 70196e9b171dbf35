"""The script examples/many_models.py runs, and its intervals hold what they promise."""

import re
import runpy
from pathlib import Path

import gdcore as gd

EXAMPLE = Path(gd.__file__).parents[1] / "examples" / "many_models.py"


def test_the_example_runs(capsys):
    runpy.run_path(str(EXAMPLE))
    printed = capsys.readouterr().out
    assert printed.startswith("Many(150 models of")
    assert 70 <= int(re.findall(r"between the quantiles: (\d+)%", printed)[0]) <= 85
