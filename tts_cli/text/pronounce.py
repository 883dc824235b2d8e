"""Words to phones: lexicon, the CMU dictionary, words built from known ones, and the letter network for the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from tts_cli.text.dictionary import cmu_has, cmu_pronunciations
from tts_cli.text.heteronyms import choose
from tts_cli.text.letters import LetterNetwork
from tts_cli.text.phones import SPACE, VOWELS

Phones = tuple[str, ...]

LETTER_NETWORK = LetterNetwork()
_SIBILANTS = frozenset({"S", "Z", "SH", "ZH", "CH", "JH"})
_VOICELESS = frozenset({"P", "T", "K", "F", "TH", "S", "SH", "CH"})
_WEAK = frozenset(
    "of to for from at as was were is are be in on or but with than his her he she we you it its can will has have had my your"
    " our their them by an".split()
)
"""Words that lose their stress where no pause follows them."""
_LETTER_BEFORE = frozenset(
    "vitamin grade plan hepatitis type group section exhibit appendix level class team point option".split()
)
_PARTICLES: dict[str, Phones] = {
    "'ll": ("AH0", "L"), "'ve": ("AH0", "V"), "'re": ("ER0",), "'m": ("M",), "n't": ("AH0", "N", "T"), "'em": ("AH0", "M"),
}  # fmt: skip
_SUFFIXES = {
    "ing": "IH0 NG", "er": "ER0", "est": "AH0 S T", "ly": "L IY0", "ness": "N AH0 S", "less": "L AH0 S", "ful": "F AH0 L",
    "ish": "IH0 SH", "able": "AH0 B AH0 L", "ment": "M AH0 N T", "like": "L AY2 K", "ship": "SH IH2 P", "wise": "W AY2 Z",
    "hood": "HH UH2 D", "ism": "IH2 Z AH0 M", "ist": "IH0 S T", "in'": "AH0 N", "y": "IY0",
}  # fmt: skip
_PREFIXES = {
    "un": "AH0 N", "re": "R IY0", "non": "N AA2 N", "over": "OW2 V ER0", "under": "AH2 N D ER0", "out": "AW2 T", "mis": "M IH0 S",
    "pre": "P R IY0", "anti": "AE2 N T IY0", "super": "S UW2 P ER0", "inter": "IH2 N T ER0", "micro": "M AY2 K R OW0",
    "multi": "M AH2 L T IY0", "counter": "K AW2 N T ER0", "hyper": "HH AY2 P ER0", "semi": "S EH2 M IY0", "sub": "S AH0 B",
    "cyber": "S AY2 B ER0", "mega": "M EH2 G AH0", "ultra": "AH2 L T R AH0", "pseudo": "S UW2 D OW0",
}  # fmt: skip
_SPECIAL: dict[str, Phones] = {"psst": ("P", "S", "T"), "pfft": ("F", "T"), "ugh": ("AH1", "G"), "nth": ("EH1", "N", "TH")}
_SHORTEST_BASE = 3
_SHORTEST_PART = 3
_CACHED_WORDS = 20_000


def pronounce(words: list[str], gaps: list[str], lexicon: Mapping[str, Phones]) -> list[Phones]:
    """Phones of each word of a sentence.

    gaps: the boundary token after each word. A letter that is named is one capital and a full stop.
    """
    lowered = [word.lower() for word in words]
    result: list[Phones] = []
    for index in reversed(range(len(words))):
        before = lowered[index - 1] if index else ""
        after = lowered[index + 1] if index + 1 < len(words) and gaps[index] == SPACE else ""
        following = result[-1] if after else ()
        listed = _listed(lowered[index], lexicon) if lexicon else None
        result.append(listed or _in_context(words[index], before, after, following))
    return result[::-1]


def _listed(word: str, lexicon: Mapping[str, Phones]) -> Phones | None:
    """The lexicon's phones of a word or of the possessive of one."""
    if word in lexicon:
        return lexicon[word]
    base = lexicon.get(word.removesuffix("'s"))
    return base + _plural(base) if base else None


def _in_context(word: str, before: str, after: str, following: Phones) -> Phones:
    """Phones of `word` between its neighbours; `following` are the phones of `after`, none where a pause comes."""
    lowered = word.lower()
    if lowered == "the":
        return ("DH", "IY0") if following and following[0][:2] in VOWELS else ("DH", "AH0")
    if lowered == "a":
        return ("EY1",) if word == "A" and (before in _LETTER_BEFORE or (before and not after)) else ("AH0",)
    if lowered == "to" and following:
        return ("T", "UW0") if following[0][:2] in VOWELS else ("T", "AH0")
    variants = cmu_pronunciations(lowered)
    if not variants:
        return derive(word)
    phones = choose(word, variants, before, after)
    return tuple(phone.replace("1", "0") for phone in phones) if lowered in _WEAK and following else phones


@lru_cache(_CACHED_WORDS)
def derive(word: str) -> Phones:
    """Phones of a word that the CMU dictionary lacks.

    Capitalised ones are mostly names, which tend to contain words that they are not made of (Mayn-ard, Schum-acher).
    """
    letters = re.sub(r"[^a-z']", "", word.lower())
    if letters in _SPECIAL or not letters.strip("'"):
        return _SPECIAL.get(letters, ())
    return from_known(letters) or (_compound(letters) if word.islower() else None) or _by_letters(letters)


