"""Words that were divided at the end of a line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_cli.text.dictionary import cmu_has

_BEFORE = re.compile(r"([A-Za-z]+(?:['’][A-Za-z]+)?)([-\u2010\u00ad¬])\s*$")
_AFTER = re.compile(r"\s*([a-z]+(?:['’][a-z]+)?)")
_SUFFIXES = frozenset(
    "able al ally ance ate ation ced cy ed ence ening er ers es est ful fully ible ic ical ies ing ings ion ions ish ism ist ity"
    " ive ively less ling ly ment ments ness nesses ous ously sion sions tal ted ter ters tial ting tion tions tive tives ture"
    " tures ty ward wards".split()
)
"""Endings that are no words of a compound, though the dictionary may have some as names."""
_PREFIXES = frozenset("com con de dis em en ex im in mis per pre pro re sub sur un".split())
_COMPOUNDS = frozenset(
    "half self well twenty thirty forty fifty sixty seventy eighty ninety"
    " one two three four five six seven eight nine ten".split()
)
"""First words of compounds that the dictionary also has without a hyphen."""


def without_hyphens(lines: Sequence[str]) -> list[str]:
    """Return the lines of a paragraph with the words joined that were divided at line ends. Hyphens of compounds stay."""
    joined: list[str] = []
    for line in lines:
        before = _BEFORE.search(joined[-1]) if joined else None
        after = _AFTER.match(line) if before else None
        if before and after and (before[2] in "\u00ad¬" or is_one_word(before[1], after[1])):
            joined[-1] = joined[-1][: before.start(2)] + after[1]
            line = line[after.end() :]
            if line[:1].strip():
                # Punctuation belongs to the joined word.
                mark, _, line = line.partition(" ")
                joined[-1] += mark
        if line.strip():
            joined.append(line)
    return joined


def is_one_word(before: str, after: str) -> bool:
    """Return True if the two parts of a word, divided at a hyphen, are one word of the dictionary and no compound."""
    first, second = before.lower(), after.lower().replace("’", "'")
    stem = second.removesuffix("'s")
    if first in _COMPOUNDS and cmu_has(stem) and stem not in ("ish", "self"):
        return False
    if any(cmu_has(first + form) for form in {second, stem, *_stems(stem)} if form):
        return True
    if first in _PREFIXES or stem in _SUFFIXES:
        return first != "ex" or not cmu_has(stem)
    return not (cmu_has(first) and any(map(cmu_has, {stem, *_stems(stem)})))


def _stems(word: str) -> set[str]:
    """Return `word` without the endings of inflection."""
    return {
        word[: -len(ending)]
        for ending in ("s", "es", "ed", "d", "ly", "ing")
        if word.endswith(ending) and len(word) > len(ending) + 1
    }
