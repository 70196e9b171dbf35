"""A regression with scaled inputs and targets as an ONNX file, run by onnxruntime.

python examples/to_onnx.py            needs the extra "onnx"
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

import gdcore as gd
from gdcore.datasets import friedman

X, y = friedman(500, seed=0)
net = gd.Sequential(
    gd.Standardize.from_data(X),
    gd.Dense(X.shape[1], 32, "gelu"),
    gd.Dense(32, 1),
    gd.ScaledTarget.from_data(y),
    seed=0,
)
net.fit(X, y, "mse", epochs=50)

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "model.onnx"
    onnx.save(gd.interop.to_onnx(net), path)
    found = onnxruntime.InferenceSession(path).run(None, {"X": np.asarray(X, np.float32)})[0]
    print(f"{path.stat().st_size:,} bytes, largest difference {np.abs(found - net.predict(X)).max():.1e}")
