"""Recordings: layouts, preparation, manifests and batching."""
