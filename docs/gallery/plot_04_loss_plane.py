"""
The loss around a network, and the way down
===========================================

A network for handwritten digits has 2410 parameters. `loss_plane` cuts the loss along the two directions in which the
path of the fit is longest, and tells how much of the path lies in that plane.
"""

import gdcore as gd

digits = gd.datasets.load_digits()
net = gd.MLP([64, 32, 10], activation="relu", seed=0)
trace = gd.plot.ParamsTrace(net)
net.fit(
    digits.X,
    digits.y,
    "cross_entropy",
    optimizer=gd.SGD(0.05, momentum=0.9),
    epochs=15,
    callbacks=trace,
)
ax = gd.plot.loss_plane(net, digits.X, digits.y, "cross_entropy", path=trace)
ax.set_title("Cross entropy along the path of 15 epochs")
