"""Reading a document aloud: which sentence comes when, and how long the silence before it is.

    reading = Reading(open_document(Path("book.md")), voice.sentences)
    for chunk in voice.stream(reading.sentences()):
        play(chunk.samples, chunk.sample_rate)

Nothing past a sentence is looked at before the next is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tts_cli.errors import TextError
from tts_cli.reading.documents import CHAPTERS, Document
from tts_cli.reading.hypertext import Kind, Passage
from tts_cli.text.characters import legible
from tts_cli.text.numbers import roman
from tts_cli.text.phones import FINAL_MARKS
from tts_cli.voice.request import Break
from tts_cli.voice.sentence import Sentence

PHRASE_S = 0.1
"""The longest silence between parts of a sentence that is too long to be spoken at once."""
_ROMAN = re.compile(rf"^(|(?:(?i:{CHAPTERS})) )([IVXLC]+)(?=$|[.:,])")
_CLOSING = "\"'”’)]"


@dataclass(frozen=True)
class Pauses:
    """Silence between sentences, in seconds; voices end their sentences with a little of their own."""

    sentence_s: float = 0.2
    paragraph_s: float = 0.7

    def between(self, before: Kind, after: Kind) -> float:
        """From the end of a passage to the beginning of the next."""
        kinds = {before, after}
        if after == "heading" or "pause" in kinds:
            return 2 * self.paragraph_s
        if before == "heading":
            return 1.3 * self.paragraph_s
        return 0.6 * self.paragraph_s if kinds == {"item"} else self.paragraph_s

    def after(self, sentence: Sentence) -> float:
        """Before the next sentence of the same passage."""
        ends = sentence.text.rstrip().rstrip(_CLOSING).endswith((*FINAL_MARKS, "...", ":", ";"))
        return self.sentence_s if ends else min(self.sentence_s, PHRASE_S)


class Place(NamedTuple):
    """Where in a document a sentence stands."""

    passage: int
    sentence: int


class SentenceToRead(NamedTuple):
    """A sentence to be read."""

    sentence: Sentence
    pause_s: float
    """Silence before it, unless it is the first."""
    place: Place
    heading: Passage | None
    """Which it begins."""
    end: int
    """How much of the document is read with it, in the measure of the document's size."""


class Reading:
    """A document, how it is split into sentences, and the silence between them."""

    def __init__(
        self,
        document: Document,
        split: Callable[[str], Iterable[Sentence]],
        pauses: Pauses | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`split` gives the sentences of a passage, as `Voice.sentences` does; `tell` is told what cannot be read."""
        self.document, self._split, self._pauses, self._tell = document, split, pauses or Pauses(), tell
        self._scripts: set[str] = set()

    def sentences(self) -> Iterator[Sentence | Break]:
        """What a voice is given to read all of it."""
        for index, step in enumerate(self.steps()):
            if index:
                yield Break(step.pause_s)
            yield step.sentence

    def steps(self, last: Place | None = None) -> Iterator[SentenceToRead]:
        """The sentences after the one at `last`, or all. Raises TextError when there is none in the document.

        What has no words is silence; what cannot be read, told and passed over.
        """
        before, start, pause_s, is_empty = None, 0, 0.0, last is None
        for number, passage in enumerate(self.document.passages()):
            if last is None or number >= last.passage:
                pause_s = max(pause_s, self._pauses.between(before, passage.kind)) if before else pause_s
                for step in self._of(passage, number, start):
                    if last is None or step.place > last:
                        yield step._replace(pause_s=pause_s or step.pause_s)
                    pause_s, is_empty = 0.0, False
                before = passage.kind
            start = passage.end
        if is_empty:
            raise self._nothing()

    def _of(self, passage: Passage, number: int, start: int) -> Iterator[SentenceToRead]:
        """The sentences of one passage; before its first there is no silence."""
        pause_s, length = 0.0, 0
        for index, sentence in enumerate(self._sentences(passage, number)):
            length += len(sentence.text) + 1
            end = start + (passage.end - start) * min(length, len(passage.text)) // len(passage.text)
            heading = passage if passage.kind == "heading" and not index else None
            yield SentenceToRead(sentence, pause_s, Place(number, index), heading, end)
            pause_s = self._pauses.after(sentence)

    def _sentences(self, passage: Passage, number: int) -> Iterator[Sentence]:
        text, scripts = legible(_numbered(passage.text) if passage.kind == "heading" else passage.text)
        for script in sorted(set(scripts) - self._scripts):
            self._tell(f"letters of a script that this voice cannot read are left out: {script}")
        self._scripts.update(scripts)
        try:
            if any(character.isalnum() for character in text):
                yield from self._split(text)
        except TextError as error:
            self._tell(f"passage {number + 1} is passed over: {error.message}")

    def _nothing(self) -> TextError:
        if self._scripts:
            message = f"the text has no words that this voice can read; its script is {', '.join(sorted(self._scripts))}"
            return TextError(message, hint="only text in Latin letters can be spoken")
        return TextError("the text has no words to speak", hint="is it empty? code, formulas and symbols alone are not spoken")


def _numbered(heading: str) -> str:
    """The heading with the number of its chapter in digits: a Roman one alone would be read as letters."""
    match = _ROMAN.match(heading)
    value = roman(match[2]) if match else 0
    return f"{match[1]}{value}{heading[match.end() :]}" if match and value else heading
