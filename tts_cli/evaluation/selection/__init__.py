"""Evaluation of prosody selection against the centroid, random selection and the recordings."""
