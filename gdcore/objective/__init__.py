"""A stack, samples, a loss and penalties: value, gradient and curvature."""
