"""Test functions of Moré, Garbow, Hillstrom (1981) and of Hock, Schittkowski (1981), with their known least values."""

from typing import NamedTuple

import numpy as np

STEP = 1e-40


class Problem(NamedTuple):
    """A function of x (n,), which takes complex numbers too, where to begin, and the values of its local minima."""

    fun: object
    start: list
    minima: tuple
    bounds: object = None


def value_and_gradient(fun, x):
    """By complex steps: exact to roundoff."""
    slopes = [fun(x + STEP * 1j * unit).imag / STEP for unit in np.eye(len(x))]
    return float(fun(x.astype(complex)).real), np.array(slopes)


def squares(residuals):
    return lambda x: (residuals(x) ** 2).sum()


def rosenbrock(x):
    return np.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def freudenstein_roth(x):
    a, b = x
    return np.stack([-13 + a + ((5 - b) * b - 2) * b, -29 + a + ((b + 1) * b - 14) * b])


def powell_badly_scaled(x):
    return np.stack([1e4 * x[0] * x[1] - 1, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001])


def brown_badly_scaled(x):
    return np.stack([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2])


def beale(x):
    return np.array([1.5, 2.25, 2.625]) - x[0] * (1 - x[1] ** np.arange(1, 4))


def jennrich_sampson(x):
    i = np.arange(1, 11)
    return 2 + 2 * i - np.exp(i * x[0]) - np.exp(i * x[1])


def helical_valley(x):
    angle = np.arctan(x[1] / x[0]) / (2 * np.pi) + (0.5 if x[0].real < 0 else 0)
    return np.stack([10 * (x[2] - 10 * angle), 10 * (np.sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]])


BARD = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])


def bard(x):
    u = np.arange(1, 16)
    v, w = 16 - u, np.minimum(u, 16 - u)
    return BARD - (x[0] + u / (v * x[1] + w * x[2]))


GAUSSIAN = np.array([9, 44, 175, 540, 1295, 2420, 3521, 3989, 3521, 2420, 1295, 540, 175, 44, 9]) / 1e4


def gaussian(x):
    t = (8 - np.arange(1, 16)) / 2
    return x[0] * np.exp(-x[1] * (t - x[2]) ** 2 / 2) - GAUSSIAN


MEYER = np.array(
    [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872]
)


def meyer(x):
    return x[0] * np.exp(x[1] / (45 + 5 * np.arange(1, 17) + x[2])) - MEYER


def box(x):
    t = np.arange(1, 11) / 10
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t))


def powell_singular(x):
    a, b, c, d = x
    return np.stack([a + 10 * b, 5**0.5 * (c - d), (b - 2 * c) ** 2, 10**0.5 * (a - d) ** 2])


def wood(x):
    a, b, c, d = x
    return np.stack([10 * (b - a * a), 1 - a, 90**0.5 * (d - c * c), 1 - c, 10**0.5 * (b + d - 2), (b - d) / 10**0.5])


KOWALIK = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])


def kowalik_osborne(x):
    u = np.array([4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])
    return KOWALIK - x[0] * (u * u + u * x[1]) / (u * u + u * x[2] + x[3])


def brown_dennis(x):
    t = np.arange(1, 21) / 5
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


def biggs(x):
    t = np.arange(1, 14) / 10
    y = np.exp(-t) - 5 * np.exp(-10 * t) + 3 * np.exp(-4 * t)
    return x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - y


def variably_dimensioned(x):
    s = (np.arange(1, len(x) + 1) * (x - 1)).sum()
    return np.append(x - 1, [s, s * s])


def penalty(x):
    return np.append(1e-5**0.5 * (x - 1), (x * x).sum() - 0.25)


def trigonometric(x):
    return len(x) - np.cos(x).sum() + np.arange(1, len(x) + 1) * (1 - np.cos(x)) - np.sin(x)


