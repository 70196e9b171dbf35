"""How is a model trained by several processes?

    mpiexec -n 4 python -m mpi4py examples/data_parallel.py

Each process takes a part of every batch. On 1, 2, 3 or 4 processes the parameters end with the same bits, which the
last line shows as a checksum. If the job is killed, the same command goes on from the checkpoint, on any number of
processes; to begin anew, delete parallel.gdc. Without mpi4py the program runs in one process, with the same bits too.
"""

from pathlib import Path
from zlib import crc32

import numpy as np

import gdcore as gd

try:
    from mpi4py import MPI
except (ImportError, RuntimeError):  # no mpi4py, or no MPI that it could load
    comm, rank = None, 0
else:
    comm, rank = MPI.COMM_WORLD, MPI.COMM_WORLD.Get_rank()

rng = np.random.default_rng(0)
X = rng.normal(size=(4000, 20)).astype(np.float32)
y = (np.sin(X[:, 0]) + X[:, 1] * X[:, 2] > 0).astype(int)

goes_on = Path("parallel.gdc").exists()
net = gd.MLP([20, 64, 2], dropout=0.1, seed=0)
trainer = gd.Trainer(net, "cross_entropy", gd.Adam(3e-3), batch_size=256, seed=0)
history = trainer.fit(
    X,
    y,
    epochs=8,
    validation_split=0.2,
    metrics="accuracy",
    comm=comm,
    shards=16,
    checkpoint="parallel.gdc",
    resume=True,
)
if rank == 0:
    if goes_on:
        print("this run went on from parallel.gdc: delete it to begin anew")
    print(f"validation accuracy {history.metrics['val_accuracy'][-1]:.3f} after {history.epochs} epochs")
    print(f"parameters {crc32(net.params.tobytes()):08x}, for any number of processes")
