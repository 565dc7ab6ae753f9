"""What a run leaves for others to read: artifacts. None of it changes what is published."""
