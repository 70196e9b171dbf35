"""Why must the learning rate shrink when x grows?

Someone fits y = w x, once to x = (1, 100) and once to x = (1, 10), and finds that the first needs a far smaller rate.
The largest stable rate is 2 / the loss's curvature, which is the mean of 2 x^2: it falls with the square of x. With
inputs on one scale, both data sets have the same curvature, and one rate serves both.
"""

import gdcore as gd
from gdcore.claims import reproduce

for X, y in (([[1], [100]], [2, 200]), ([[1], [10]], [2, 20])):
    line = gd.LinearModel(1, bias=False, weight_init="ones", dtype="float64")
    scaled = gd.Sequential(gd.Standardize.from_data(X), gd.Dense(1, 1), dtype="float64")
    print(f"x = {X}: gradient {line.loss_and_grad(X, y, 'mse')[1][0]:g}")
    print(f"  stable below {gd.learning_rate_bound(line, X, y, 'mse').max_rate:.6g} as it is,")
    print(f"  below {gd.learning_rate_bound(scaled, X, y, 'mse').max_rate:.6g} standardized")

reproduce(1)
