"""Words to phones: lexicon, CMU dictionary, words built from known ones, and the letter network for the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache

from tts_cli.text import tables
from tts_cli.text.dictionary import cmu_has, cmu_pronunciations
from tts_cli.text.heteronyms import LEARNED, choose, of_stem, sure
from tts_cli.text.homographs import LIGHT_SENSES, WordSenses, homographs
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
"""Function words, unstressed unless a pause follows."""
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
_SHORTEST_BASE = 3
_SHORTEST_PART = 3
_CACHED_WORDS = 20_000


def pronounce(
    words: list[str], gaps: list[str], lexicon: Mapping[str, Phones], senses: WordSenses = LIGHT_SENSES
) -> list[Phones]:
    """Return the phones of each word of a sentence.

    Args:
        words: Spoken words; the name of a letter is a capital and a full stop.
        gaps: Boundary token after each word.
        lexicon: Phones by word in lower case; they override the dictionary.
        senses: Classifier of homographs.
    """
    lowered = [word.lower() for word in words]
    chosen = _senses(words, lowered, gaps, lexicon, senses)
    result: list[Phones] = []
    for index in reversed(range(len(words))):
        before = lowered[index - 1] if index else ""
        after = lowered[index + 1] if index + 1 < len(words) and gaps[index] == SPACE else ""
        following = result[-1] if after else ()
        listed = _listed(lowered[index], lexicon) if lexicon else None
        result.append(listed or chosen.get(index) or _in_context(words[index], before, after, following))
    return result[::-1]


def _senses(
    words: list[str], lowered: list[str], gaps: list[str], lexicon: Mapping[str, Phones], senses: WordSenses
) -> dict[int, Phones]:
    """Return the phones of each homograph that a classifier has learned, by the index of its word."""
    known = homographs()
    found: dict[int, int] = {}
    open_places = []
    for place, word in enumerate(lowered):
        if word in known and word not in lexicon:
            before = lowered[place - 1] if place else ""
            after = lowered[place + 1] if place + 1 < len(words) and gaps[place] == SPACE else ""
            earlier = lowered[place - 2] if place > 1 else ""
            index = sure(words[place], earlier, before, after)
            if index is not None:
                found[place] = index
            elif word in LEARNED:
                open_places.append(place)
    if open_places:
        found |= zip(open_places, senses.choose(words, gaps, open_places), strict=True)
    return {place: known[lowered[place]][index].phones for place, index in found.items()}


def _listed(word: str, lexicon: Mapping[str, Phones]) -> Phones | None:
    """Return the phones of a word of the lexicon, or of the possessive of one; else None."""
    if word in lexicon:
        return lexicon[word]
    base = lexicon.get(word.removesuffix("'s"))
    return base + _plural(base) if base else None


def _in_context(word: str, before: str, after: str, following: Phones) -> Phones:
    """Return the phones of `word` in its context. `following` are the phones of the next word, none before a pause."""
    lowered = word.lower()
    if lowered == "the":
        return ("DH", "IY0") if following and following[0][:2] in VOWELS else ("DH", "AH0")
    if lowered == "a":
        return ("EY1",) if word == "A" and (before in _LETTER_BEFORE or (before and not after)) else ("AH0",)
    if lowered == "to" and following:
        return ("T", "UW0") if following[0][:2] in VOWELS else ("T", "AH0")
    if base := of_stem(lowered, before, after):
        return base + _plural(base)
    variants = cmu_pronunciations(lowered)
    if not variants and lowered not in homographs():
        return derive(word)
    phones = choose(word, variants, before, after)
    return tuple(phone.replace("1", "0") for phone in phones) if lowered in _WEAK and following else phones


@lru_cache(_CACHED_WORDS)
def derive(word: str) -> Phones:
    """Return the phones of a word that is not in the CMU dictionary.

    Capitalised words are not split into known words: most are names, which contain words by chance (Mayn-ard, Schum-acher).
    """
    letters = re.sub(r"[^a-z']", "", word.lower())
    if not letters.strip("'"):
        return ()
    return sound(letters) or from_known(letters) or (_compound(letters) if word.islower() else None) or _by_letters(letters)


def sound(word: str) -> Phones:
    """Return the phones of an interjection in lower case, such as "shh" in any length; () for another word."""
    return next((phones for pattern, phones in _sounds() if pattern.fullmatch(word)), ())


@cache
def _sounds() -> list[tuple[re.Pattern[str], Phones]]:
    return [(re.compile(pattern), tuple(phones.split())) for pattern, phones in tables.rows("sounds")]


def _known(word: str) -> Phones | None:
    """Return the phones of `word` from the dictionary, or from its base and an ending; else None."""
    if not re.search("[aeiouy]", word) and len(word) < 4:
        return None
    variants = cmu_pronunciations(word)
    return variants[0] if variants else _inflected(word)


def from_known(word: str) -> Phones | None:
    """Return the phones of a lower-case word that is a word of the dictionary with an ending or prefix; else None."""
    return _contracted(word) or _stretched(word) or _inflected(word) or _prefixed(word)


def _by_letters(word: str) -> Phones:
    """Return the phones from the letter network, or the names of the letters if the word has no vowel to speak."""
    bare = word.replace("'", "")
    if len(bare) > 1 and re.search("[aeiou]|^(?=.*y)....", bare):
        phones = LETTER_NETWORK.phones(word.strip("'"))
        if any(phone[:2] in VOWELS for phone in phones):
            return phones
    return tuple(phone for letter in bare for phone in cmu_pronunciations(letter + ".")[0])


def _contracted(word: str) -> Phones | None:
    """Return the phones of a word with an apostrophe: dog's, dogs', they'd, who'll; else None."""
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
    """Return the phones of a word with a letter repeated for effect: nooooo, sooo; else None."""
    if not re.search(r"(.)\1\1", word):
        return None
    for shortened in (re.sub(r"(.)\1{2,}", r"\1\1", word), re.sub(r"(.)\1{2,}", r"\1", word)):
        if cmu_has(shortened):
            return cmu_pronunciations(shortened)[0]
    return None


def _inflected(word: str) -> Phones | None:
    """Return the phones of a word of the dictionary with an ending; else None."""
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
    """Return the phones of base and ending; an equal phone between them is kept once: real + ly has one L."""
    return base + ending[1:] if base[-1] == ending[0] else base + ending


def _bases(stem: str, suffix: str) -> Iterator[Phones]:
    """Yield the phones of possible bases of `stem` + `suffix`: the stem, with y for i, with an e, with one consonant less."""
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
    """Return the phones of a compound of two words, the second with secondary stress; the most even split wins. Else None."""
    places = range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1)
    for place in sorted(places, key=lambda place: abs(2 * place - len(word))):
        first, second = word[:place], word[place:]
        even = max(len(first), len(second)) > _SHORTEST_PART and (first[-1] != second[0] or len(second) > _SHORTEST_PART)
        if even and cmu_has(first) and (known := _known(second)):
            return cmu_pronunciations(first)[0] + _subdued(known)
    return None


def _subdued(phones: Iterable[str]) -> Phones:
    return tuple(phone.replace("1", "2") for phone in phones)
