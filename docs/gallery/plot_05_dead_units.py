"""
Dead units, found
=================

A relu unit whose input is negative for every row is dead: its gradient is 0, and so it stays dead. Biases that start
far below zero make many. `diagnose` counts them layer by layer.
"""

import matplotlib.pyplot as plt
import numpy as np

import gdcore as gd

X, y = gd.datasets.friedman(1000)
X = (X - X.mean(axis=0)) / X.std(axis=0)
y = (y - y.mean()) / y.std()


def fitted(bias):
    hidden = [gd.Dense(10, 48, "relu", bias_init=bias), gd.Dense(48, 48, "relu", bias_init=bias)]
    net = gd.Sequential(*hidden, gd.Dense(48, 1), seed=0)
    history = net.fit(X, y, "mse", optimizer=gd.Adam(0.003), epochs=20)
    return net, history


healthy, history = fitted(gd.Zeros())
sick, sick_history = fitted(gd.Constant(-2.0))
print(gd.diagnose(sick, X, y, "mse", sick_history, optimizer=gd.Adam(0.003)))

# %%
# The share of rows for which each unit of the first two layers is active.

figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", sharey=True)
for ax, net, title in ((axes[0], healthy, "biases from 0"), (axes[1], sick, "biases from -2")):
    inputs = X.astype("float32")
    for i, marker in enumerate("os"):
        parts = dict(net.parameters())
        inputs = np.maximum(inputs @ parts[f"dense{i}.weight"] + parts[f"dense{i}.bias"], 0)
        active = np.sort((inputs > 0).mean(axis=0))
        dead = int((active == 0).sum())
        ax.plot(100 * active, marker, markersize=4, label=f"layer {i + 1}: {dead} of {len(active)} units dead")
    ax.set(title=f"{title}: loss {net.loss(X, y, 'mse'):.3f}", xlabel="unit, in order of its share", ylim=(-5, 105))
    ax.legend(loc="upper left")
axes[0].set_ylabel("rows for which the unit is active (%)")
