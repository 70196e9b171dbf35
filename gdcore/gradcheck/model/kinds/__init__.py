"""What the checker does with each kind of layer: a file for each, and the table of them."""
