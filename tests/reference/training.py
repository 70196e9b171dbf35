"""NumPy float64 reference of a training: penalties, clipping, update, and what layers have of their own."""

import math
from itertools import pairwise

import numpy as np

import reference
from gdcore import Dense
from gdcore._kernels import load
from reference import optimizers as reference_optimizers


def gradient_norm(grad):
    return math.sqrt(np.sum(grad**2))


def clip_scale(grad, clip_norm):
    return 1.0 if clip_norm is None else min(1.0, clip_norm / (gradient_norm(grad) + 1e-6))


def soft(v, threshold):
    return np.sign(v) * np.maximum(np.abs(v) - threshold, 0)


def order_of(epoch, n, seed):
    order = np.full(n, -1, np.int64)
    load("float64").shuffled(seed, epoch, order)
    return order


def spans(layers):
    """Return the dense layers' places in the flat vector."""
    ends = np.cumsum([0, *(layer.n_params for layer in layers if isinstance(layer, Dense))])
    return [slice(*pair) for pair in pairwise(ends)]


def penalized(params, grad, l1, l2):
    """Return what a step sees of penalties (n_params,): at 0 the sum's subgradient of least norm."""
    return np.where(params == 0, soft(grad, l1), grad + l1 * np.sign(params) + l2 * params)


def limit(layer, params):
    """Scale the columns of a layer's weight down to its max_norm, in place."""
    if layer.max_norm is not None:
        weight, _ = reference.split([layer], params)[0]
        norms = np.linalg.norm(weight, axis=0)
        weight /= np.where(norms > layer.max_norm, norms / layer.max_norm, 1)


def move(o, t, rate, params, grad, slots, scalars, l1, l2, whole, scale):
    """Update one layer in place: of `whole` = scale * (grad + penalties), which clipping may have cut."""
    before, side = params.copy(), np.sign(np.where(params != 0, params, -whole))
    reference_optimizers.UPDATES[o.name](o, t, rate, params, whole, slots, scalars)
    if o.name == "sgd" and o.momentum == 0:
        smooth = scale * (grad + l2 * before) + o.weight_decay * before
        params[:] = np.where(l1 > 0, soft(before - rate * smooth, rate * scale * l1), params)
    else:
        params[(l1 > 0) & (params * side <= 0)] = 0


def step(layers, o, t, params, grad, slots, scalars, *, l1=0.0, l2=0.0, clip_norm=None, clip_value=None, rates=()):
    """Make one step from the data's gradient, in place; return the norm before clipping and whether clipping acted.

    rates: pairs of a layer's or bias's name and a factor. Not for plain SGD with both l1 and clip_value.
    """
    l1, l2 = reference.strengths(layers, params, l1, l2)
    dense, places = [layer for layer in layers if isinstance(layer, Dense)], spans(layers)
    rates = dict(rates)
    factors = [rates.get(f"dense{i}", 1.0) for i in range(len(dense))]
    for place, factor in zip(places, factors, strict=True):
        for vector in (grad, l1, l2):
            vector[place] *= factor != 0
    whole = penalized(params, grad, l1, l2)
    seen = whole if clip_value is None else np.clip(whole, -clip_value, clip_value)
    scale = clip_scale(seen, clip_norm)
    start = scalars.copy()
    for i, (layer, place, factor) in enumerate(zip(dense, places, factors, strict=True)):
        bias = slice(place.start + layer.in_features * layer.out_features, place.stop)
        parts = (slice(place.start, bias.start), 1.0), (bias, rates.get(f"dense{i}.bias", 1.0))
        for part, own in parts if factor else ():
            scalars[:] = start
            of_part = params[part], grad[part], slots[:, part], scalars, l1[part], l2[part], scale * seen[part]
            move(o, t, o.learning_rate * factor * own, *of_part, scale)
        if factor:
            limit(layer, params[place])
    return gradient_norm(whole), scale < 1 or not np.array_equal(seen, whole)


def fit(net, X, y, loss, o, *, epochs, batch_size, weight=None, seed, **options):
    """Return parameters, each epoch's loss, norm and clipped steps, when the references do the work.

    A batch's gradient is sum (w g) / (rows * mean weight of all data), its share of the loss sum (w value).
    """
    weight = np.ones(len(X)) if weight is None else weight
    params, slots, scalars, t = net.params.astype(float), np.zeros((o.n_slots(), net.n_params)), np.zeros(2), 0
    history = {"loss": [], "gradient_norm": [], "clipped_steps": []}
    for epoch in range(epochs):
        order, steps = order_of(epoch, len(X), seed), []
        for first in range(0, len(X), batch_size):
            rows, t = order[first : first + batch_size], t + 1
            batch = X[rows], y[rows], loss.name, loss.option(), weight[rows]
            value, grad = reference.data_loss_and_grad(net.layers, params, *batch)
            grad *= weight[rows].sum() / (len(rows) * weight.mean())
            norm, clipped = step(net.layers, o, t, params, grad, slots, scalars, **options)
            steps.append((weight[rows].sum(), value, norm, clipped))
        weights, values, norms, clips = np.array(steps).T
        history["loss"].append(weights @ values / weights.sum())
        history["gradient_norm"].append(norms.mean())
        history["clipped_steps"].append(clips.sum())
    return params, history
