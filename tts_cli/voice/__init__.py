"""Voices: text in, audio out; requests, traces and time measurements."""
