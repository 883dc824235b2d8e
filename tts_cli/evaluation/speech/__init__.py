"""Evaluation of speech from text: voices and peers against recordings, hard sentences, parity of contexts."""
