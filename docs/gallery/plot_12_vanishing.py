"""
Is my gradient vanishing?
=========================

Each layer of sigmoids multiplies the gradient by a slope of at most 1/4. After eight of them little is left at the
input; relu with weights of He's variance keeps it.
"""

import matplotlib.pyplot as plt

import gdcore as gd

digits = gd.datasets.load_digits()
figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained", sharey=True)
for ax, activation in zip(axes, ("sigmoid", "tanh", "relu"), strict=True):
    net = gd.MLP([64, *[32] * 8, 10], activation=activation, seed=0)
    gd.plot.gradient_flow(net, digits.X, digits.y, "cross_entropy", ax)
    ax.set_title(f"{activation}, 8 hidden layers")
    ax.set_xlabel("layer, from the input")
    ax.set_xticks(range(9), [f"{i + 1}" for i in range(9)])
    ax.label_outer()
