"""Prosody transfer: a voice speaks with the prosody of a recording."""
