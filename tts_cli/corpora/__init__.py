"""Corpora: layouts of recordings and transcripts, their preparation, treebanks, and training batches."""
