"""Order of the sentences of a document that is read aloud, and the silence between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tts_cli.errors import TextError
from tts_cli.reading.documents import Document
from tts_cli.reading.hypertext import Kind, Passage
from tts_cli.reading.plain import CHAPTERS
from tts_cli.text.characters import legible
from tts_cli.text.numbers import roman
from tts_cli.text.phones import FINAL_MARKS
from tts_cli.voice.request import Break
from tts_cli.voice.sentence import Sentence

PHRASE_S = 0.1
"""Longest silence between parts of a sentence that is too long to be spoken at once, in seconds."""
_ROMAN = re.compile(rf"^(|(?:(?i:{CHAPTERS})) )([IVXLC]+)(?=$|[.:,])")
_CLOSING = "\"'”’)]"


@dataclass(frozen=True)
class Pauses:
    """Silence between sentences. A voice adds a short silence of its own at the end of each sentence."""

    sentence_s: float = 0.2
    """Silence between sentences of a passage, in seconds."""
    paragraph_s: float = 0.7
    """Silence between paragraphs, in seconds; items of lists, headings and pauses take multiples of it."""

    def between(self, before: Kind, after: Kind) -> float:
        """Return the silence in seconds between two passages of these kinds."""
        kinds = {before, after}
        if after == "heading" or "pause" in kinds:
            return 2 * self.paragraph_s
        if before == "heading":
            return 1.3 * self.paragraph_s
        return 0.6 * self.paragraph_s if kinds == {"item"} else self.paragraph_s

    def after(self, sentence: Sentence) -> float:
        """Return the silence in seconds between a sentence and the next sentence of the same passage."""
        ends = sentence.text.rstrip().rstrip(_CLOSING).endswith((*FINAL_MARKS, "...", ":", ";"))
        return self.sentence_s if ends else min(self.sentence_s, PHRASE_S)


class Place(NamedTuple):
    """Place of a sentence in a document."""

    passage: int
    """Index of the passage in the document."""
    sentence: int
    """Index of the sentence in the passage."""


class SentenceToRead(NamedTuple):
    """Sentence of a document, with the silence before it and its place."""

    sentence: Sentence
    pause_s: float
    """Silence before the sentence in seconds; the first sentence of a reading is spoken without it."""
    place: Place
    heading: Passage | None
    """Heading that begins with this sentence; None elsewhere."""
    end: int
    """Amount of the document that is read after this sentence, in the unit of `Document.size`."""
    passage: Passage
    """Passage that holds the sentence."""
    source: str
    """Text of the passage that the spans of the sentence count in."""


class Reading:
    """Sentences of a document in order, with the silence between them. Lazy: a sentence is computed when it is asked for.

    Examples:
        >>> import tts_cli
        >>> from tts_cli.reading.documents import document_of
        >>> from tts_cli.reading.reading import Reading
        >>> voice = tts_cli.load("arctic-16k")
        >>> document = document_of("# The harbour\\n\\nThe boats came home.", "Story", ".md")
        >>> chunks = list(voice.stream(Reading(document, voice.sentences).sentences()))
    """

    def __init__(
        self,
        document: Document,
        split: Callable[[str], Iterable[Sentence]],
        pauses: Pauses | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Plan the reading of a document.

        Args:
            document: Document to be read.
            split: Function that yields the sentences of a text, such as `Voice.sentences`.
            pauses: Silence between sentences; None takes the defaults of `Pauses`.
            tell: Receives a warning for each script and each passage that cannot be read.
        """
        self.document, self._split, self._pauses, self._tell = document, split, pauses or Pauses(), tell
        self._scripts: set[str] = set()

    def sentences(self) -> Iterator[Sentence | Break]:
        """Yield the input for `Voice.stream`: all sentences, with a `Break` between each two.

        Raises:
            TextError: The document has nothing to speak.
            InputError: The document is damaged.
        """
        for index, step in enumerate(self.steps()):
            if index:
                yield Break(step.pause_s)
            yield step.sentence

    def steps(self, last: Place | None = None) -> Iterator[SentenceToRead]:
        """Yield the sentences after the one at `last`; all for None.

        A passage without words is silence. A passage that cannot be read is left out with a warning.

        Raises:
            TextError: `last` is None and the document has nothing to speak.
            InputError: The document is damaged.
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
        """Yield the sentences of the passage with index `number`. The pause before the first is 0.

        `start` and `passage.end` bound the passage in the unit of `Document.size`.
        """
        pause_s, length = 0.0, 0
        source = legible(passage.text)[0]
        for index, sentence in enumerate(self._sentences(passage, number)):
            length += len(sentence.text) + 1
            end = start + (passage.end - start) * min(length, len(passage.text)) // len(passage.text)
            heading = passage if passage.kind == "heading" and not index else None
            yield SentenceToRead(sentence, pause_s, Place(number, index), heading, end, passage, source)
            pause_s = self._pauses.after(sentence)

    def _sentences(self, passage: Passage, number: int) -> Iterator[Sentence]:
        heading, shift = _numbered(passage.text) if passage.kind == "heading" else (passage.text, None)
        text, scripts = legible(heading)
        for script in sorted(set(scripts) - self._scripts):
            self._tell(f"letters of a script that this voice cannot read are left out: {script}")
        self._scripts.update(scripts)
        try:
            if any(character.isalnum() for character in text):
                yield from (shift(sentence) if shift else sentence for sentence in self._split(text))
        except TextError as error:
            self._tell(f"passage {number + 1} is left out: {error.message}")

    def _nothing(self) -> TextError:
        if self._scripts:
            message = f"the text has no words that this voice can read; its script is {', '.join(sorted(self._scripts))}"
            return TextError(message, hint="only text in Latin letters can be spoken")
        return TextError("the text has no words to speak", hint="is it empty? code, formulas and symbols alone are not spoken")


def _numbered(heading: str) -> tuple[str, Callable[[Sentence], Sentence] | None]:
    """Return a heading with the Roman number of its chapter in digits: it would be read as letters otherwise.

    Returns:
        The heading, and a function that moves the spans of its sentences to their places in the original; None for no change.
    """
    match = _ROMAN.match(heading)
    value = roman(match[2]) if match else 0
    if not match or not value:
        return heading, None
    changed = f"{match[1]}{value}"
    start, end, more = len(match[1]), len(changed), match.end() - len(changed)

    def moved(place: int) -> int:
        return place if place <= start else place + more if place >= end else min(place, match.end())

    def shift(sentence: Sentence) -> Sentence:
        return sentence.model_copy(update={"spans": tuple((moved(first), moved(last)) for first, last in sentence.spans)})

    return changed + heading[match.end() :], shift
