"""Record what PyTorch's recipes give: gradient accumulation, and averaged parameters.

Run where PyTorch 2.13.0 is installed (pip install torch==2.13.0):

    python tests/recorded/make_torch_averages.py

It writes torch_averages.npz beside itself, of a 4-9-2 tanh net, mean squared error, unshuffled batches, float64:

    start, X, y        (n_params,), (48, 4), (48, 2)
    accumulated        (n_cases, n_params)            after EPOCHS epochs, for an optimizer and a number of batches
    averaged           (n_averages, steps, n_params)  AveragedModel's parameters after every step of Adam
"""

from itertools import pairwise
from pathlib import Path

import numpy as np

SIZES, BATCH, EPOCHS, SEED = (4, 9, 2), 6, 3, 20261121
CASES = (("SGD", {"lr": 0.1, "momentum": 0.9}, 2), ("SGD", {"lr": 0.1}, 4), ("Adam", {"lr": 0.01}, 2))
AVERAGES = {"Polyak()": (None, 0), "Polyak(start=5)": (None, 5), "EMA(0.9)": (0.9, 0), "EMA(0.5, start=3)": (0.5, 3)}
"""gdcore's call: the decay (None: all steps the same), and the steps that are left out."""


def draw():
    rng = np.random.default_rng(SEED)
    n = sum((a + 1) * b for a, b in pairwise(SIZES))
    return rng.normal(size=n) / 3, rng.normal(size=(48, SIZES[0])), rng.normal(size=(48, SIZES[-1]))


def network(torch, start):
    """torch's net with parameters from gdcore's flat vector, where a weight is (in_features, out_features)."""
    layers, at = [], 0
    for a, b in pairwise(SIZES):
        layer = torch.nn.Linear(a, b, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(start[at : at + a * b].reshape(a, b).T))
            layer.bias.copy_(torch.tensor(start[at + a * b : at + a * b + b]))
        at += a * b + b
        layers += [layer, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def flat(net):
    """The parameters in gdcore's order."""
    return np.concatenate([p.detach().numpy().T.ravel() for p in net.parameters()])


def batches(torch, X, y):
    return [(torch.tensor(X[i : i + BATCH]), torch.tensor(y[i : i + BATCH])) for i in range(0, len(X), BATCH)]


def accumulated(torch, name, options, k, start, X, y):
    net = network(torch, start)
    optimizer = getattr(torch.optim, name)(net.parameters(), **options)
    for _ in range(EPOCHS):
        for i, (xb, yb) in enumerate(batches(torch, X, y), 1):
            (torch.nn.functional.mse_loss(net(xb), yb) / k).backward()
            if i % k == 0:
                optimizer.step()
                optimizer.zero_grad()
    return flat(net)


def averaged(torch, decay, skipped, start, X, y):
    net, path, steps = network(torch, start), [], 0
    multi = {} if decay is None else {"multi_avg_fn": torch.optim.swa_utils.get_ema_multi_avg_fn(decay)}
    mean = torch.optim.swa_utils.AveragedModel(net, **multi)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(EPOCHS):
        for xb, yb in batches(torch, X, y):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(net(xb), yb).backward()
            optimizer.step()
            steps += 1
            if steps > skipped:
                mean.update_parameters(net)
            path.append(flat(mean.module if steps > skipped else net))
    return np.array(path)


def main():
    import torch

    start, X, y = draw()
    np.savez_compressed(
        Path(__file__).with_name("torch_averages.npz"),
        start=start,
        X=X,
        y=y,
        accumulated=np.array([accumulated(torch, *case, start, X, y) for case in CASES]),
        averaged=np.array([averaged(torch, *case, start, X, y) for case in AVERAGES.values()]),
    )


if __name__ == "__main__":
    main()
