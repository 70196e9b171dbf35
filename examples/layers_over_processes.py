"""How is a model trained that no single process can hold?

    mpiexec -n 4 python -m mpi4py examples/layers_over_processes.py

Each process holds some of the layers, with their gradients and the optimizer's state; batches go through in eight
parts, so that all processes work at once. On 1, 2, 3 or 4 processes the outputs end with the same bits, which the last
line shows as a checksum. Without mpi4py the program runs in one process.
"""

from zlib import crc32

import numpy as np

import gdcore as gd
from gdcore.distributed import Pipeline

try:
    from mpi4py import MPI
except (ImportError, RuntimeError):  # no mpi4py, or no MPI that it could load
    comm, rank = None, 0
else:
    comm, rank = MPI.COMM_WORLD, MPI.COMM_WORLD.Get_rank()

rng = np.random.default_rng(0)
X = rng.normal(size=(2000, 20)).astype(np.float32)
y = (np.sin(X[:, 0]) + X[:, 1] * X[:, 2] > 0).astype(int)

layers = [gd.Dense(20, 128, "relu"), gd.Dense(128, 128, "relu"), gd.Dense(128, 128, "relu"), gd.Dense(128, 2)]
pipe = Pipeline(layers, comm, loss="cross_entropy", optimizer=gd.Adam(1e-3), micro_batches=8, batch_size=256, seed=0)
history = pipe.fit(X, y, epochs=10)
outputs = pipe.predict(X)
if rank == 0:
    print(f"stage 1 of {pipe.stages} has {pipe.n_params:,} of {sum(layer.n_params for layer in layers):,} parameters")
    print(f"training accuracy {np.mean(outputs.argmax(axis=1) == y):.3f}")
    print(f"outputs {crc32(outputs.tobytes()):08x}, for any number of processes")
