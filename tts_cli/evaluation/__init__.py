"""Measures of speech and reports."""
