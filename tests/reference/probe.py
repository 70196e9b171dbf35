"""NumPy reference of a model's evaluator for the gradient checker: differences, their roundoff, patterns of signs.

Slow: every point is a forward pass over all rows. What the compiled evaluator must agree with.
"""

import hashlib

import numpy as np

import reference
from gdcore import ACTIVATIONS, Dense
from gdcore.gradcheck.slopes.evaluator import Differences
from gdcore.layers.activations import get_activation

EPS = np.finfo(np.float64).eps
ROUNDINGS = 8
KINKED = {row.name: row.kinks for row in ACTIVATIONS if row.kinks}
LOSS_KINKS = {
    "mean_absolute_error": lambda z, y, _: [z - y],
    "quantile": lambda z, y, _: [z - y],
    "huber": lambda z, y, delta: [z - y - delta, z - y + delta],
    "hinge": lambda z, y, _: [1 - y * z],
    "squared_hinge": lambda z, y, _: [1 - y * z],
    "epsilon_insensitive": lambda z, y, epsilon: [z - y - epsilon, z - y + epsilon],
    "squared_epsilon_insensitive": lambda z, y, epsilon: [z - y - epsilon, z - y + epsilon],
    "modified_huber": lambda z, y, _: [1 - y * z, -1 - y * z],
    "perceptron": lambda z, y, _: [y * z],
}
"""What is 0 at each kink of a loss."""


def nearest_kink(loss, z, y):
    """Return what is 0 at the nearest kink (n, k); its sign changes at each of them."""
    found = np.stack(LOSS_KINKS[loss.name](z, y, loss.option()))
    return np.sign(found).prod(axis=0) * np.abs(found).min(axis=0)


def row_losses(name, option, z, y):
    """Return values (n,), slopes (n, k), and the sizes (n,) of the terms that a value is summed from."""
    if name == "cross_entropy":
        values, slopes = reference.cross_entropy(z, y, option)
        t = np.eye(z.shape[1])[y] if y.ndim == 1 else y
        gap = z.max(axis=1, keepdims=True) - z
        return values, slopes, 1 + ((1 - option) * t * gap + option / z.shape[1] * gap).sum(axis=1)
    values, slopes = reference.POINTWISE[name](z, y, option)
    sizes = np.abs(values)
    if name in ("binary_cross_entropy", "poisson"):
        sizes = sizes + np.abs(y * z)
    return values.sum(axis=1), slopes, sizes.sum(axis=1)


class ReferenceEvaluator:
    """The protocol's attributes and methods; arguments as `reference.loss_and_grad` takes them."""

    def __init__(self, layers, params, X, y, name, option=0.0, weight=None, l1=0.0, l2=0.0, masks=()):
        self.layers, self.X, self.y, self.name, self.option = layers, X, y, name, option
        self.l1, self.l2, self.masks = l1, l2, masks
        self.x, self.eps = params.copy(), float(EPS)
        weight = np.ones(len(X)) if weight is None else weight
        outputs = next(layer.out_features for layer in reversed(layers) if isinstance(layer, Dense))
        self.share = weight / weight.sum() / (1 if name == "cross_entropy" else outputs)
        self.weights = np.zeros(len(params), bool)
        for part in reference.split(layers, self.weights):
            if part is not None:
                part[0][...] = True
        self.here = self._rows(self.x)
        penalty, _ = reference.penalty(layers, self.x, l1, l2)
        self.value, self.pattern = float(self.share @ self.here[0] + penalty), self.here[2]

    def _forward(self, params):
        """Outputs (n, k), how far rounding may put them off, and what kinks depend on."""
        x, error, kinks, masks = self.X, np.zeros_like(self.X), [], iter(self.masks)
        for layer, part in zip(self.layers, reference.split(self.layers, params), strict=True):
            if part is None:
                mask = next(masks, None)
                if mask is not None:
                    x, error = x * mask, error * mask
                continue
            z = reference.dense(x, *part)
            sizes = reference.dense(np.abs(x), np.abs(part[0]), None if part[1] is None else np.abs(part[1]))
            z_error = error @ np.abs(part[0]) + ROUNDINGS * EPS * sizes
            x, slope = reference.activation(layer.activation, z)
            error = np.abs(slope) * z_error + (layer.activation != "identity") * ROUNDINGS * EPS * np.abs(x)
            kinks += [z - kink for kink in get_activation(layer.activation).kinks]
        return x, error, kinks

    def _rows(self, params):
        """Losses of rows (n,), their roundoff (n,), the pattern, and the outputs."""
        z, error, kinks = self._forward(params)
        values, slopes, sizes = row_losses(self.name, self.option, z, self.y)
        if self.name in LOSS_KINKS:
            kinks += LOSS_KINKS[self.name](z, self.y, self.option)
        if self.l1:
            kinks.append(params[self.weights])
        signs = b"".join(np.sign(part).astype(np.int8).tobytes() for part in kinks)
        pattern = int.from_bytes(hashlib.blake2b(signs, digest_size=8).digest(), "little") if kinks else 0
        roundoff = ROUNDINGS * EPS * sizes + (np.abs(slopes) * error).sum(axis=1) + (error**2).sum(axis=1)
        return values, roundoff, pattern, z

    def _difference(self, params):
        values, roundoff, pattern, z = self._rows(params)
        change = np.where((z != self.here[3]).any(axis=1), values - self.here[0], 0.0)
        step = np.where(self.weights, params - self.x, 0.0)
        changed = self.l1 * (np.abs(params) - np.abs(self.x)) * self.weights + self.l2 * step * (self.x + step / 2)
        total = self.share @ change + changed.sum()
        noise = self.share @ (roundoff + self.here[1]) + ROUNDINGS * EPS * (np.abs(changed).sum() + abs(total))
        return total, noise, pattern

    def _all(self, points):
        found = [self._difference(params) for params in points]
        values, noise, patterns = zip(*found, strict=True)
        return Differences(np.array(values), np.array(noise), np.array(patterns, np.uint64))

    def at(self, indices, points):
        moved = np.tile(self.x, (len(points), 1))
        moved[np.arange(len(points)), indices] = points
        return self._all(moved)

    def along(self, direction, steps):
        return self._all(self.x + np.outer(steps, direction))
