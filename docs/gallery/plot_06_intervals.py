"""
An ensemble with intervals
==========================

`bootstrap` trains 100 networks, each on rows drawn with replacement, in one call. Where there were data, the networks
agree; in the gap and beyond the data they do not, and the interval says so. It holds what these networks can think
of, and not all that may be true: far from the data the function itself may leave it.
"""

import matplotlib.pyplot as plt
import numpy as np

import gdcore as gd

rng = np.random.default_rng(0)
x = np.concatenate([rng.uniform(-2, -0.5, 40), rng.uniform(0.5, 1.5, 40)])[:, None]
y = np.sin(2 * x) + rng.normal(0, 0.15, x.shape)
net = gd.MLP([1, 32, 32, 1], activation="tanh", seed=0)
many = gd.bootstrap(net, x, y, "mse", n_models=100, optimizer=gd.Adam(0.02), epochs=300)

# %%

across = np.linspace(-3, 3, 200)[:, None]
low, middle, high = (part.ravel() for part in many.quantile(across, [0.05, 0.5, 0.95]))
figure, ax = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
ax.fill_between(across.ravel(), low, high, alpha=0.3, label="90 % of the networks")
ax.plot(across, middle, label="median of 100 networks")
ax.plot(across, np.sin(2 * across), "k--", linewidth=1, label="the function behind the data")
ax.plot(x, y, "k.", markersize=4, label="data")
ax.set(title="Intervals are wide where there are no data", xlabel="x", ylabel="y", ylim=(-2.6, 2.6))
ax.legend(loc="upper center", ncols=2, fontsize="small")
