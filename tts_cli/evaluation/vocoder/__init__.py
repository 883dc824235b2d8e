"""Evaluation of vocoders by copy-synthesis."""
