"""The checker's knowledge of a network."""
