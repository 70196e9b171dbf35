"""
Which run is better, and from when
==================================

`compare` sets several runs side by side. Runs of the same setting with other seeds show the noise, and what differs
by less does not differ.
"""

import gdcore as gd

X, y = gd.datasets.friedman(600)
settings = {"SGD": gd.SGD(0.03), "momentum": gd.SGD(0.01, momentum=0.9), "Adam": gd.Adam(0.01)}


def history(optimizer, seed):
    layers = (gd.Standardize.from_data(X), *gd.MLP([10, 32, 1]).layers, gd.ScaledTarget.from_data(y))
    net = gd.Sequential(*layers, seed=seed)
    return net.fit(X, y, "mse", optimizer=optimizer, epochs=40, validation_split=0.25)


compared = gd.compare({name: [history(optimizer, seed) for seed in range(5)] for name, optimizer in settings.items()})
print(compared)
ax = compared.plot()
ax.set(title="Validation loss: mean and range over five seeds", ylabel="mean squared error of the scaled targets")
