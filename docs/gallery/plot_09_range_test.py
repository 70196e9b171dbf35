"""
Finding a learning rate
=======================

`find_learning_rate` passes copies of the network through rising rates, and then trains a few of them shortly at
single rates. The suggestion follows the short fits.
"""

import matplotlib.pyplot as plt

import gdcore as gd

digits = gd.datasets.load_digits()
net = gd.MLP([64, 32, 10], activation="relu", seed=0)
optimizers = {"SGD with momentum 0.9": gd.SGD(momentum=0.9), "Adam": gd.Adam()}

figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained", sharey=True)
for ax, (name, optimizer) in zip(axes, optimizers.items(), strict=True):
    found = gd.find_learning_rate(net, digits.X, digits.y, "cross_entropy", optimizer)
    found.plot(ax)
    ax.set_title(f"{name}: {found.suggestion:.2g}")
    ax.label_outer()
