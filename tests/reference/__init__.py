"""NumPy float64 reference of the kernels, the optimizers' excepted (optimizers.py): the executable specification.

Layers are gdcore's records; parameters one flat float64 vector, layer by layer, weight
(n_in, n_out) in C order, then bias. Rows are samples.
"""

import math

import numpy as np

from gdcore import Dense, Dropout, LayerNorm, MinMax, Standardize

erf = np.vectorize(math.erf, otypes=[float])


# Activations: z -> (f(z), f'(z)). At a kink the slope is the one on the left; of relu6 and hardtanh it is 0.


def identity(z):
    return z, np.ones_like(z)


def relu(z):
    return np.maximum(z, 0), np.where(z > 0, 1.0, 0.0)


def leaky_relu(z, slope=0.01):
    return np.where(z > 0, z, slope * z), np.where(z > 0, 1.0, slope)


def elu(z):
    below = np.minimum(z, 0)
    return np.where(z > 0, z, np.expm1(below)), np.where(z > 0, 1.0, np.exp(below))


def selu(z):
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    below = np.minimum(z, 0)
    return scale * np.where(z > 0, z, alpha * np.expm1(below)), scale * np.where(z > 0, 1.0, alpha * np.exp(below))


def sigmoid_value(z):
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, small) / (1 + small)


def softplus(z):
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))), sigmoid_value(z)


def sigmoid(z):
    return sigmoid_value(z), sigmoid_value(z) * sigmoid_value(-z)


def tanh(z):
    return np.tanh(z), 4 * sigmoid_value(2 * z) * sigmoid_value(-2 * z)


def gelu(z):
    below = 0.5 * (1 + erf(z / math.sqrt(2)))
    return z * below, below + z * np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def silu(z):
    s = sigmoid_value(z)
    return z * s, s * (1 + z * sigmoid_value(-z))


def relu6(z):
    return np.clip(z, 0, 6), np.where((z > 0) & (z < 6), 1.0, 0.0)


def hardtanh(z):
    return np.clip(z, -1, 1), np.where((z > -1) & (z < 1), 1.0, 0.0)


def hard_swish(z):
    inside = (z > -3) & (z <= 3)
    return z * np.clip(z + 3, 0, 6) / 6, np.where(inside, (2 * z + 3) / 6, np.where(z > 3, 1.0, 0.0))


def mish(z):
    t = np.tanh(softplus(z)[0])
    s = sigmoid_value(z)
    return z * t, t + z * s * (1 - t) * (1 + t)


ACTIVATIONS = {
    f.__name__: f
    for f in (
        identity,
        relu,
        leaky_relu,
        elu,
        selu,
        softplus,
        sigmoid,
        tanh,
        gelu,
        silu,
        relu6,
        hardtanh,
        hard_swish,
        mish,
    )
}


def activation(spec, z):
    """Return f(z) and f'(z) of a name, or of a record, whose one field is the parameter."""
    return ACTIVATIONS[spec](z) if isinstance(spec, str) else ACTIVATIONS[spec.name](z, *spec.settings())


# Losses of one output z and its target y: (z, y, option) -> (value, d value / d z). At a kink the slope is 0, but for
# the perceptron's, which is -y there.


def mean_squared_error(z, y, _):
    return (z - y) ** 2, 2 * (z - y)


def mean_absolute_error(z, y, _):
    return np.abs(z - y), np.sign(z - y)


def huber(z, y, delta):
    d = z - y
    return np.where(np.abs(d) <= delta, d * d / 2, delta * (np.abs(d) - delta / 2)), np.clip(d, -delta, delta)


def log_cosh(z, y, _):
    """Return log cosh d = log(1 + 2 sinh(d/2)^2), which does not cancel near zero; |d| - log 2 far away."""
    d = np.abs(z - y)
    near = np.log1p(2 * np.sinh(np.minimum(d, 5) / 2) ** 2)
    return np.where(d < 5, near, d - math.log(2) + np.log1p(np.exp(-2 * d))), np.tanh(z - y)


