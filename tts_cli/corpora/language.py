"""Signs that transcripts are not English: letters with diacritics, other scripts, and words that English does not have."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

from tts_cli.text.dictionary import cmu_has

_LEAST_WORDS = 30
"""Different words from which a share is judged."""
_MOST_FOREIGN = 0.25
"""Largest share of different words that are unknown to the dictionary, or have a letter that English lacks. Six English corpora
had at most 0.05, texts in German, French, Spanish, Finnish and Russian 0.34 and more."""


def foreign_share(texts: Iterable[str], lexicon: Collection[str] = ()) -> float:
    """Return the share, 0 to 1, of the different words of `texts` that are not English; 0 if there are too few words.

    Args:
        texts: Transcripts.
        lexicon: Words in lower case that the user's lexicon has.
    """
    words = {word for text in texts for word in re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", text.lower().replace("’", "'"))}
    if len(words) < _LEAST_WORDS:
        return 0.0
    return sum(not _is_english(word) and word not in lexicon for word in words) / len(words)


def is_foreign(share: float) -> bool:
    """Return whether texts with this share of foreign words are not English."""
    return share > _MOST_FOREIGN


def _is_english(word: str) -> bool:
    """Return whether the dictionary knows the word or its stem, which has only letters of English."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char))
    return plain == word and (cmu_has(word) or cmu_has(word.partition("'")[0]))
