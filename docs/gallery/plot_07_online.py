"""
Online learning: one row at a time
==================================

A sensor's readings arrive one by one, and what they mean drifts: halfway, one coefficient changes its sign. A step of a
`Trainer` on one row costs about a microsecond, so the model can learn from each reading as it comes.

A rate that falls as 1 / sqrt(steps) settles down, and is late when the world changes. A constant rate keeps some
noise and follows.
"""

import matplotlib.pyplot as plt
import numpy as np

import gdcore as gd

n = 6000
rng = np.random.default_rng(0)
X = rng.normal(size=(n, 3)).astype(np.float32)
coefficients = np.where(np.arange(n)[:, None] < n // 2, [1.0, -2.0, 0.5], [1.0, 2.0, 0.5])
y = ((X * coefficients).sum(axis=1, keepdims=True) + rng.normal(0, 0.2, (n, 1))).astype(np.float32)

optimizers = {"constant rate 0.02": gd.SGD(0.02), "rate 0.2 / sqrt(step)": gd.SGD(gd.schedules.InverseScaling(0.2))}
errors, weights = {}, {}
for name, optimizer in optimizers.items():
    line = gd.LinearModel(3, weight_init="zeros", seed=0)
    trainer = gd.Trainer(line, "mse", optimizer, batch_size=1)
    loss, weight = np.empty(n), np.empty(n)
    for i in range(n):
        loss[i] = trainer.step(X[i : i + 1], y[i : i + 1])  # the loss before the step: an honest test
        weight[i] = line.params[1]
    errors[name], weights[name] = loss, weight

# %%

figure, axes = plt.subplots(2, 1, figsize=(8, 5.5), layout="constrained", sharex=True)
window = np.ones(100) / 100
for name in optimizers:
    axes[0].semilogy(np.arange(99, n), np.convolve(errors[name], window, "valid"), label=name)
    axes[1].plot(weights[name], label=name)
axes[0].axhline(0.04, color="k", linestyle=":", label="variance of the noise")
axes[0].set(title="Error on readings not seen before", ylabel="squared error,\nmean of the last 100")
axes[1].plot(coefficients[:, 1], "k--", linewidth=1, label="true coefficient")
axes[1].set(title="The coefficient that changes its sign", xlabel="reading", ylabel="weight of sensor 2")
for ax in axes:
    ax.legend(fontsize="small", loc="upper right" if ax is axes[0] else "upper left")