def quantile(z, y, q):
    d = y - z
    return np.maximum(q * d, (q - 1) * d), np.where(d > 0, -q, np.where(d < 0, 1 - q, 0))


def epsilon_insensitive(z, y, epsilon):
    beyond = np.abs(z - y) - epsilon
    return np.maximum(beyond, 0), np.where(beyond > 0, np.sign(z - y), 0)


def squared_epsilon_insensitive(z, y, epsilon):
    beyond = np.maximum(np.abs(z - y) - epsilon, 0)
    return beyond**2, 2 * np.sign(z - y) * beyond


def poisson(z, y, _):
    return np.exp(z) - y * z, np.exp(z) - y


def binary_cross_entropy(z, y, _):
    return softplus(z)[0] - y * z, sigmoid_value(z) - y


def hinge(z, y, _):
    return np.maximum(1 - y * z, 0), np.where(y * z < 1, -y, 0)


def squared_hinge(z, y, _):
    gap = np.maximum(1 - y * z, 0)
    return gap**2, -2 * y * gap


def modified_huber(z, y, _):
    margin, gap = y * z, np.maximum(1 - y * z, 0)
    return np.where(margin < -1, -4 * margin, gap**2), np.where(margin < -1, -4 * y, -2 * y * gap)


def perceptron(z, y, _):
    return np.maximum(-y * z, 0), np.where(y * z <= 0, -y, 0)


POINTWISE = {
    f.__name__: f
    for f in (
        mean_squared_error,
        mean_absolute_error,
        huber,
        log_cosh,
        quantile,
        epsilon_insensitive,
        squared_epsilon_insensitive,
        poisson,
        binary_cross_entropy,
        hinge,
        squared_hinge,
        modified_huber,
        perceptron,
    )
}


