"""The example of saving runs, and prints what it promises."""

import subprocess
import sys
from pathlib import Path

import gdcore as gd

SCRIPT = Path(gd.__file__).parent.parent / "examples" / "saving.py"


def test_the_example_of_saving(tmp_path):
    env = {"PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-W", "error", str(SCRIPT)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=env, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == ["the power is gone after 12 epochs", "the same bits: True", "rows of the history: 30"]
    assert float(lines[3].removeprefix("accuracy of the loaded model: ")) > 0.95
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits.gdc", "run.1.gdc", "run.gdc"]
