"""
A sweep: which rate, which penalty
==================================

`sweep` trains three seeds at each point of a grid in one call, and compares their means. A star marks the best point.
What differs by less than the spread over the seeds does not differ.
"""

import matplotlib.pyplot as plt

import gdcore as gd

X, y = gd.datasets.friedman(300)
net = gd.Sequential(gd.Standardize.from_data(X), *gd.MLP([10, 32, 1]).layers, gd.ScaledTarget.from_data(y), seed=0)
grid = {"learning_rate": [0.001, 0.003, 0.01, 0.03, 0.1], "l2": [0.0, 0.001, 0.003, 0.01, 0.03]}
found = gd.sweep(net, X, y, "mse", grid=grid, seeds=3, epochs=40, validation_split=0.25)
print(found)

figure, ax = plt.subplots(figsize=(7, 4.6), layout="constrained")
found.plot(ax)
figure.axes[-1].set_ylabel("mean squared error of the scaled targets")
ax.set_title("Validation loss, mean over three seeds")
