"""Third columns of transcripts: a reading of the second column, or a sign of another layout."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher

_SPEAKERS = "looks like id|speaker|text: '{}' names a speaker; if all lines are so, choose --layout piper"
_BAR = "looks like a bar '|' inside the text: the third column is no reading of the second; write a comma or a dash instead"
_LEAST_SHARED = 0.5
"""Smallest share of the plain words of one column that the other has, if it is a reading of the same text."""
_ALIKE = 0.7
"""Similarity of the letters of two spellings of the same words, as of "colour" and "color"."""
_MOST_COMPARED = 400
"""Letters of the longest column that is compared letter by letter, which takes the square of the time. Words decide on others."""
_LEAST_READ_OUT = 3
"""Words of a third column that cannot be the reading of a single word."""


class ThirdColumns:
    """Judge of the lines id|text|reading of one transcript."""

    def __init__(self, columns: Iterable[tuple[str, str]]) -> None:
        """Note all second and third columns, because a speaker is known by the different texts that it has."""
        readings: dict[str, set[str]] = {}
        for second, third in columns:
            readings.setdefault(second.strip(), set()).add(" ".join(_words(third)))
        self._speakers = {second for second, own in readings.items() if len(own) > 1 and len(second.split()) < _LEAST_READ_OUT}

    def fault(self, second: str, third: str) -> str:
        """Return the reason why `third` is no reading of `second`; "" if it is one, or if either is empty."""
        second, third = second.strip(), third.strip()
        if not second or not third:
            return ""
        if self.names_speaker(second, third):
            return _SPEAKERS.format(second)
        return "" if _is_reading(second, third) else _BAR

    def names_speaker(self, second: str, third: str) -> bool:
        """Return whether `second` is a speaker's name and `third` a text."""
        second, third = second.strip(), third.strip()
        return bool(second and third) and (second in self._speakers or _is_name(second, third))


def _words(text: str) -> list[str]:
    """Return the words of a text without digits, case and diacritics."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return re.findall(r"[^\W\d_]+", plain.lower())


def _is_name(second: str, third: str) -> bool:
    """Return whether `second` is one word, perhaps with digits, that cannot be read as `third`."""
    if not re.fullmatch(r"[^\W\d][\w.-]*", second) or len(_words(third)) < _LEAST_READ_OUT or second.isupper():
        return False
    return not set(_words(second)) & set(_words(third))


def _is_reading(second: str, third: str) -> bool:
    """Return whether the columns share their plain words: those that are read as they are written."""
    letters, others = "".join(_words(second)), "".join(_words(third))
    is_short = max(len(letters), len(others)) <= _MOST_COMPARED
    if letters == others or (is_short and SequenceMatcher(None, letters, others, autojunk=False).ratio() >= _ALIKE):
        return True
    written = second.split()
    plain = [word for token in written if _is_plain(token) for word in _words(token)]
    read = _words(third)
    if plain and len(set(plain) & set(read)) < _LEAST_SHARED * len(set(plain)):
        return len(plain) == 1 and len(written) > 1
    is_all_plain = all(_is_plain(token) for token in written)
    return not is_all_plain or len(set(plain) & set(read)) >= _LEAST_SHARED * len(set(read))


def _is_plain(token: str) -> bool:
    """Return whether a token is read as it is written: no number, symbol, abbreviation or acronym."""
    bare = token.strip("\"'“”‘’()[],;:!?-–—")
    is_short = bare.endswith(".") and len(bare) <= 5
    return not is_short and not re.search(r"[\d$£€%&@#+=*/°]", bare) and not (len(bare) > 1 and bare.isupper())
