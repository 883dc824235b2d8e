"""The symbols that acoustic models read, and the utterance that carries them."""

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
FINAL_MARKS = (".", "?", "!", "…")
BOUNDARIES = (SPACE, ",", ";", ":", "-", "(", ")", '"', *FINAL_MARKS)
VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
CONSONANTS = tuple("B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH".split())
PHONES = (*(vowel + stress for vowel in VOWELS for stress in "012"), *CONSONANTS)
SYMBOLS = (PAD, START, *BOUNDARIES, *PHONES)
"""Every token; its index is its id. The order is part of every trained model and never changes."""

SYMBOL_IDS = {symbol: index for index, symbol in enumerate(SYMBOLS)}
_PHONE_SET = frozenset(PHONES)


def parse_phones(text: str, source: str) -> tuple[str, ...]:
    """The phones in `text`, blanks between them. Raises TextError naming `source` when one is unknown or there is none."""
    phones = tuple(text.upper().split())
    wrong = next((phone for phone in phones if phone not in _PHONE_SET), None)
    if wrong is None and phones:
        return phones
    told = f"vowels, each with its stress 0, 1 or 2 ({' '.join(VOWELS)}), and consonants ({' '.join(CONSONANTS)})"
    if wrong is None:
        raise TextError(f"{source}: no phones", hint=f"valid phones: {told}")
    reason = f"the vowel '{wrong}' lacks its stress" if wrong in VOWELS else f"unknown phone '{wrong}'"
    raise TextError(f"{source}: {reason}", hint=f"valid phones: {told}")


@dataclass(frozen=True)
class Utterance:
    """One stretch of speech as tokens: "^", phones with one boundary token between words, a final mark."""

    text: str
    """The text as it was given."""
    normalised: str
    """The text as it is spoken: words only, numbers and abbreviations written out, with punctuation."""
    tokens: tuple[str, ...]
    """Members of SYMBOLS: "^", the phones of word 1, one boundary, ..., one of FINAL_MARKS."""
    words: tuple[str, ...]
    """The words as they are spoken."""
    word_of_token: tuple[int, ...]
    """Index into `words` of each token; -1 for "^" and boundaries."""

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """(N,) int64 indices of `tokens` in SYMBOLS."""
        import numpy as np

        return np.array([SYMBOL_IDS[token] for token in self.tokens], dtype=np.int64)
