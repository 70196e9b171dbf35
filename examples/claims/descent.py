"""The loss (3 + 3A)^2 and the steps of gradient descent on it.

A tutorial moves against the derivative 18 (A + 1) at one over 10 and at one over 100. Every step multiplies A + 1 by
1 - 18 rate, so descent is stable below 2/18, and 1/18 arrives in one step.
"""

import gdcore as gd
from gdcore.claims import reproduce


def loss(A):
    """Value and derivative."""
    return (3 + 3 * A) ** 2, 18 * (A + 1)


for rate in (1 / 100, 1 / 10, 1 / 18, 0.12):
    result = gd.minimize(loss, 2.0, optimizer=gd.SGD(rate), max_steps=200, trace=True)
    print(f"rate {rate:.4f}: A = {result.trace.x[:5].round(3)} …; {result.message}")

reproduce(2)
