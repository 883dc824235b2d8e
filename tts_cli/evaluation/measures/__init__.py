"""Measures of one utterance or of many: words, naturalness, identity, prosody, spectra, signals."""
