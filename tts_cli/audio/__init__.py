"""Sound as numbers: THE mel, pitch, phone alignment, and reading, writing and playing audio."""
