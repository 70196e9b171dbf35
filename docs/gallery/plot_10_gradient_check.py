"""
A wrong gradient, found
=======================

Someone has written a backward pass and forgotten the slope of tanh in one unit. The losses fall all the same, so nobody
notices. `check_gradient` compares every entry with differences of the loss, and each entry has its own bound.
"""

import matplotlib.pyplot as plt
import numpy as np

import gdcore as gd

rng = np.random.default_rng(0)
X, y = rng.normal(size=(50, 4)), rng.normal(size=(50, 1))


def loss(params):
    weights, last = params[:24].reshape(4, 6), params[24:, None]
    return float(((np.tanh(X @ weights) @ last - y) ** 2).mean())


def gradient(params):
    weights, last = params[:24].reshape(4, 6), params[24:, None]
    hidden = np.tanh(X @ weights)
    error = 2 * (hidden @ last - y) / len(X)
    back = error @ last.T * (1 - hidden**2)
    back[:, 2] = error[:, 0] * last[2]  # the mistake: unit 2 lacks its slope
    return np.concatenate([(X.T @ back).ravel(), (hidden.T @ error).ravel()])


report = gd.check_gradient(loss, gradient, rng.normal(size=30))
print(report)

# %%
# On the left, the error of each entry and its bound. On the right, the V that every difference follows: a long step has
# truncation error, a short one roundoff. The wrong entry lies far above both.

figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.4), layout="constrained")
entries = report.entries
error = np.abs(entries["analytic"] - entries["numeric"])
bad = entries["verdict"] == "fail"
place = np.arange(len(entries))
axes[0].semilogy(place, np.maximum(error, 1e-17), "k.", label="right")
axes[0].semilogy(place[bad], error[bad], "rx", label="wrong")
axes[0].semilogy(place, entries["bound"], "_", color="0.5", label="bound")
axes[0].set(title=f"{bad.sum()} of 30 entries are wrong", xlabel="entry", ylabel="|analytic - numeric|")
axes[0].legend(loc="center right", fontsize="small")
report.plot(axes[1])
axes[1].set_title(f"The worst one: {axes[1].get_title()}")
