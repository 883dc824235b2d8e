"""Measures of synthetic speech, and reports of them with confidence intervals."""
