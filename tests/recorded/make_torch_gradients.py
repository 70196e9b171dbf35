"""Record torch's gradients: a small random net for every activation with every loss, float64.

Run where PyTorch 2.13.0 is installed (pip install torch==2.13.0):

    python tests/recorded/make_torch_gradients.py

It writes torch_gradients.npz beside itself. A case's numbers come from `draw_case`, so only what torch
answered is stored:

    activations, losses  (n_cases,)            names in gdcore's registries, the loss as its call
    values               (n_cases,)            torch's mean loss
    gradients            (n_cases, n_params)   torch's autograd, in the order of gdcore's flat vector
"""

from itertools import pairwise
from pathlib import Path

import numpy as np

SIZES, ROWS = (4, 6, 5, 3), 11
ACTIVATIONS = {
    "identity": lambda f, z: z,
    "relu": lambda f, z: f.relu(z),
    "leaky_relu": lambda f, z: f.leaky_relu(z, 0.01),
    "elu": lambda f, z: f.elu(z),
    "selu": lambda f, z: f.selu(z),
    "softplus": lambda f, z: f.softplus(z, threshold=60.0),
    "sigmoid": lambda f, z: f.sigmoid(z),
    "tanh": lambda f, z: f.tanh(z),
    "gelu": lambda f, z: f.gelu(z),
    "silu": lambda f, z: f.silu(z),
    "relu6": lambda f, z: f.relu6(z),
    "hardtanh": lambda f, z: f.hardtanh(z),
    "hard_swish": lambda f, z: f.hardswish(z),
    "mish": lambda f, z: f.mish(z),
}
LOSSES = {
    "MeanSquaredError()": lambda f, z, y: f.mse_loss(z, y),
    "MeanAbsoluteError()": lambda f, z, y: f.l1_loss(z, y),
    "Huber()": lambda f, z, y: f.huber_loss(z, y),
    "Huber(delta=0.3)": lambda f, z, y: f.huber_loss(z, y, delta=0.3),
    "LogCosh()": lambda f, z, y: (z - y).cosh().log().mean(),
    "Quantile()": lambda f, z, y: (0.5 * (y - z)).maximum(-0.5 * (y - z)).mean(),
    "Quantile(q=0.9)": lambda f, z, y: (0.9 * (y - z)).maximum(-0.1 * (y - z)).mean(),
    "EpsilonInsensitive()": lambda f, z, y: ((z - y).abs() - 0.1).relu().mean(),
    "SquaredEpsilonInsensitive(epsilon=0.5)": lambda f, z, y: ((z - y).abs() - 0.5).relu().square().mean(),
    "Poisson()": lambda f, z, y: f.poisson_nll_loss(z, y),
    "BinaryCrossEntropy()": lambda f, z, y: f.binary_cross_entropy_with_logits(z, y),
    "CrossEntropy()": lambda f, z, y: f.cross_entropy(z, y),
    "CrossEntropy(label_smoothing=0.2)": lambda f, z, y: f.cross_entropy(z, y, label_smoothing=0.2),
    "Hinge()": lambda f, z, y: (1 - y * z).relu().mean(),
    "SquaredHinge()": lambda f, z, y: (1 - y * z).relu().square().mean(),
    "ModifiedHuber()": lambda f, z, y: ((1 - y * z).relu() ** 2).where(y * z >= -1, -4 * y * z).mean(),
    "Perceptron()": lambda f, z, y: (-y * z).relu().mean(),
}


def draw_case(loss, seed, sizes=SIZES, rows=ROWS):
    """Flat parameters, X and y, float64 (cross_entropy: labels); plain uniform numbers, the same everywhere."""
    rng = np.random.Generator(np.random.PCG64(seed))
    n_params = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    params, X = 2 * rng.random(n_params) - 1, 4 * rng.random((rows, sizes[0])) - 2
    y = rng.random((rows, sizes[-1]))
    if loss.startswith("CrossEntropy"):
        return params, X, (y[:, 0] * sizes[-1]).astype(np.int64)
    if loss.startswith("Poisson"):
        return params, X, np.floor(5 * y)
    if "Hinge" in loss or loss in ("ModifiedHuber()", "Perceptron()"):
        return params, X, np.where(y < 0.5, -1.0, 1.0)
    return params, X, y if loss.startswith("Binary") else 4 * y - 2


def loss_and_grad(torch, activation, loss, params, X, y, sizes=SIZES):
    """torch's loss and its gradient with respect to the flat parameters; `loss` as in LOSSES."""
    flat, x, at = torch.tensor(params, requires_grad=True), torch.tensor(X), 0
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        weight = flat[at : at + n_in * n_out].reshape(n_in, n_out)
        at += n_in * n_out
        x = x @ weight + flat[at : at + n_out]
        at += n_out
        if i < len(sizes) - 2:
            x = ACTIVATIONS[activation](torch.nn.functional, x)
    value = loss(torch.nn.functional, x, torch.tensor(y))
    value.backward()
    return value.item(), flat.grad.numpy()


def main():
    import torch

    cases = [(activation, loss) for activation in ACTIVATIONS for loss in LOSSES]
    answers = [loss_and_grad(torch, a, LOSSES[loss], *draw_case(loss, i)) for i, (a, loss) in enumerate(cases)]
    np.savez_compressed(
        Path(__file__).with_name("torch_gradients.npz"),
        activations=np.array([case[0] for case in cases]),
        losses=np.array([case[1] for case in cases]),
        values=np.array([value for value, _ in answers]),
        gradients=np.array([grad for _, grad in answers]),
    )


if __name__ == "__main__":
    main()
