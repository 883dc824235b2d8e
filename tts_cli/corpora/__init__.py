"""Recordings with transcripts: their layouts on disk, their preparation, and the batches that training reads."""
