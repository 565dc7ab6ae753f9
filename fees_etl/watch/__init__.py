"""What others read: artifacts and events of a run, and contracts. None of it changes what is published."""
