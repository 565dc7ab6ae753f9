"""What changed, why, and from which lines."""
