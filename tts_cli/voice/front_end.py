"""Front ends of voices: text to sentences of tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from tts_cli.blocks.observe import Observer
from tts_cli.text import Utterance


class FrontEnd(Protocol):
    """What splits text into sentences and these into tokens, as `text.TextFrontEnd` does."""

    def sentences(self, text: str, max_tokens: int) -> Iterable[Utterance]:
        """Lazily. Raises TextError for text with nothing to speak."""


class ObservedFrontEnd:
    """A front end whose work is measured."""

    def __init__(self, front_end: FrontEnd, observer: Observer) -> None:
        self._front_end, self._observer = front_end, observer

    def sentences(self, text: str, max_tokens: int) -> Iterable[Utterance]:
        """Yield those of the measured front end."""
        sentences = iter(self._front_end.sentences(text, max_tokens))
        while True:
            with self._observer.span("text", "text front end", "text"):
                sentence = next(sentences, None)
            if sentence is None:
                return
            yield sentence
