"""Front ends of voices: text to sentences of tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from tts_cli.blocks.features import features, load_object
from tts_cli.blocks.observe import Observer
from tts_cli.text import Utterance
from tts_cli.text.homographs import WordSenses


class FrontEnd(Protocol):
    """Text front end: splits text into sentences, and sentences into tokens. `text.TextFrontEnd` is one."""

    def sentences(self, text: str, max_tokens: int) -> Iterable[Utterance]:
        """Yield the sentences of `text`, each with at most `max_tokens` tokens, and compute each when it is asked for.

        Raises TextError for text with nothing to speak.
        """


class ObservedFrontEnd:
    """Front end that reports the time of each sentence of another front end to an observer."""

    def __init__(self, front_end: FrontEnd, observer: Observer) -> None:
        self._front_end, self._observer = front_end, observer

    def sentences(self, text: str, max_tokens: int) -> Iterable[Utterance]:
        """Yield the sentences of the measured front end."""
        sentences = iter(self._front_end.sentences(text, max_tokens))
        while True:
            with self._observer.span("text", "text front end", "text"):
                sentence = next(sentences, None)
            if sentence is None:
                return
            yield sentence


def word_senses() -> WordSenses | None:
    """Return the classifier of homographs of the first feature that has one; None for none."""
    opened = (load_object(feature.senses)() for feature in features() if feature.senses)
    return next((senses for senses in opened if senses is not None), None)
