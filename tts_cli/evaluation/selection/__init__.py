"""Prosody selection beside the centroid, chance and the recordings."""
