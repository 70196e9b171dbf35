"""What the checker knows of a network."""
