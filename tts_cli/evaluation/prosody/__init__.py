"""Evaluation of prosody: questions that sound asked, and distances between distributions of speech and recordings."""
