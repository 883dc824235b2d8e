"""Text front end: splits text into sentences, normalises them and converts words to phones."""

from tts_cli.text.front_end import TextFrontEnd
from tts_cli.text.phones import SYMBOLS, Utterance

__all__ = ["SYMBOLS", "TextFrontEnd", "Utterance"]
