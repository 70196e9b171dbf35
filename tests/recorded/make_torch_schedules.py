"""Record what torch.optim.lr_scheduler does: the rate of each of 60 steps, for every schedule that gdcore has too.

Run where PyTorch 2.13.0 is installed (pip install torch==2.13.0):

    python tests/recorded/make_torch_schedules.py

It writes torch_schedules.npz beside itself:

    calls   (n_cases,)      gdcore's call for the same schedule, such as "StepDecay(0.5, 7)"
    rates   (n_cases, 60)   the rates, float64
    values  (60,)           what ReduceOnPlateau watches: the value that ended each step
"""

from pathlib import Path

import numpy as np

N_STEPS, SEED = 60, 20260114


CASES = {
    "Constant(0.5)": lambda s, o: s.ConstantLR(o, factor=1.0),
    "StepDecay(0.5, 7)": lambda s, o: s.StepLR(o, 7),
    "StepDecay(0.3, 1, 0.9)": lambda s, o: s.StepLR(o, 1, 0.9),
    "MultiStep(0.5, (4, 5, 31))": lambda s, o: s.MultiStepLR(o, [4, 5, 31]),
    "MultiStep(0.5, (1, 59), 0.5)": lambda s, o: s.MultiStepLR(o, [1, 59], 0.5),
    "Exponential(0.5, 0.93)": lambda s, o: s.ExponentialLR(o, 0.93),
    "InverseScaling(0.5, 0.7)": lambda s, o: s.LambdaLR(o, lambda step: (step + 1) ** -0.7),
    "Polynomial(0.5, 40)": lambda s, o: s.PolynomialLR(o, 40),
    "Polynomial(0.5, 59, 2.5)": lambda s, o: s.PolynomialLR(o, 59, 2.5),
    "Cosine(0.5, 59)": lambda s, o: s.CosineAnnealingLR(o, 59),
    "Cosine(0.5, 60, 0.01)": lambda s, o: s.CosineAnnealingLR(o, 60, 0.01),
    "Cosine(0.5, 8, restarts=True)": lambda s, o: s.CosineAnnealingWarmRestarts(o, 8),
    "Cosine(0.5, 4, 0.1, restarts=True, period_factor=2)": lambda s, o: s.CosineAnnealingWarmRestarts(o, 4, 2, 0.1),
    "Cosine(0.5, 50, warmup=10, start_factor=0.25)": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.25, total_iters=10), s.CosineAnnealingLR(o, 50)], [10]
    ),
    "OneCycle(0.5, 60)": lambda s, o: s.OneCycleLR(o, 0.5, 60, cycle_momentum=False),
    "OneCycle(0.5, 60, 0.4, 'linear', 10.0, 100.0)": lambda s, o: s.OneCycleLR(
        o, 0.5, 60, pct_start=0.4, anneal_strategy="linear", div_factor=10, final_div_factor=100, cycle_momentum=False
    ),
    "OneCycle(0.5, 60, 0.25, three_phase=True)": lambda s, o: s.OneCycleLR(
        o, 0.5, 60, pct_start=0.25, three_phase=True, cycle_momentum=False
    ),
    "ReduceOnPlateau(0.5, patience=2)": lambda s, o: s.ReduceLROnPlateau(o, patience=2, eps=0),
    "ReduceOnPlateau(0.5, 0.5, 0, 0.05, 'abs', 3, 0.01)": lambda s, o: s.ReduceLROnPlateau(
        o, factor=0.5, patience=0, threshold=0.05, threshold_mode="abs", cooldown=3, min_lr=0.01, eps=0
    ),
    "ReduceOnPlateau(0.5, 0.7, 1, 0.02, mode='max')": lambda s, o: s.ReduceLROnPlateau(
        o, "max", factor=0.7, patience=1, threshold=0.02, eps=0
    ),
}


def draw_values():
    """A loss that falls, with noise."""
    rng = np.random.default_rng(SEED)
    return np.exp(-np.arange(N_STEPS) / 15) + 0.2 * rng.random(N_STEPS)


def rates(torch, call, make, values):
    """The rate of every step of torch's schedule, shape (n_steps,)."""
    first = float(call.partition("(")[2].split(",")[0].strip(")"))
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=first)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    found = []
    for i, value in enumerate(values):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if i == len(values) - 1:
            break  # OneCycleLR has no step after its last
        scheduler.step(*([value] if call.startswith("ReduceOnPlateau") else []))
    return np.array(found)


def main():
    import torch

    values = draw_values()
    np.savez_compressed(
        Path(__file__).with_name("torch_schedules.npz"),
        calls=np.array(list(CASES)),
        rates=np.array([rates(torch, call, make, values) for call, make in CASES.items()]),
        values=values,
    )


if __name__ == "__main__":
    main()
