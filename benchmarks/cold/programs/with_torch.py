"""PyTorch: `torch.nn`, `torch.optim.Adam`, and a loop over the batches of a random order."""

import time

began = time.perf_counter()
import torch  # noqa: E402
from course import BATCH, RATE, WIDTHS, run  # noqa: E402


def make(X, y, seed):
    """Return an epoch and a classifier."""
    torch.manual_seed(seed)
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    n_in, hidden, n_out = WIDTHS
    net = torch.nn.Sequential(torch.nn.Linear(n_in, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, n_out))
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    cross_entropy = torch.nn.CrossEntropyLoss()

    def epoch():
        for rows in torch.randperm(len(X)).split(BATCH):
            optimizer.zero_grad()
            cross_entropy(net(X[rows]), y[rows]).backward()
            optimizer.step()

    def classify(inputs):
        with torch.inference_mode():
            return net(torch.from_numpy(inputs)).argmax(1).numpy()

    return epoch, classify


run(began, torch.__version__, make)
