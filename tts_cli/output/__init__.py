"""Output: timings and pictures of speech."""
