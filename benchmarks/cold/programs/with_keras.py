"""Keras: `fit`, one epoch a call, on JAX where that is installed and on PyTorch elsewhere."""

import os
import time
from importlib.util import find_spec

began = time.perf_counter()
os.environ.setdefault("KERAS_BACKEND", "jax" if find_spec("jax") else "torch")

import keras  # noqa: E402
from course import BATCH, RATE, WIDTHS, run  # noqa: E402


def make(X, y, seed):
    """Return an epoch and a classifier."""
    keras.utils.set_random_seed(seed)
    n_in, hidden, n_out = WIDTHS
    layers = keras.layers
    net = keras.Sequential([keras.Input((n_in,)), layers.Dense(hidden, "relu"), layers.Dense(n_out)])
    net.compile(keras.optimizers.Adam(RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    def classify(inputs):
        return net.predict(inputs, batch_size=len(inputs), verbose=0).argmax(1)

    return lambda: net.fit(X, y, batch_size=BATCH, verbose=0), classify


run(began, f"{keras.__version__} on {keras.backend.backend()}", make)
