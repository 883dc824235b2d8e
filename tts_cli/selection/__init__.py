"""Prosody selection: analysis of sentences, the index of utterances, and the block that selects."""
