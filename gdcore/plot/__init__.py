"""Pictures of a run, of a model and of its loss. matplotlib is imported only when one is drawn.

Design
------
- Each function draws into the axes it is given, or into those of a new figure, and returns them.
- Lines differ by their style and their markers, areas by grey: everything is readable in black and white.
"""

from .curves import gradient_flow, losses
from .landscape import loss_plane, loss_slice
from .model import activations, decision_boundary
from .path import ParamsTrace, descent, loss_function

__all__ = [
    "ParamsTrace",
    "activations",
    "decision_boundary",
    "descent",
    "gradient_flow",
    "loss_function",
    "loss_plane",
    "loss_slice",
    "losses",
]


def __dir__() -> list[str]:
    """Return only the public names."""
    return sorted(__all__)