def cross_entropy(z, y, smoothing):
    """Return values (n,) and slopes (n, k) of logits z (n, k); y holds labels (n,) or probabilities (n, k)."""
    t = np.eye(z.shape[1])[y] if y.ndim == 1 else y
    t = (1 - smoothing) * t + smoothing / z.shape[1]
    shifted = z - z.max(axis=1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -(t * log_softmax).sum(axis=1), np.exp(log_softmax) * t.sum(axis=1, keepdims=True) - t


def loss(name, option, z, y, weight=None):
    """Return the weighted mean over samples and outputs, and its derivative with respect to z (n, k)."""
    weight = np.ones(len(z)) if weight is None else weight
    if name == "cross_entropy":
        values, slopes = cross_entropy(z, y, option)
        total = weight.sum()
        return weight @ values / total, weight[:, None] * slopes / total
    values, slopes = POINTWISE[name](z, y, option)
    total = weight.sum() * z.shape[1]
    return weight @ values.sum(axis=1) / total, weight[:, None] * slopes / total


# Layers


def split(layers, vector):
    """Return views of a flat vector: (weight, bias or None) of a Dense, (gain, bias) of a LayerNorm, otherwise None."""
    parts, at = [], 0
    for layer in layers:
        if isinstance(layer, LayerNorm):
            parts.append((vector[at : at + layer.features], vector[at + layer.features : at + layer.n_params]))
            at += layer.n_params
            continue
        if not isinstance(layer, Dense):
            parts.append(None)
            continue
        size = layer.in_features * layer.out_features
        weight = vector[at : at + size].reshape(layer.in_features, layer.out_features)
        bias = vector[at + size : at + layer.n_params] if layer.bias else None
        parts.append((weight, bias))
        at += layer.n_params
    return parts


def dense(x, weight, bias):
    return x @ weight if bias is None else x @ weight + bias


def dense_gradient(x, weight, delta):
    """Return d loss / d weight, d bias and d x, of delta = d loss / d (x W + b)."""
    return x.T @ delta, delta.sum(axis=0), delta @ weight.T


def layer_norm(x, gain, bias, eps):
    """Return the outputs; as torch.nn.LayerNorm."""
    return (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + eps) * gain + bias


def layer_norm_gradient(x, gain, eps, delta):
    """Return d loss / d gain, d bias and d x, the latter by the Jacobian of every row."""
    k = x.shape[1]
    scale = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    unit = (x - x.mean(axis=1, keepdims=True)) / scale
    centre = np.eye(k) - 1 / k
    jacobians = (centre - unit[:, :, None] * unit[:, None, :] / k) / scale[:, :, None]
    return (delta * unit).sum(axis=0), delta.sum(axis=0), np.einsum("ri,rij->rj", delta * gain, jacobians)


def dropout(x, mask):
    """Return x times the mask, which holds 0 or 1 / (1 - rate) for every row and unit; None leaves dropout out."""
    return x if mask is None else x * mask


def scaling(layer, x):
    """Return the output and its slope."""
    if isinstance(layer, Standardize):
        return (x - np.array(layer.mean)) / np.array(layer.std), np.ones_like(x) / np.array(layer.std)
    if isinstance(layer, MinMax):
        spread = np.array(layer.maximum) - np.array(layer.minimum)
        slope = np.where(spread > 0, (layer.high - layer.low) / np.where(spread > 0, spread, 1), 1)
        return layer.low + (x - np.array(layer.minimum)) * slope, np.ones_like(x) * slope
    return np.log1p(x), 1 / (1 + x)


def forward(layers, params, X, masks=()):
    """Return what goes into each layer, the slopes of its activation or its mask, and the outputs."""
    x, inputs, factors, masks = X, [], [], iter(masks)
    for layer, part in zip(layers, split(layers, params), strict=True):
        inputs.append(x)
        if part is None and not isinstance(layer, Dropout):
            x, factor = scaling(layer, x)
        elif part is None:
            mask = next(masks, None)
            x, factor = dropout(x, mask), np.ones_like(x) if mask is None else mask
        elif isinstance(layer, LayerNorm):
            x, factor = layer_norm(x, *part, layer.eps), np.ones_like(x)
        else:
            x, factor = activation(layer.activation, dense(x, *part))
        factors.append(factor)
    return inputs, factors, x


def backward(layers, params, inputs, factors, delta):
    """Return the gradient (n_params,) that belongs to delta = d loss / d outputs."""
    grad = np.zeros_like(params)
    parts = zip(layers, split(layers, params), split(layers, grad), inputs, factors, strict=True)
    for layer, part, into, x, factor in reversed(list(parts)):
        delta = delta * factor
        if part is None:
            continue
        if isinstance(layer, LayerNorm):
            d_weight, d_bias, delta = layer_norm_gradient(x, part[0], layer.eps, delta)
        else:
            d_weight, d_bias, delta = dense_gradient(x, part[0], delta)
        into[0][:] = d_weight
        if into[1] is not None:
            into[1][:] = d_bias
    return grad


def penalty(layers, params, l1, l2):
    """Return l1 * sum |w| + l2/2 * sum w^2 over the weights, with a layer's own l1 or l2, and its gradient."""
    l1, l2 = strengths(layers, params, l1, l2)
    return l1 @ np.abs(params) + l2 @ params**2 / 2, l1 * np.sign(params) + l2 * params


def strengths(layers, params, *of_model):
    """Return the l1 and the l2 of each parameter."""
    found = []
    for name, strength in zip(("l1", "l2"), of_model, strict=True):
        found.append(np.zeros_like(params))
        for layer, part in zip(layers, split(layers, found[-1]), strict=True):
            if part is not None:
                own = getattr(layer, name)
                part[0][:] = strength if own is None else own
    return found


def data_loss_and_grad(layers, params, X, y, name, option=0.0, weight=None, masks=()):
    """Return the loss and its gradient, without penalties."""
    inputs, factors, outputs = forward(layers, params, X, masks)
    value, delta = loss(name, option, outputs, y, weight)
    return value, backward(layers, params, inputs, factors, delta)


def loss_and_grad(layers, params, X, y, name, option=0.0, weight=None, l1=0.0, l2=0.0, masks=()):
    value, grad = data_loss_and_grad(layers, params, X, y, name, option, weight, masks)
    extra, more = penalty(layers, params, l1, l2)
    return value + extra, grad + more
