"""
A map of learning rates and momentum
====================================

How far does gradient descent come in 100 steps, at each pair of learning rate and momentum? One call of `fit_many`
trains a model for each of 60 x 40 pairs.

The loss is a bowl with curvatures 1 and 100. Theory draws two lines into the map: beyond the rate
``2 (1 + momentum) / 100`` every run diverges, and the best pair is ``momentum = ((10 - 1) / (10 + 1))**2`` with
``rate = (2 / (10 + 1))**2``, since 10 is the root of the ratio of the curvatures.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

import gdcore as gd

# %%
# A linear model of two inputs under the mean squared error has the Hessian ``2 X^T X / n``. Four rows give it the
# eigenvalues 1 and 100.

X = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]) * [1.0, 10.0]
y = X @ [1.0, 1.0]
line = gd.LinearModel(2, bias=False, weight_init="zeros", dtype="float64", seed=0)
assert np.allclose(gd.learning_rate_bound(line, X, y, "mse").largest_curvature, 100)

rates = np.geomspace(1e-3, 0.1, 60)
momenta = 1 - np.geomspace(1, 0.02, 40)
rate, momentum = (part.ravel() for part in np.meshgrid(rates, momenta))
with warnings.catch_warnings():
    warnings.simplefilter("ignore", gd.ModelsDivergedWarning)  # half of the map is made of them
    many = gd.fit_many(
        line, X, y, "mse", n_models=rate.size, batch_size=4, optimizer=gd.SGD(rate, momentum=momentum), epochs=100
    )
loss = np.array([model.loss(X, y, "mse") for model in many]).reshape(len(momenta), len(rates))
loss[rate.reshape(loss.shape) > 2 * (1 + momentum.reshape(loss.shape)) / 100] = np.nan

# %%

figure, ax = plt.subplots(figsize=(7.5, 5), layout="constrained")
image = ax.pcolormesh(rates, 1 - momenta, np.log10(loss), cmap="viridis_r", vmin=-16, vmax=2, shading="nearest")
ax.plot(2 * (1 + momenta) / 100, 1 - momenta, "r--", label="largest stable rate, 2 (1 + momentum) / 100")
ax.plot((2 / 11) ** 2, 1 - (9 / 11) ** 2, "r*", markersize=14, label="best pair in theory")
ax.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="momentum")
ax.set(title="Loss after 100 steps (white: beyond the largest stable rate)", xlim=(rates[0], rates[-1]), ylim=(1, 0.02))
ax.minorticks_off()
ax.set_yticks([1, 0.5, 0.2, 0.1, 0.05, 0.02], ["0", "0.5", "0.8", "0.9", "0.95", "0.98"])
ax.legend(loc="lower left")
figure.colorbar(image, label="log10 of the loss", extend="min")
