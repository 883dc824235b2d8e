"""Measures of utterances: word errors, naturalness, speaker identity, prosody, spectra and signal quality."""
