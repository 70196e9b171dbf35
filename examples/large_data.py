"""How is a model trained on data that do not fit into memory?

The data are written part by part, as a program that makes or downloads them would. They are read in blocks: for the
mean and deviation of the columns, then for training, and for the predictions, which go into a file. Training is cut
short within an epoch and resumed; it ends with the same bits as one that is not.
"""

import numpy as np

import gdcore as gd


def parts(n, rows):
    """Make n parts of data, one at a time."""
    rng = np.random.default_rng(0)
    for _ in range(n):
        X = rng.normal(5, 3, size=(rows, 20)).astype(np.float32)
        yield X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2] / 10


def new_trainer(source):
    """Return a trainer of a small network that scales its inputs."""
    net = gd.Sequential(gd.Standardize.from_data(source), gd.Dense(20, 32, "tanh"), gd.Dense(32, 1), seed=0)
    return gd.Trainer(net, "mse", gd.Adam(1e-2), batch_size=64)


source = gd.data.write_shards("shards", parts(10, 3000), window_rows=6000)
print(f"{source.n_samples} rows of {source.n_features} columns, {source.reading.window_rows} in a window")

whole = new_trainer(source)
history = whole.fit(source, epochs=4)
print(f"loss {history.loss[0]:.3f} -> {history.loss[-1]:.3f}")

cut = new_trainer(source)
cut.fit(source, max_steps=700)
cut.save("run.gdc")
resumed = gd.Trainer.load("run.gdc")
resumed.fit(source, max_steps=whole.steps_done - 700)
print("the same bits:", bool((resumed.model.params == whole.model.params).all()))

outputs = whole.model.predict(source, out="outputs.npy")
print(f"outputs.npy has shape {outputs.shape}")