def brown_almost_linear(x):
    return np.append(x[:-1] + x.sum() - (len(x) + 1), np.prod(x) - 1)


def watson(x):
    t, j = np.arange(1, 30) / 29, np.arange(len(x))
    powers = t[:, None] ** j
    slopes = powers[:, :-1] @ (j[1:] * x[1:])
    return np.append(slopes - (powers @ x) ** 2 - 1, [x[0], x[1] - x[0] ** 2 - 1])


def hs3(x):
    return 1e-5 * (x[1] - x[0]) ** 2 + x[1]


def hs4(x):
    return (x[0] + 1) ** 3 / 3 + x[1]


def hs5(x):
    return np.sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1


def hs45(x):
    return 2 - np.prod(x) / 120


PROBLEMS = {
    "rosenbrock": Problem(squares(rosenbrock), [-1.2, 1], (0,)),
    "rosenbrock from afar": Problem(squares(rosenbrock), [120, -100], (0,)),
    "freudenstein-roth": Problem(squares(freudenstein_roth), [0.5, -2], (0, 48.98425368)),
    "powell badly scaled": Problem(squares(powell_badly_scaled), [0, 1], (0,)),
    "brown badly scaled": Problem(squares(brown_badly_scaled), [1, 1], (0,)),
    "beale": Problem(squares(beale), [1, 1], (0,)),
    "jennrich-sampson": Problem(squares(jennrich_sampson), [0.3, 0.4], (124.3621824,)),
    "helical valley": Problem(squares(helical_valley), [-1, 0, 0], (0,)),
    "bard": Problem(squares(bard), [1, 1, 1], (8.21487731e-3,)),
    "gaussian": Problem(squares(gaussian), [0.4, 1, 0], (1.12793277e-8,)),
    "meyer": Problem(squares(meyer), [0.02, 4000, 250], (87.94585517,)),
    "box": Problem(squares(box), [0, 10, 20], (0, 7.55887e-2)),
    "powell singular": Problem(squares(powell_singular), [3, -1, 0, 1], (0,)),
    "wood": Problem(squares(wood), [-3, -1, -3, -1], (0,)),
    "kowalik-osborne": Problem(squares(kowalik_osborne), [0.25, 0.39, 0.415, 0.39], (3.07505604e-4, 1.02734e-3)),
    "brown-dennis": Problem(squares(brown_dennis), [25, 5, -5, -1], (85822.20163,)),
    "biggs": Problem(squares(biggs), [1, 2, 1, 1, 1, 1], (0, 5.655649925e-3)),
    "variably dimensioned": Problem(squares(variably_dimensioned), (1 - np.arange(1, 7) / 6).tolist(), (0,)),
    "penalty": Problem(squares(penalty), [1, 2, 3, 4], (2.249977500e-5,)),
    "trigonometric": Problem(squares(trigonometric), [0.2] * 5, (0, 8.6e-5, 3.6e-4)),
    "brown almost linear": Problem(squares(brown_almost_linear), [0.5] * 5, (0, 1)),
    "watson": Problem(squares(watson), [0] * 6, (2.287670053e-3,)),
    "hs1": Problem(squares(rosenbrock), [-2, 1], (0,), [(None, None), (-1.5, None)]),
    "hs2": Problem(squares(rosenbrock), [-2, 1], (0.0504261879, 4.941229318), [(None, None), (1.5, None)]),
    "hs3": Problem(hs3, [10, 1], (0,), [(None, None), (0, None)]),
    "hs4": Problem(hs4, [1.125, 0.125], (8 / 3,), [(1, None), (0, None)]),
    "hs5": Problem(hs5, [0, 0], (-1.913222955,), [(-1.5, 4), (-3, 3)]),
    "hs38": Problem(squares(wood), [-3, -1, -3, -1], (0,), [(-10, 10)] * 4),
    "hs45": Problem(hs45, [2] * 5, (1,), [(0, i) for i in range(1, 6)]),
}
