"""
Five optimizers on two parameters
=================================

The loss is a bent valley (Rosenbrock's function): steep walls, and a floor that hardly falls. All begin at the same
point and make 300 steps.

Plain gradient descent must keep its rate below what the walls allow, and so it creeps along the floor. Momentum gathers
speed there. Adaptive optimizers divide by the size of recent gradients, so the walls no longer set the pace.
"""

import matplotlib.pyplot as plt
import numpy as np

import gdcore as gd


def valley(x):
    a, b = x
    value = (1 - a) ** 2 + 20 * (b - a * a) ** 2
    return value, np.array([2 * (a - 1) - 80 * a * (b - a * a), 40 * (b - a * a)])


optimizers = {
    "SGD, rate 0.004": gd.SGD(0.004),
    "SGD, momentum 0.9": gd.SGD(0.004, momentum=0.9),
    "RMSprop, rate 0.02": gd.RMSprop(0.02),
    "Adam, rate 0.1": gd.Adam(0.1),
    "Lion, rate 0.02": gd.Lion(0.02),
}
start = [-1.2, 1.3]
runs = {
    name: gd.minimize(valley, start, optimizer=optimizer, max_steps=300, stop=(), trace=True)
    for name, optimizer in optimizers.items()
}

# %%
# The paths, on contours of the loss whose heights grow geometrically, and the losses over the steps.

a, b = np.meshgrid(np.linspace(-1.6, 1.6, 201), np.linspace(-0.5, 2.0, 201))
height = (1 - a) ** 2 + 20 * (b - a * a) ** 2
figure, axes = plt.subplots(2, 3, figsize=(10.5, 6.5), layout="constrained")
for ax, (name, run) in zip(axes.flat, runs.items(), strict=False):
    ax.contour(a, b, height, levels=np.geomspace(0.05, 100, 12), colors="0.75", linewidths=0.8)
    ax.plot(*run.trace.x.T, ".-", markersize=3, linewidth=0.8)
    ax.plot(*run.trace.x[-1], "k*", markersize=10)
    ax.plot(1, 1, "k+", markersize=12)
    ax.set(title=f"{name}\nloss {run.fun:.2g} after {run.nit} steps", xlabel="parameter a", ylabel="parameter b")
ax = axes[1, 2]
for name, run in runs.items():
    ax.semilogy(run.trace.fun, label=name.replace(", momentum 0.9", " with momentum").partition(",")[0])
ax.set(title="loss over the steps", xlabel="step", ylabel="loss", ylim=(1e-8, 100))
ax.legend(fontsize="x-small", loc="lower left")
