"""Record torch's gradients of small nets with torch.nn.LayerNorm, float64.

Run where PyTorch 2.13.0 is installed (pip install torch==2.13.0):

    python tests/recorded/make_torch_layer_norms.py

It writes torch_layer_norms.npz beside itself. A case's numbers come from `draw_case`, so only what torch
answered is stored:

    values         (n_cases,)           torch's mean squared error
    gradient_<i>   (n_params,)          torch's autograd, in the order of gdcore's flat vector
"""

from pathlib import Path

import numpy as np

CASES = (
    (("norm", 4, 1e-5), ("dense", 4, 3)),
    (("dense", 4, 6), ("tanh",), ("norm", 6, 1e-5), ("dense", 6, 3)),
    (("dense", 4, 5), ("tanh",), ("norm", 5, 0.1), ("dense", 5, 6), ("norm", 6, 1e-12), ("dense", 6, 3)),
    (("dense", 4, 1), ("norm", 1, 1e-5), ("dense", 1, 3)),
    (("dense", 4, 3), ("norm", 3, 1e-5)),
)
ROWS, FEATURES, OUTPUTS = 11, 4, 3


def draw_case(i):
    """Flat parameters, X and y, float64; plain uniform numbers, the same everywhere."""
    rng = np.random.Generator(np.random.PCG64(i))
    sizes = {"norm": lambda n, _: 2 * n, "dense": lambda n_in, n_out: (n_in + 1) * n_out}
    n_params = sum(sizes[kind](*rest) for kind, *rest in CASES[i] if kind in sizes)
    return 2 * rng.random(n_params) - 1, 4 * rng.random((ROWS, FEATURES)) - 2, rng.random((ROWS, OUTPUTS))


def answer(i):
    """Torch's mean squared error and gradient of a case."""
    import torch

    params, X, y = (torch.tensor(part) for part in draw_case(i))
    params.requires_grad_()
    x, at = X, 0
    for kind, *rest in CASES[i]:
        if kind == "tanh":
            x = x.tanh()
        elif kind == "norm":
            n, eps = rest
            x = torch.nn.functional.layer_norm(x, (n,), params[at : at + n], params[at + n : at + 2 * n], eps)
            at += 2 * n
        else:
            n_in, n_out = rest
            x = x @ params[at : at + n_in * n_out].reshape(n_in, n_out) + params[at + n_in * n_out :][:n_out]
            at += (n_in + 1) * n_out
    value = torch.nn.functional.mse_loss(x, y)
    value.backward()
    return value.item(), params.grad.numpy()


if __name__ == "__main__":
    answers = [answer(i) for i in range(len(CASES))]
    values = np.array([value for value, _ in answers])
    gradients = {f"gradient_{i}": grad for i, (_, grad) in enumerate(answers)}
    np.savez(Path(__file__).with_name("torch_layer_norms.npz"), values=values, **gradients)
