"""NumPy float64 references of the optimizers' update rules: the executable specification.

A reference takes (o, t, lr, p, g, slots, scalars): the optimizer's record, the number of the step from 1, its
learning rate, and float64 arrays laid out as the kernel's. It updates p, slots and scalars in place.
"""

import numpy as np


def sgd(o, t, lr, p, g, slots, scalars):
    d = g + o.weight_decay * p
    if o.momentum != 0:
        b = d if t == 1 else o.momentum * slots[0] + (1 - o.dampening) * d
        slots[0] = b
        d = d + o.momentum * b if o.nesterov else b
    if o.cumulative_l1:
        scalars[0] += lr
    p -= lr * d


def adagrad(o, t, lr, p, g, slots, scalars):
    d = g + o.weight_decay * p
    start = o.initial_accumulator_value if t == 1 else 0
    slots[0] += start + d**2
    p -= lr / (1 + (t - 1) * o.lr_decay) * d / (np.sqrt(slots[0]) + o.eps)


def rmsprop(o, t, lr, p, g, slots, scalars):
    d = g + o.weight_decay * p
    slots[0] = o.alpha * slots[0] + (1 - o.alpha) * d**2
    variance = slots[0]
    if o.centered:
        slots[1] = o.alpha * slots[1] + (1 - o.alpha) * d
        variance = np.maximum(slots[0] - slots[1] ** 2, 0)
    move = d / (np.sqrt(variance) + o.eps)
    if o.momentum != 0:
        slots[-1] = o.momentum * slots[-1] + move
        move = slots[-1]
    p -= lr * move


def adadelta(o, t, lr, p, g, slots, scalars):
    d = g + o.weight_decay * p
    slots[0] = o.rho * slots[0] + (1 - o.rho) * d**2
    move = np.sqrt(slots[1] + o.eps) / np.sqrt(slots[0] + o.eps) * d
    slots[1] = o.rho * slots[1] + (1 - o.rho) * move**2
    p -= lr * move


def moments(o, d, slots):
    beta1, beta2 = o.betas
    slots[0] = beta1 * slots[0] + (1 - beta1) * d
    slots[1] = beta2 * slots[1] + (1 - beta2) * d**2


def adam_move(o, t, d, slots):
    moments(o, d, slots)
    m, v = slots[:2]
    if o.amsgrad:
        slots[2] = v = np.maximum(slots[2], v)
    return m / (1 - o.betas[0] ** t) / (np.sqrt(v / (1 - o.betas[1] ** t)) + o.eps)


def adam(o, t, lr, p, g, slots, scalars):
    p -= lr * adam_move(o, t, g + o.weight_decay * p, slots)


def adamw(o, t, lr, p, g, slots, scalars):
    p *= 1 - lr * o.weight_decay
    p -= lr * adam_move(o, t, g, slots)


def decay(o, lr, p, g):
    if o.decoupled_weight_decay:
        p *= 1 - lr * o.weight_decay
        return g
    return g + o.weight_decay * p


def nadam(o, t, lr, p, g, slots, scalars):
    mu, mu_next = (o.betas[0] * (1 - 0.96 ** (s * o.momentum_decay) / 2) for s in (t, t + 1))
    scalars[0] = mu * (1 if t == 1 else scalars[0])
    d = decay(o, lr, p, g)
    moments(o, d, slots)
    ahead = (1 - mu) / (1 - scalars[0]) * d + mu_next / (1 - scalars[0] * mu_next) * slots[0]
    p -= lr * ahead / (np.sqrt(slots[1] / (1 - o.betas[1] ** t)) + o.eps)


def adamax(o, t, lr, p, g, slots, scalars):
    beta1, beta2 = o.betas
    d = g + o.weight_decay * p
    slots[0] = beta1 * slots[0] + (1 - beta1) * d
    slots[1] = np.maximum(beta2 * slots[1], np.abs(d) + o.eps)
    p -= lr * slots[0] / (1 - beta1**t) / slots[1]


def radam(o, t, lr, p, g, slots, scalars):
    beta1, beta2 = o.betas
    moments(o, decay(o, lr, p, g), slots)
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
    move = slots[0] / (1 - beta1**t)
    if rho > 5:
        r = np.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
        move = r * move * np.sqrt(1 - beta2**t) / (np.sqrt(slots[1]) + o.eps)
    p -= lr * move


def lion(o, t, lr, p, g, slots, scalars):
    beta1, beta2 = o.betas
    p *= 1 - lr * o.weight_decay
    p -= lr * np.sign(beta1 * slots[0] + (1 - beta1) * g)
    slots[0] = beta2 * slots[0] + (1 - beta2) * g


UPDATES = {f.__name__: f for f in (sgd, adagrad, rmsprop, adadelta, adam, adamw, nadam, adamax, radam, lion)}
