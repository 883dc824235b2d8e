"""The app `tts`: one file per command group; each command parses, calls one room and prints."""
