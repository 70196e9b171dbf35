"""Training over several processes and machines, through MPI: data parallel fits.

    from mpi4py import MPI
    trainer.fit(X, y, epochs=20, comm=MPI.COMM_WORLD)        # mpiexec -n 4 python -m mpi4py program.py

Every process, a rank, runs the same program with the same data. A batch is cut into `shards` pieces, each rank takes a
range of them, and their gradients are summed in one tree. So the parameters have the same bits on any number of ranks,
with any MPI, and with `shards` in one process without MPI.

Arguments of `Trainer.fit` and `Sequential.fit`
    comm            a communicator as mpi4py has them: every rank of it calls fit
    shards          pieces of a batch, by default 16 if there is a comm; None without one: whole batches
    reduce          "tree": the same bits on any number of ranks; "mpi": MPI's own sum, whose bits they change
    timeout         seconds that a rank waits for the others before it ends the job; None: for ever
    checkpoint      a file that rank 0 writes; checkpoint_every=1: after each epoch, and at the end
    resume          True: go on from that file if it is there, on any number of ranks; `epochs`, `max_steps` then count
                    from the beginning

`spread` sets the first four for all fits, epochs and steps in a `with` block, for estimators. What is raised on every
rank if something fails on one: `RankError`.

    Pipeline        trains one model whose layers are spread over the ranks, for models that no single one holds
    python -m gdcore.distributed report         measures this machine, and tells how many ranks pay
"""

from __future__ import annotations

from .block import spread
from .calls import epoch as epoch
from .calls import step as step
from .errors import RankError
from .fit import fit as fit
from .leaving import ends_where_launched
from .pipeline import Pipeline

__all__ = ["Pipeline", "RankError", "spread"]

ends_where_launched()
