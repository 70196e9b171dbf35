"""The example of data larger than memory runs, and prints what it promises."""

import subprocess
import sys
from pathlib import Path

import gdcore as gd

SCRIPT = Path(gd.__file__).parent.parent / "examples" / "large_data.py"


def test_the_example_of_large_data(tmp_path):
    env = {"PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-W", "error", str(SCRIPT)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=env, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "30000 rows of 20 columns, 6000 in a window"
    assert lines[2:] == ["the same bits: True", "outputs.npy has shape (30000, 1)"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outputs.npy", "run.gdc", "shards"]
