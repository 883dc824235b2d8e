"""Spoken words of a text, for the tests of semiotic classes."""

from __future__ import annotations

from tts_cli.text import TextFrontEnd

FRONT_END = TextFrontEnd()


def spoken(text: str) -> str:
    """Return the spoken words, with a bar between sentences."""
    return " | ".join(" ".join(one.words) for one in FRONT_END.sentences(text, 400))
