"""How is a trained model kept, and a training that was cut short?

A model is one file that is safe to load. A training is saved by a callback while it runs. Here it is ended by an error
after 12 of 30 epochs; a new trainer is loaded from the file and makes the other 18. It ends with the same bits as a
training that nothing has interrupted.
"""

import gdcore as gd
from gdcore.datasets import load_digits


class PowerFailure(gd.Callback):
    """Ends a fit after 12 epochs."""

    def on_epoch_end(self, state):
        if state.epoch == 11:
            raise SystemError("the power is gone")


def new_trainer():
    """Return a trainer of a small network."""
    return gd.Trainer(gd.MLP([64, 32, 10], dropout=0.1, seed=0), "cross_entropy", gd.Adam(3e-3))


X, y, X_test, y_test = load_digits()

whole = new_trainer()
whole.fit(X, y, epochs=30)

try:
    new_trainer().fit(X, y, epochs=30, callbacks=[gd.Checkpoint("run.gdc", every=5, keep=2), PowerFailure()])
except SystemError as error:
    print(f"{error} after {gd.Trainer.load('run.gdc').epochs_done} epochs")

resumed = gd.Trainer.load("run.gdc")
resumed.fit(X, y, epochs=30 - resumed.epochs_done, callbacks=gd.Checkpoint("run.gdc", every=5, keep=2))
print("the same bits:", bool((resumed.model.params == whole.model.params).all()))
print("rows of the history:", gd.History.load("run.gdc").epochs)

resumed.model.save("digits.gdc")
net = gd.load("digits.gdc")
print(f"accuracy of the loaded model: {net.score(X_test, y_test):.3f}")
