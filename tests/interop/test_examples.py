"""The scripts in examples/ run, and the C code of docs/microcontroller.md prints what `predict` returns."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd
from interop.compiled import COMPILERS, STRICT, command

ROOT = Path(gd.__file__).parents[1]
NEEDED = {"to_c": (), "with_torch": ("torch",), "with_sklearn": ("sklearn",), "to_onnx": ("onnx", "onnxruntime")}


@pytest.mark.parametrize("name", NEEDED)
def test_example_runs(name, tmp_path):
    for library in NEEDED[name]:
        pytest.importorskip(library)
    if name == "to_c" and not COMPILERS:
        pytest.skip("no C compiler")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / f"{name}.py")],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "CC": COMPILERS[0] if COMPILERS else ""},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    shown = {
        "to_c": r"probability: \d\.\de-0[678]",
        "with_torch": "gradients: right",
        "with_sklearn": r"after 50 more .* accuracy 0\.99",
    }
    assert re.search(shown.get(name, r"difference \d\.\de-0[56]"), done.stdout), done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not COMPILERS, reason="no C compiler")
def test_the_page_of_the_microcontroller(tmp_path, monkeypatch):
    text = (ROOT / "docs" / "microcontroller.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], names)
    (tmp_path / "main.c").write_text(re.search(r"```c\n(.*?)```", text, re.DOTALL)[1])
    command(COMPILERS[0], *STRICT, "main.c", "-o", "main", "-lm")
    printed = [float(word) for word in command(tmp_path / "main").split()]
    wide, x = names["net"].astype("float64"), np.array([21.5, 1013.0])
    slopes = [np.diff(wide.predict(x + np.outer([-1, 1], step)), axis=0) / (2 * max(step)) for step in 1e-4 * np.eye(2)]
    assert np.allclose(printed, [wide.predict([x]).item(), *np.ravel(slopes)], rtol=2e-5)


@pytest.mark.parametrize("activation", [row.name for row in gd.ACTIVATIONS])
def test_the_page_says_what_each_activation_needs(activation):
    text = (ROOT / "docs" / "microcontroller.md").read_text(encoding="utf-8")
    header = gd.interop.to_c(gd.Sequential(gd.Dense(2, 2, activation)), gradient=True)
    needs = re.search(r"Needs (\w+)", header)[1]
    lines = text.replace("`LeakyReLU`", "leaky_relu").splitlines()
    row = next(line for line in lines if re.match(rf"\|.*\b{activation}\b.*\|", line))
    assert needs in row
