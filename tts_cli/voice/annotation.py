"""Annotations: the words and phones of a recording with their times, as aligners and people write them into TextGrids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tts_cli.audio.textgrid import Interval, TextGrid, read_textgrid
from tts_cli.errors import InputError
from tts_cli.text.phone_sets import Notation, is_phone, label_notation, label_phones, unknown_label

PHONE_TIERS = ("phones", "phone", "mau", "phonemes", "phoneme", "segments", "segment")
WORD_TIERS = ("words", "word", "ort-mau", "ort", "kan-mau")
_SILENCES = frozenset(("", "sp", "sil", "<eps>", "<p:>", "<sil>", "<p>", "pau", "ssil", "#", "h#", "_", "silence", "<silence>"))
_NOISES = frozenset(("spn", "nsn", "noise", "<unk>", "<nib>", "<usb>", "brth", "[noise]", "<spn>", "lau", "<lau>"))
"""Labels of a noise, and of a word that the aligner's dictionary lacks."""


@dataclass(frozen=True)
class Word:
    """Word of a recording, with its phones."""

    label: str
    phones: tuple[Interval, ...]
    """Phones of the word. Vowels have a stress digit where the file has one. Empty for a word that the aligner did not know."""
    line: int = 0


@dataclass(frozen=True)
class Annotation:
    """Words and phones of a recording, with their times in seconds."""

    where: str
    """File, for messages."""
    phones: tuple[Interval, ...]
    """Phones and noises, without silences, in order."""
    words: tuple[Interval, ...] | None = None
    """Words, without silences, in order; None where the file does not name them."""
    length_s: float | None = None
    """Length of the recording; None where the file does not tell it."""

    @property
    def notation(self) -> Notation:
        """Return the notation of the phones."""
        return label_notation(phone.label for phone in self.phones if not is_noise(phone.label))

    def spoken(self) -> list[Word]:
        """Return the words, each with its phones. A file without words gives one word with all phones.

        A phone belongs to the word in which its middle lies. Raises InputError for a phone that is unknown, or outside all words.
        """
        notation = self.notation
        if self.words is None:
            return [Word("", tuple(self._mapped(self.phones, notation)))]
        phones = list(self.phones)
        found = []
        for word in self.words:
            own = []
            while phones and (phones[0].start_s + phones[0].end_s) / 2 < word.end_s:
                phone = phones.pop(0)
                if (phone.start_s + phone.end_s) / 2 >= word.start_s:
                    own.append(phone)
                elif not is_noise(phone.label):
                    raise self._outside(phone)
            found.append(Word(word.label, tuple(self._mapped(own, notation)), word.line))
        if rest := [phone for phone in phones if not is_noise(phone.label)]:
            raise self._outside(rest[0])
        return found

    def _mapped(self, phones: Sequence[Interval], notation: Notation) -> Iterator[Interval]:
        """Yield the phones of our set; two that stand for one share its time."""
        for phone in phones:
            if is_noise(phone.label) and not is_phone(phone.label, notation):
                continue
            try:
                names = label_phones(phone.label, notation)
            except KeyError:
                raise unknown_label(phone.label, self.place(phone)) from None
            step_s = (phone.end_s - phone.start_s) / len(names)
            for number, name in enumerate(names):
                yield Interval(name, phone.start_s + number * step_s, phone.start_s + (number + 1) * step_s, phone.line)

    def place(self, span: Interval | Word) -> str:
        """Return file and line of `span`, for messages."""
        return f"{self.where}:{span.line}" if span.line else self.where

    def _outside(self, phone: Interval) -> InputError:
        message = f"{self.place(phone)}: the phone '{phone.label}' at {phone.start_s:g} s is in no word"
        return InputError(message, hint="the tiers of words and phones must agree: move the boundary of the word")


def annotation_of(grid: TextGrid) -> Annotation:
    """Return the words and phones of a TextGrid. Raises InputError for one without a tier of phones."""
    phones, words = grid.find(PHONE_TIERS), grid.find(WORD_TIERS)
    if phones is None:
        names = ", ".join(f"'{tier.name}'" for tier in grid.tiers) or "none"
        raise InputError(f"{grid.path}: has no tier of phones; its tiers: {names}", hint="name the tier 'phones'")
    heard = tuple(_sounds(phones.intervals))
    return Annotation(str(grid.path), heard, tuple(_sounds(words.intervals)) if words else None, grid.end_s)


def read_annotation(path: Path) -> Annotation:
    """Return the words and phones of a TextGrid file. Raises InputError for a malformed one; it names file and line."""
    return annotation_of(read_textgrid(path))


def is_silence(label: str) -> bool:
    """Return whether a label means silence."""
    return label.strip().lower() in _SILENCES


def is_noise(label: str) -> bool:
    """Return whether a label means noise, or a word that the aligner's dictionary lacks."""
    return label.strip().lower() in _NOISES


def _sounds(spans: Sequence[Interval]) -> Iterator[Interval]:
    return (span for span in spans if not is_silence(span.label))


def letters(word: str) -> str:
    """Return the letters and digits of a word in lower case, by which words of two sources are compared."""
    return re.sub(r"[\W_]", "", word.casefold())
