"""Prosody transfer from recordings of unseen speakers, and speaker leakage of its latents."""
