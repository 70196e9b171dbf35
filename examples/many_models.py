"""How sure is a forecast for each of many shops?

Each shop has a hundred rows of its own and a model for each of three quantiles of its sales: 10, 50 and 90 %. All 150
models are trained in one call. The share of new sales between the outer two is what it should be: about 80 %.
"""

import numpy as np

import gdcore as gd

SHOPS, DAYS = 50, 100
LEVELS = np.array([0.1, 0.5, 0.9])

rng = np.random.default_rng(0)
size = rng.uniform(1, 3, SHOPS)


def sales(shop, days):
    """Return the temperature of some days, and what a shop sold."""
    temperature = rng.uniform(-1, 1, (days, 1))
    return temperature, size[shop] * (temperature[:, 0] ** 2 + rng.normal(0, 0.3, days))


data = [rows for shop in range(SHOPS) for rows in [sales(shop, DAYS)] * len(LEVELS)]
net = gd.MLP([1, 8, 1], activation="tanh", seed=0)
many = gd.fit_many(
    net,
    [X for X, _ in data],
    [y for _, y in data],
    gd.Quantile(np.tile(LEVELS, SHOPS)),
    optimizer=gd.Adam(0.02),
    epochs=100,
)
print(many)

inside = []
for shop in range(SHOPS):
    X, y = sales(shop, 1000)
    low, _, high = (many[3 * shop + level].predict(X)[:, 0] for level in range(3))
    inside.append(np.mean((low <= y) & (y <= high)))
print(f"between the quantiles: {np.mean(inside):.0%} of new sales")
