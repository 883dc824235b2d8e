"""Text front end: converts text to utterances, sequences of phones and boundary tokens."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tts_cli.errors import TextError
from tts_cli.text import numbers
from tts_cli.text.characters import plain
from tts_cli.text.dictionary import cmu_lines, read_lexicon
from tts_cli.text.homographs import LIGHT_SENSES, WordSenses
from tts_cli.text.normalise import read
from tts_cli.text.phones import FINAL_MARKS, SPACE, START, Utterance
from tts_cli.text.pronounce import LETTER_NETWORK, Phones, pronounce
from tts_cli.text.sentences import SpokenWord, best_cut, final_mark, sentences

_FEWEST_TOKENS = 8
_NO_LIMIT = 1 << 60


class TextFrontEnd:
    """Converter of American English text to phones. Threads may share it.

    The sources of pronunciations, in order: inline phones `[[AH0 B AW1 T]]`, the lexicon, the CMU dictionary, words built from
    known ones, and the letter network.
    """

    def __init__(self, lexicon: Path | None = None, senses: WordSenses | None = None) -> None:
        """Args:
            lexicon: File of `WORD  PH ON EMES` lines.
            senses: Classifier of homographs; None takes the light one.

        Raises:
            TextError: The lexicon is invalid; names file and line.
        """
        self._lexicon = read_lexicon(lexicon) if lexicon else {}
        self._senses = senses or LIGHT_SENSES

    def load(self) -> None:
        """Load the dictionary and the letter network now, instead of with the first sentence."""
        cmu_lines()
        numbers.load()
        LETTER_NETWORK.load()

    def utterance(self, sentence: str) -> Utterance:
        """Return all of `sentence` as one utterance of any length. Raises TextError if there is nothing to speak."""
        text = plain(sentence)
        self.load()
        words = list(chain.from_iterable(sentences(read(text, self._lexicon), _NO_LIMIT)))
        _demand(bool(words), sentence)
        return _utterance(sentence, words, self._phones(words))

    def sentences(self, text: str, max_tokens: int) -> Iterator[Utterance]:
        """Split `text` into utterances, lazily.

        Sentences are the units. A longer sentence is split between phrases, if necessary between or inside words.

        Args:
            text: Text to speak.
            max_tokens: Largest number of tokens of an utterance, 8 or more.

        Raises:
            TextError: The text has characters of another script, or nothing to speak.
            ValueError: `max_tokens` is too small.
        """
        if max_tokens < _FEWEST_TOKENS:
            raise ValueError(f"max_tokens is {max_tokens}, but at least {_FEWEST_TOKENS} are needed")
        written = plain(text)
        self.load()
        spoken = False
        waiting: list[SpokenWord] = []
        for words in sentences(read(written, self._lexicon), max_tokens // 2):
            spoken = True
            waiting += words
            over = waiting[-1].gap in FINAL_MARKS
            while waiting and (over or len(waiting) >= max_tokens // 2):
                utterance, waiting = self._first(written, waiting, max_tokens)
                yield utterance
        while waiting:
            utterance, waiting = self._first(written, waiting, max_tokens)
            yield utterance
        _demand(spoken, text)

    def _first(self, text: str, words: list[SpokenWord], max_tokens: int) -> tuple[Utterance, list[SpokenWord]]:
        """Return the first utterance of `words`, and the remaining words."""
        phones = self._phones(words)
        most = max_tokens - 1
        sizes = [len(word_phones) + 1 for word_phones in phones]
        if sum(sizes) <= most:
            return _utterance(_written(text, words), words, phones), []
        if sizes[0] > most:
            word = words[0]
            head, tail = phones[0][: most - 1], phones[0][most - 1 :]
            first = [word._replace(gap=SPACE)]
            return _utterance(word.text, first, [head]), [word._replace(phones=tail), *words[1:]]
        count = best_cut(words, sizes, most)
        return _utterance(_written(text, words[:count]), words[:count], phones[:count]), words[count:]

    def _phones(self, words: list[SpokenWord]) -> list[Phones]:
        found = pronounce([word.text for word in words], [word.gap for word in words], self._lexicon, self._senses)
        return [word.phones or phones for word, phones in zip(words, found, strict=True)]


def _written(text: str, words: list[SpokenWord]) -> str:
    return text[words[0].start : words[-1].end].strip()


def _utterance(text: str, words: list[SpokenWord], phones: list[Phones]) -> Utterance:
    gaps = [word.gap for word in words[:-1]] + [final_mark(words[-1].gap)]
    said = tuple(word.text.replace(".", "") if len(word.text) < 5 and "[[" not in word.text else word.text for word in words)
    tokens: list[str] = [START]
    places: list[int] = [-1]
    for index, (word_phones, gap) in enumerate(zip(phones, gaps, strict=True)):
        tokens += [*word_phones, gap]
        places += [*([index] * len(word_phones)), -1]
    return Utterance(text, _normalised(said, gaps), tuple(tokens), said, tuple(places))


def _normalised(words: tuple[str, ...], gaps: list[str]) -> str:
    parts = []
    for word, gap in zip(words, gaps, strict=True):
        parts.append(word + {"-": " - ", "(": " (", '"': ' " '}.get(gap, gap if gap == SPACE else gap + SPACE))
    return "".join(parts).strip()


def _demand(spoken: bool, text: str) -> None:
    if spoken:
        return
    if not text.strip():
        raise TextError("the text is empty", hint="give some words to speak")
    shown = " ".join(text.split())[:40]
    raise TextError(f"the text has no words to speak: {shown}", hint="punctuation, symbols and emoji alone are not spoken")
