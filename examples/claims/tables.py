"""The tables of an article on gradient descent, measured.

The article gives losses, seconds and accuracies without a problem that they belong to. Here each table is measured on
the shipped digits, on Friedman's regression problem, or on parabolas: which of its orders hold, and where.
"""

import gdcore as gd
from gdcore.claims import reproduce
from gdcore.datasets import load_digits

X, y, X_test, y_test = load_digits()
print("learning rate, and the loss after 1000 iterations over all digits")
for rate in (0.001, 0.01, 0.1, 1.0):
    net = gd.MLP([64, 10], seed=0)
    history = net.fit(X, y, loss="cross_entropy", optimizer=gd.SGD(rate), epochs=1000, batch_size=len(X))
    right = (net.predict(X_test).argmax(axis=1) == y_test).mean()
    print(f"  {rate:<6} {history.loss[-1]:.4f}, held-out accuracy {right:.1%}")

reproduce(3)
