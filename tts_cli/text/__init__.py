"""From text to an utterance: sentences, normalisation and phones."""

from tts_cli.text.front_end import TextFrontEnd
from tts_cli.text.phones import SYMBOLS, Utterance

__all__ = ["SYMBOLS", "TextFrontEnd", "Utterance"]
