"""A network of PyTorch whose gradients gdcore checks and which it trains on, and back.

python examples/with_torch.py            needs the extra "torch"
"""

import numpy as np
import torch
from torch import nn

import gdcore as gd

rng = np.random.default_rng(0)
X = rng.normal(size=(400, 5)).astype(np.float32)
y = np.sin(X[:, :1]) + X[:, 1:2] * X[:, 2:3]

torch.manual_seed(0)
module = nn.Sequential(nn.Linear(5, 32), nn.SiLU(), nn.Dropout(0.05), nn.Linear(32, 1))
net = gd.interop.from_torch(module)
print(net)
print("gradients:", "right" if gd.check_gradients(net, X[:50], y[:50], "mse").ok else "wrong")

history = net.fit(X, y, "mse", epochs=60)
trained = gd.interop.to_torch(net)
with torch.no_grad():
    loss = nn.functional.mse_loss(trained(torch.from_numpy(X)), torch.from_numpy(y)).item()
print(f"loss by gdcore {net.loss(X, y, 'mse'):.6f}, by PyTorch {loss:.6f}")
