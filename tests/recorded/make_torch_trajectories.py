"""Record what torch.optim does: the parameters after each of 100 steps, for every option of every optimizer.

Run where PyTorch 2.13.0 is installed (pip install torch==2.13.0):

    python tests/recorded/make_torch_trajectories.py

It writes torch_trajectories.npz beside itself:

    start         (7,)               the parameters before the first step
    grads         (100, 7)           the gradient of every step, drawn once
    calls         (n_cases,)         gdcore's call for the same optimizer, such as "SGD(0.1, momentum=0.9)"
    trajectories  (n_cases, 100, 7)  the parameters after every step, float64
"""

from pathlib import Path

import numpy as np
import torch

N_STEPS, N_PARAMS, SEED = 100, 7, 20260113

CASES = (
    ("SGD", 0.001, {}),
    ("SGD", 0.1, {"weight_decay": 0.01}),
    ("SGD", 0.1, {"momentum": 0.9}),
    ("SGD", 0.1, {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.01}),
    ("SGD", 0.1, {"momentum": 0.9, "weight_decay": 0.01, "nesterov": True}),
    ("Adagrad", 0.01, {}),
    ("Adagrad", 0.1, {"lr_decay": 0.1, "weight_decay": 0.01}),
    ("Adagrad", 0.1, {"initial_accumulator_value": 0.5, "eps": 0.001}),
    ("RMSprop", 0.01, {}),
    ("RMSprop", 0.01, {"alpha": 0.9, "eps": 0.001, "weight_decay": 0.01}),
    ("RMSprop", 0.02, {"momentum": 0.9}),
    ("RMSprop", 0.01, {"centered": True}),
    ("RMSprop", 0.01, {"momentum": 0.9, "centered": True, "weight_decay": 0.01}),
    ("Adadelta", 1.0, {}),
    ("Adadelta", 0.5, {"rho": 0.95, "eps": 0.001, "weight_decay": 0.01}),
    ("Adam", 0.001, {}),
    ("Adam", 0.1, {"betas": (0.8, 0.95), "eps": 0.001, "weight_decay": 0.01}),
    ("Adam", 0.1, {"betas": (0.9, 0.9), "amsgrad": True}),
    ("Adam", 0.1, {"betas": (0.9, 0.9), "weight_decay": 0.01, "amsgrad": True}),
    ("AdamW", 0.001, {}),
    ("AdamW", 0.1, {"betas": (0.8, 0.95), "eps": 0.001, "weight_decay": 0.1}),
    ("AdamW", 0.1, {"betas": (0.9, 0.9), "weight_decay": 0.1, "amsgrad": True}),
    ("NAdam", 0.002, {}),
    ("NAdam", 0.1, {"betas": (0.8, 0.95), "eps": 0.001, "weight_decay": 0.01}),
    ("NAdam", 0.1, {"momentum_decay": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("Adamax", 0.002, {}),
    ("Adamax", 0.1, {"betas": (0.8, 0.95), "eps": 0.001, "weight_decay": 0.01}),
    ("RAdam", 0.001, {}),
    ("RAdam", 0.1, {"betas": (0.8, 0.95), "eps": 0.001, "weight_decay": 0.01}),
    ("RAdam", 0.1, {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", 0.1, {"betas": (0.9, 0.5)}),
)


def call(name, rate, options):
    """gdcore's call for the optimizer: the learning rate by position, the options by torch's names."""
    return f"{name}({', '.join([repr(rate), *(f'{key}={value!r}' for key, value in options.items())])})"


def trajectory(name, rate, options, start, grads):
    """The parameters after every step of torch's optimizer, shape (n_steps, n_params)."""
    params = torch.tensor(start, requires_grad=True)
    optimizer = getattr(torch.optim, name)([params], lr=rate, **options)
    path = []
    for grad in torch.tensor(grads):
        params.grad = grad
        optimizer.step()
        path.append(params.detach().numpy().copy())
    return np.array(path)


def main():
    # torch keeps NAdam's product of momenta in the default dtype, whatever the parameters are
    torch.set_default_dtype(torch.float64)
    rng = np.random.default_rng(SEED)
    start, grads = rng.normal(size=N_PARAMS), rng.normal(size=(N_STEPS, N_PARAMS))
    np.savez_compressed(
        Path(__file__).with_name("torch_trajectories.npz"),
        start=start,
        grads=grads,
        calls=np.array([call(*case) for case in CASES]),
        trajectories=np.array([trajectory(*case, start, grads) for case in CASES]),
    )


if __name__ == "__main__":
    main()
