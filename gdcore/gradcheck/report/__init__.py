"""What a check found, and what explains it."""
