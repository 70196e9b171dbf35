"""Is my gradient vanishing? One tanh unit that learns to double numbers.

Its gradient becomes very small because it has arrived: the diagnosis says converged, and the check finds its gradient
right. The document sums halves of squares over its 20 examples, "mse" takes the mean of squares: its rate of 0.07 is
0.07 * 20 / 2 here. In a terminal the network then takes numbers.
"""

import numpy as np

import gdcore as gd
from gdcore.claims import reproduce

X = np.arange(1, 21)[:, None] * 0.025
half = gd.Constant(0.5)
net = gd.Sequential(gd.Dense(1, 1, "tanh", weight_init=half, bias_init=half), dtype="float64")
print(gd.check_gradients(net, X, 2 * X, "mse"))
net.fit(X, 2 * X, loss="mse", optimizer=gd.SGD(0.7), epochs=10_000, batch_size=20)
print(gd.diagnose(net, X, 2 * X, "mse"))

reproduce(4)