def _known(word: str) -> Phones | None:
    """The dictionary's phones of `word`, or those built from a word that it holds."""
    if not re.search("[aeiouy]", word) and len(word) < 4:
        return None
    variants = cmu_pronunciations(word)
    return variants[0] if variants else _inflected(word)


def from_known(word: str) -> Phones | None:
    """Phones of a lower-case word that is another word of the dictionary with an ending or a prefix, or None."""
    return _contracted(word) or _stretched(word) or _inflected(word) or _prefixed(word)


def _by_letters(word: str) -> Phones:
    """Letter by letter where nothing can be read, by the network otherwise."""
    bare = word.replace("'", "")
    if len(bare) > 1 and re.search("[aeiou]|^(?=.*y)....", bare):
        phones = LETTER_NETWORK.phones(word.strip("'"))
        if any(phone[:2] in VOWELS for phone in phones):
            return phones
    return tuple(phone for letter in bare for phone in cmu_pronunciations(letter + ".")[0])


def _contracted(word: str) -> Phones | None:
    """The dog's, dogs', they'd, who'll."""
    base, apostrophe, ending = word.rpartition("'")
    if not apostrophe or not base:
        return None
    stem = _known(base) or derive(base)
    if ending == "s":
        return stem + _plural(stem)
    if ending == "d":
        return stem + (("IH0", "D") if stem[-1] in "TD" else ("D",))
    if not ending:
        return stem
    return stem + _PARTICLES["'" + ending] if "'" + ending in _PARTICLES else None


def _plural(stem: Phones) -> Phones:
    if stem[-1] in _SIBILANTS:
        return ("IH0", "Z")
    return ("S",) if stem[-1] in _VOICELESS else ("Z",)


def _past(stem: Phones) -> Phones:
    if stem[-1] in ("T", "D"):
        return ("IH0", "D")
    return ("T",) if stem[-1] in _VOICELESS else ("D",)


def _stretched(word: str) -> Phones | None:
    """A letter repeated for effect: nooooo, sooo."""
    if not re.search(r"(.)\1\1", word):
        return None
    for shortened in (re.sub(r"(.)\1{2,}", r"\1\1", word), re.sub(r"(.)\1{2,}", r"\1", word)):
        if cmu_has(shortened):
            return cmu_pronunciations(shortened)[0]
    return None


def _inflected(word: str) -> Phones | None:
    """A word that the dictionary holds, with an ending."""
    if word.endswith("s") and not word.endswith("ss"):
        for base in _bases(word[:-1], "s"):
            return base + _plural(base)
    if word.endswith("ed"):
        for base in _bases(word[:-2], "ed"):
            return base + _past(base)
    for suffix, phones in _SUFFIXES.items():
        if word.endswith(suffix):
            for base in _bases(word[: -len(suffix)], suffix):
                return _joined(base, tuple(phones.split()))
    return None


def _joined(base: Phones, ending: Phones) -> Phones:
    """real + ly has one L."""
    return base + ending[1:] if base[-1] == ending[0] else base + ending


def _bases(stem: str, suffix: str) -> Iterator[Phones]:
    """Phones of the words that `stem` may come from before `suffix`: itself, y for i, its e, one consonant less."""
    vowel = suffix[0] in "aeiouy"
    spellings = [stem + "e", stem] if vowel and stem[-1:] in "cgvzu" else [stem]
    if suffix == "s" and stem.endswith("e"):
        spellings.append(stem[:-1] if stem[:-1].endswith(("s", "x", "z", "ch", "sh", "o")) else "")
    if stem.endswith("ie" if suffix == "s" else "i"):
        spellings.insert(0, stem.rstrip("ie") + "y")
    if vowel:
        spellings.append(stem + "e")
        if stem[-1:] == stem[-2:-1] and stem[-1:] not in "aeiou":
            spellings.insert(0, stem[:-1])
    yield from (cmu_pronunciations(base)[0] for base in spellings if len(base) >= _SHORTEST_BASE and cmu_has(base))


def _prefixed(word: str) -> Phones | None:
    for prefix, phones in _PREFIXES.items():
        rest = word.removeprefix(prefix)
        if rest != word and len(rest) > _SHORTEST_BASE and (known := _known(rest)):
            return tuple(phones.split()) + known
    return None


def _compound(word: str) -> Phones | None:
    """Two words of the dictionary in one, the second with secondary stress; the most even division is taken."""
    places = range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1)
    for place in sorted(places, key=lambda place: abs(2 * place - len(word))):
        first, second = word[:place], word[place:]
        even = max(len(first), len(second)) > _SHORTEST_PART and (first[-1] != second[0] or len(second) > _SHORTEST_PART)
        if even and cmu_has(first) and (known := _known(second)):
            return cmu_pronunciations(first)[0] + _subdued(known)
    return None


def _subdued(phones: Iterable[str]) -> Phones:
    return tuple(phone.replace("1", "2") for phone in phones)
