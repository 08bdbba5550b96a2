"""What the files of a run look like: each artifact is written, and read again, here alone."""
