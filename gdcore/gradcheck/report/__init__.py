"""Reports of a check, and explanations of what is wrong."""
