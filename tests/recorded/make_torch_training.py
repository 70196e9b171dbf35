"""Record torch's training where layers differ, float64: clipping by value, rates, freezing, penalties, limited norms.

Run where PyTorch 2.13.0 is installed (pip install torch==2.13.0):

    python tests/recorded/make_torch_training.py

It writes torch_training.npz beside itself. Numbers come from `draw_problem`, so only what torch answered is stored:

    trajectories  (n_cases, STEPS, n_params)   after every step on all rows, in the order of gdcore's flat vector
"""

from itertools import pairwise
from pathlib import Path

import numpy as np

SIZES, ROWS, STEPS = (3, 5, 2), 12, 25

CASES = (
    {"optimizer": "Adam(0.05)", "trainer": {"clip_value": 0.02}},
    {"optimizer": "SGD(0.5, momentum=0.9)", "trainer": {"clip_value": 0.05, "clip_norm": 0.1}},
    {"optimizer": "RMSprop(0.01)", "trainer": {"layer_rates": {"dense0": 0.25}}},
    {"optimizer": "NAdam(0.05)", "trainer": {"layer_rates": {"dense0": 2.0, "dense1": 0.5}}},
    {"optimizer": "AdamW(0.05)", "trainer": {"layer_rates": {"dense0": 0.0}}},
    {"optimizer": "Adam(0.05)", "trainer": {"layer_rates": {"dense1": 0.0}}},
    {"optimizer": "SGD(0.2, momentum=0.9)", "layers": ({"l2": 0.1}, {"l2": 0.02})},
    {"optimizer": "Adam(0.05)", "layers": ({"l2": 0.0}, {}), "trainer": {"l2": 0.05}},
    {"optimizer": "Adam(0.05)", "layers": ({"max_norm": 0.7}, {"max_norm": 0.4})},
)
"""gdcore's calls: an optimizer, options of the two Dense layers and of the trainer."""


def draw_problem(seed=7):
    """Flat parameters, X and y, float64."""
    rng = np.random.Generator(np.random.PCG64(seed))
    n_params = sum((n_in + 1) * n_out for n_in, n_out in pairwise(SIZES))
    return 2 * rng.random(n_params) - 1, 4 * rng.random((ROWS, SIZES[0])) - 2, 3 * rng.random((ROWS, SIZES[-1])) - 1


def layers_of(torch, params):
    """Two Linear layers with gdcore's flat parameters, whose weights are torch's turned over."""
    layers, at = [], 0
    for n_in, n_out in pairwise(SIZES):
        layer = torch.nn.Linear(n_in, n_out, dtype=torch.float64)
        with torch.no_grad():
            layer.weight[:] = torch.tensor(params[at : at + n_in * n_out].reshape(n_in, n_out).T)
            layer.bias[:] = torch.tensor(params[at + n_in * n_out : at + (n_in + 1) * n_out])
        layers.append(layer)
        at += (n_in + 1) * n_out
    return layers


def flat(layers):
    return np.concatenate([part.detach().numpy().ravel() for layer in layers for part in (layer.weight.T, layer.bias)])


def optimizer_of(torch, call, layers, own, trainer):
    """torch's optimizer: a group for each layer's weight and bias, with rates and decay of their own."""
    name = call[: call.index("(")]
    kind, (rate, options) = getattr(torch.optim, name), eval(call, {name: lambda rate, **options: (rate, options)})
    groups = []
    for i, layer in enumerate(layers):
        factor = trainer.get("layer_rates", {}).get(f"dense{i}", 1.0)
        layer.requires_grad_(factor != 0)
        if factor:
            decay = own[i].get("l2", trainer.get("l2"))
            penalty = {} if decay is None else {"weight_decay": decay}
            groups.append({"params": [layer.weight], "lr": rate * factor, **penalty})
            groups.append({"params": [layer.bias], "lr": rate * factor})
    return kind(groups, lr=rate, **options)


def trajectory(torch, case):
    """The parameters after every step, (STEPS, n_params)."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # NAdam keeps its product of momenta in it
    try:
        return steps(torch, case)
    finally:
        torch.set_default_dtype(before)


def steps(torch, case):
    params, X, y = draw_problem()
    layers, own, trainer = layers_of(torch, params), case.get("layers", ({}, {})), case.get("trainer", {})
    optimizer, path = optimizer_of(torch, case["optimizer"], layers, own, trainer), []
    parameters = [part for layer in layers for part in layer.parameters() if part.requires_grad]
    for _ in range(STEPS):
        optimizer.zero_grad()
        outputs = layers[1](torch.tanh(layers[0](torch.tensor(X))))
        torch.nn.functional.mse_loss(outputs, torch.tensor(y)).backward()
        if "clip_value" in trainer:
            torch.nn.utils.clip_grad_value_(parameters, trainer["clip_value"])
        if "clip_norm" in trainer:
            torch.nn.utils.clip_grad_norm_(parameters, trainer["clip_norm"])
        optimizer.step()
        with torch.no_grad():
            for layer, options in zip(layers, own, strict=True):
                if "max_norm" in options:  # a unit's weights are a row here
                    layer.weight *= (options["max_norm"] / layer.weight.norm(dim=1, keepdim=True)).clamp(max=1)
        path.append(flat(layers))
    return np.array(path)


def main():
    import torch

    np.savez_compressed(
        Path(__file__).with_name("torch_training.npz"),
        trajectories=np.array([trajectory(torch, case) for case in CASES]),
    )


if __name__ == "__main__":
    main()
