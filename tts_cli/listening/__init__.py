"""Listening tests: stimuli, the page that listeners use, its server, the analysis of ratings, and simulated listeners."""
