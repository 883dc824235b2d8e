"""THE mel, F0 and energy; phone alignment; reading, writing and playing audio."""
