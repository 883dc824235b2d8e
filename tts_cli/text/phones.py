"""Symbols of acoustic models (phones and boundaries), and utterances of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tts_cli.errors import TextError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PAD = "_"
START = "^"
SPACE = " "
STOP, QUESTION = ".", "?"
FINAL_MARKS = (STOP, QUESTION, "!", "…")
BOUNDARIES = (SPACE, ",", ";", ":", "-", "(", ")", '"', *FINAL_MARKS)
VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
CONSONANTS = tuple("B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH".split())
PHONES = (*(vowel + stress for vowel in VOWELS for stress in "012"), *CONSONANTS)
SYMBOLS = (PAD, START, *BOUNDARIES, *PHONES)
"""All symbols; the id of a symbol is its index. The order is part of every trained model and never changes."""

SYMBOL_IDS = {symbol: index for index, symbol in enumerate(SYMBOLS)}
_PHONE_SET = frozenset(PHONES)


def parse_phones(text: str, source: str) -> tuple[str, ...]:
    """Return the phones in `text`, which spaces separate.

    Args:
        text: Phones of the CMU dictionary in upper or lower case; vowels have a stress digit.
        source: Place of the text, for the error message.

    Raises:
        TextError: A phone is unknown, or there is none.
    """
    phones = tuple(text.upper().split())
    wrong = next((phone for phone in phones if phone not in _PHONE_SET), None)
    if wrong is None and phones:
        return phones
    valid = f"vowels, each with its stress 0, 1 or 2 ({' '.join(VOWELS)}), and consonants ({' '.join(CONSONANTS)})"
    if wrong is None:
        raise TextError(f"{source}: no phones", hint=f"valid phones: {valid}")
    reason = f"the vowel '{wrong}' lacks its stress" if wrong in VOWELS else f"unknown phone '{wrong}'"
    raise TextError(f"{source}: {reason}", hint=f"valid phones: {valid}")


@dataclass(frozen=True)
class Utterance:
    """Sentence, or part of one, as tokens: "^", phones with one boundary token between words, and a final mark."""

    text: str
    """Text as it was given."""
    normalised: str
    """Spoken text: words with punctuation, numbers and abbreviations written out."""
    tokens: tuple[str, ...]
    """Symbols: "^", the phones of word 1, one boundary, ..., one of FINAL_MARKS."""
    words: tuple[str, ...]
    """Spoken words."""
    word_of_token: tuple[int, ...]
    """Index of the word of each token; -1 for "^" and boundaries."""
    spans: tuple[tuple[int, int], ...] = ()
    """Start and end of each word in the text that was given. All words of one number have the same span."""
    notes: tuple[str, ...] = ()
    """Notes for the user on text up to the end of this utterance that is not spoken, such as words of another script."""

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """Return the ids of `tokens`, shape (N,) int64."""
        import numpy as np

        return np.array([SYMBOL_IDS[token] for token in self.tokens], dtype=np.int64)
