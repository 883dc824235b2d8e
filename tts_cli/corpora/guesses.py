"""Words whose pronunciation was guessed: neither the dictionary nor the user's lexicon has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tts_cli.files import atomic_write
from tts_cli.text.dictionary import cmu_has
from tts_cli.text.homographs import homographs
from tts_cli.text.pronounce import derive, sound

GUESSES_FILE = "guessed.txt"
"""Name of the lexicon of guessed words in a prepared corpus."""
_ENDINGS = ("", "s", "d", "ll", "ve", "re", "m")
"""Endings after an apostrophe, which are regular: a word that is known without one is known with it."""
_HEADER = """\
# Words that neither the dictionary nor the lexicon has, with guessed phones, the commonest first.
# tts prepare writes this file anew: correct a copy, and give it as --lexicon.
"""


@dataclass(frozen=True)
class GuessedWord:
    """Word with guessed phones, and its place in the corpus."""

    word: str
    """Word in lower case, without 's."""
    phones: str
    """Guessed phones, with spaces between them."""
    count: int
    """Number of occurrences in all transcripts."""
    first: str
    """First clip with the word, as corpus/id."""


def guessed_words(spoken: Iterable[tuple[str, Sequence[str]]], lexicon: Collection[str]) -> list[GuessedWord]:
    """Return the words with guessed phones, the commonest first.

    Args:
        spoken: Name of each clip, as corpus/id, and its spoken words.
        lexicon: Words in lower case that the user's lexicon has.
    """
    counts, found = Counter[str](), dict[str, tuple[str, str]]()
    for clip, words in spoken:
        for written in words:
            word = _to_guess(written, lexicon)
            phones = derive(word) if word else ()
            if phones:
                counts[word.lower()] += 1
                found.setdefault(word.lower(), (" ".join(phones), clip))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [GuessedWord(word, found[word][0], count, found[word][1]) for word, count in ranked]


def _to_guess(written: str, lexicon: Collection[str]) -> str:
    """Return the word of which phones must be guessed, without 's; "" for a known word and for phones in brackets."""
    if written.startswith("[[") or len(written) == 1 or _is_known(written.lower(), lexicon):
        return ""
    base, apostrophe, ending = written.rpartition("'")
    if apostrophe and ending.lower() in _ENDINGS:
        if _is_known(base.lower(), lexicon):
            return ""
        if ending.lower() == "s":
            return base
    return written


def _is_known(word: str, lexicon: Collection[str]) -> bool:
    return word in lexicon or cmu_has(word) or word in homographs() or bool(sound(word))


def write_guesses(folder: Path, guesses: Iterable[GuessedWord], lexicon: Path | None) -> str:
    """Write the words as a lexicon into `folder`, and return the name of the file that lists them.

    A file that is itself the `lexicon` is the user's work, and is kept; `report.json` lists the words then.

    Raises:
        OutputError: The file cannot be written.
    """
    path = folder / GUESSES_FILE
    if lexicon is not None and path.exists() and path.samefile(lexicon):
        return "report.json"
    with atomic_write(path) as file:
        file.write(_HEADER)
        file.writelines(f"{one.word.upper()} {one.phones}  # {_times(one.count)}, first in {one.first}\n" for one in guesses)
    return GUESSES_FILE


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
