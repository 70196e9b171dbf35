"""The objective: a stack, samples, a loss and penalties, with value, gradient and curvature."""
