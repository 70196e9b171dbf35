"""PyTorch: the same network from the same initial parameters, batches by indexing, the fused Adam."""

import os
from functools import partial
from typing import Any, final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ..folds import Fold
from . import Contender
from .gdcore import initial

LOSSES = {
    "mean_squared_error": F.mse_loss,
    "poisson": partial(F.poisson_nll_loss, log_input=True),
    "binary_cross_entropy": F.binary_cross_entropy_with_logits,
    "cross_entropy": F.cross_entropy,
}


@final
class Network(Contender):
    """`torch.nn.Linear` layers in a `Sequential`."""

    def __init__(self) -> None:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__, "mode": "eager"}

    def fit(self, fold: Fold, epochs: int) -> None:
        torch.manual_seed(fold.number)
        self.model = twin(fold)
        X = torch.from_numpy(fold.X)
        y = torch.from_numpy(fold.y)
        if fold.problem.loss != "cross_entropy":
            y = y.to(X.dtype)[:, None]
        loss_of = LOSSES[fold.problem.loss]
        optimizer = torch.optim.Adam(self.model.parameters(), lr=fold.problem.learning_rate, fused=True)
        for _ in range(epochs):
            for rows in torch.randperm(len(X)).split(fold.problem.batch):
                optimizer.zero_grad(set_to_none=True)
                loss_of(self.model(X[rows]), y[rows]).backward()
                optimizer.step()

    def predict(self, fold: Fold) -> NDArray[Any]:
        with torch.inference_mode():
            return fold.kind.predicted(self.model(torch.from_numpy(fold.X_test)).numpy())


def twin(fold: Fold) -> torch.nn.Sequential:
    """Return gdcore's initial network in PyTorch."""
    views = [view for _, view in initial(fold).parameters()]
    layers: list[torch.nn.Module] = []
    for weight, bias in zip(views[0::2], views[1::2], strict=True):
        layer = torch.nn.Linear(*weight.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight.T)))
            layer.bias.copy_(torch.from_numpy(bias.copy()))
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])
