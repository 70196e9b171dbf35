"""Layers: activations, initializers, and the stack that holds their parameters."""
