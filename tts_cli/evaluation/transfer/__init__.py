"""Evaluation of prosody transfer from recordings of unseen speakers, and of speaker leakage through its latents."""
