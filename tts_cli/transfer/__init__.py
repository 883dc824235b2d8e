"""Prosody transfer: the prosody of a recording, for another voice."""
