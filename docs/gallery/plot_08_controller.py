"""
A controller at 10 kHz
======================

A network steers an unstable plant, an inverted pendulum whose motor's torque is limited, in a loop of 10,000 steps a
second: 100 microseconds for each. It learns the control law from examples, and then `Sequential.predict` is called
with one row in every step.
"""

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np

import gdcore as gd

STEP, LIMIT = 1e-4, 15.0  # seconds, and newton metres per unit of inertia


def law(state):
    """Return the torque that brings angle and speed to 0, as far as the motor can."""
    angle, speed = np.moveaxis(np.asarray(state), -1, 0)
    return np.clip(-9.81 * np.sin(angle) - 60 * angle - 14 * speed, -LIMIT, LIMIT)


rng = np.random.default_rng(0)
states = rng.uniform([-0.6, -3.0], [0.6, 3.0], size=(4000, 2)).astype(np.float32)
torques = law(states)[:, None].astype(np.float32)
net = gd.Sequential(
    gd.Standardize.from_data(states),
    gd.Dense(2, 24, "tanh"),
    gd.Dense(24, 1),
    gd.ScaledTarget.from_data(torques),
    seed=0,
)
net.fit(states, torques, "mse", optimizer=gd.Adam(0.01), epochs=60)

# %%
# One second of the loop, from 0.3 rad. A push disturbs it halfway.

steps = 10_000
angle, speed = 0.3, 0.0
row = np.empty((1, 2), np.float32)
angles, torque, seconds = np.empty(steps), np.empty(steps), np.empty(steps)
for i in range(steps):
    began = perf_counter()
    row[0] = angle, speed
    u = float(np.clip(net.predict(row)[0, 0], -LIMIT, LIMIT))
    seconds[i] = perf_counter() - began
    speed += STEP * (9.81 * np.sin(angle) + u)
    angle += STEP * speed
    if i == steps // 2:
        speed += 0.9
    angles[i], torque[i] = angle, u
assert abs(angle) < 0.05

# %%

time = STEP * np.arange(steps)
figure, axes = plt.subplots(1, 3, figsize=(10, 3.8), layout="constrained")
axes[0].plot(time, angles)
axes[0].set(title="Angle", xlabel="time (s)", ylabel="angle (rad)")
axes[1].plot(time, torque)
axes[1].set(title="Torque, limited to 15", xlabel="time (s)", ylabel="torque (N m per kg m²)")
axes[2].hist(1e6 * seconds, bins=np.geomspace(1, 200, 60))
axes[2].axvline(100, color="k", linestyle="--", label="100 µs: the step")
axes[2].set(
    title=f"Time of a decision: median {1e6 * np.median(seconds):.1f} µs", xlabel="time (µs)", ylabel="decisions"
)
axes[2].set(xscale="log", yscale="log", ylim=(0.7, 1e5))
axes[2].legend(fontsize="small", loc="upper left")
