"""
Decision boundaries: width and penalty
======================================

Two half moons with noise, and four networks. Two hidden units cannot bend the boundary enough. Two layers of 64 bend
it around single samples; a small L2 penalty makes it smooth again, and the loss on new samples smaller.
"""

import matplotlib.pyplot as plt
import numpy as np

import gdcore as gd


def moons(n, rng):
    angle, label = rng.uniform(0, np.pi, n), np.arange(n) % 2
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * np.where(label, -1, 1)[:, None]
    return points + np.outer(label, [1, 0.4]) + rng.normal(0, 0.25, (n, 2)), label


rng = np.random.default_rng(0)
X, y = moons(100, rng)
X_test, y_test = moons(2000, rng)

# %%

cases = {
    "2 units": ([2], 0.0),
    "8 units": ([8], 0.0),
    "64 and 64 units": ([64, 64], 0.0),
    "64 and 64 units, l2 = 0.0003": ([64, 64], 0.0003),
}
figure, axes = plt.subplots(2, 2, figsize=(8, 7), layout="constrained", sharex=True, sharey=True)
for ax, (name, (widths, l2)) in zip(axes.flat, cases.items(), strict=True):
    net = gd.MLP([2, *widths, 2], activation="tanh", seed=3)
    net.fit(X, y, "cross_entropy", optimizer=gd.Adam(0.01), epochs=500, l2=l2)
    gd.plot.decision_boundary(net, X, y, ax)
    if ax.get_legend() is not None and ax is not axes[1, 0]:
        ax.get_legend().remove()
    accuracy, loss = net.score(X_test, y_test), net.loss(X_test, y_test, "cross_entropy")
    ax.set(title=f"{name}\non new samples: accuracy {accuracy:.3f}, loss {loss:.2f}")
    ax.set(xlabel="feature 1", ylabel="feature 2")
    ax.label_outer()
