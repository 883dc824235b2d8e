"""Prosody as a thing to move: what a recording has of it, for another voice."""
