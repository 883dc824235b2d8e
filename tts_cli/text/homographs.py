"""Homographs, words with one spelling and several pronunciations, and the light classifier that chooses among their senses.

The classifier is a log-linear model of the words, endings and word classes around the homograph. Its features are hashed into
one table of int8 weights (Weinberger et al. 2009, "Feature hashing for large scale multitask learning"). A feature has one weight
for the sense of the word, and one for all senses of a kind (verb, adjective). `tts_cli.models.homographs` trains it.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

TABLE_SIZE = 1 << 16
"""Weights of the light classifier."""
WEIGHTS_FILE = Path(__file__).with_name("homographs.weights")
_BAG = 5
"""Words on each side that count wherever they stand."""
_SHORTEST_IN_BAG = 4
_STEM = 5
_EDGE = "<>"
_CLASSES = {
    "determiner": "the a an this that these those my your his her its our their some any no every each another such which whose"
    " both all",
    "pronoun": "i you we they he she it who them him us me himself themselves itself",
    "modal": "will would can could shall should may might must do does did don't doesn't didn't not won't can't couldn't wouldn't"
    " cannot",
    "be": "is are was were be been being am isn't aren't wasn't weren't",
    "have": "have has had having",
    "to": "to",
    "preposition": "of in on at by for with from into onto over under through between against during without within as than about"
    " after before upon among across",
    "conjunction": "and or but nor",
    "subordinate": "if when while because although where since whether",
    "number": "one two three four five six seven eight nine ten first second third hundred thousand",
}
_CLASS_OF = {word: name for name, words in _CLASSES.items() for word in words.split()}
_ENDINGS = tuple("ly ing ed tion ment ness ity ous al ive ic ful able ers er ists ist es s".split())


class Sense(NamedTuple):
    """Sense of a homograph."""

    name: str
    """Name in the data: the word, and its part of speech or meaning."""
    kind: str
    """Kind of senses that share weights: "V" verbs, "A" adjectives, "N" all others."""
    phones: tuple[str, ...]


class WordSenses(Protocol):
    """Classifier of the senses of homographs in their sentence."""

    def prepare(self) -> None:
        """Begin to open whatever the classifier needs, without waiting for it."""

    def choose(self, words: Sequence[str], marks: Sequence[str], places: Sequence[int]) -> Sequence[int]:
        """Return the index in `homographs()[word]` of the sense of each homograph.

        Args:
            words: Spoken words of the sentence.
            marks: Boundary token after each word.
            places: Indices in `words` of the homographs.
        """


@cache
def homographs() -> Mapping[str, tuple[Sense, ...]]:
    """Return the senses of each homograph, by word in lower case."""
    found: dict[str, tuple[Sense, ...]] = {}
    for line in Path(__file__).with_name("homographs.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            word, name, kind, phones = line.split("\t")
            found[word] = (*found.get(word, ()), Sense(name, kind, tuple(phones.split())))
    return found


class LightSenses:
    """Light classifier, a table of weights. Threads may share it."""

    def __init__(self, path: Path = WEIGHTS_FILE) -> None:
        """Args:
        path: Weights: the scale, a float32, then `TABLE_SIZE` int8, all little-endian.
        """
        self._path = path

    @cached_property
    def _table(self) -> tuple[float, memoryview]:
        data = self._path.read_bytes()
        return struct.unpack("<f", data[:4])[0], memoryview(data)[4:].cast("b")

    def prepare(self) -> None:
        """Do nothing: the weights are read with the first homograph."""

    def scores(self, words: Sequence[str], marks: Sequence[str], place: int) -> list[float]:
        """Return the natural log of the probability of each sense of the homograph `words[place]`."""
        scale, weights = self._table
        own = [scale * sum(weights[slot] for slot in slots) for slots in slots_of(words, marks, place)]
        highest = max(own)
        total = highest + math.log(sum(math.exp(score - highest) for score in own))
        return [score - total for score in own]

    def choose(self, words: Sequence[str], marks: Sequence[str], places: Sequence[int]) -> list[int]:
        """Return the index of the most probable sense of each homograph; see `WordSenses`."""
        every = [self.scores(words, marks, place) for place in places]
        return [scores.index(max(scores)) for scores in every]


LIGHT_SENSES = LightSenses()


def slots_of(words: Sequence[str], marks: Sequence[str], place: int) -> list[list[int]]:
    """Return the indices in the table of the weights that add up to the score of each sense of `words[place]`."""
    word = words[place].lower()
    every = [feature.encode() for feature in _features(words, marks, place)]
    shared = [feature for feature in every if feature[:1] != b"B"]
    found = []
    for index, sense in enumerate(homographs()[word]):
        own = zlib.crc32(f"{word}{index}:".encode())
        # The first sense is the reference: all its own weights are 0.
        slots = [zlib.crc32(feature, own) % TABLE_SIZE for feature in every] if index else []
        if sense.kind != "N":
            kind = zlib.crc32(f"{sense.kind}:".encode())
            slots += [zlib.crc32(feature, kind) % TABLE_SIZE for feature in shared]
        found.append(slots)
    return found


def _features(words: Sequence[str], marks: Sequence[str], place: int) -> Iterator[str]:
    """Yield the features of the homograph `words[place]`. Those that begin with B are of words at any place nearby."""
    start, end = max(0, place - _BAG), min(len(words), place + _BAG + 1)
    near = {index - place: words[index].rstrip(".") for index in range(start, end)}
    lower = {offset: word.lower() for offset, word in near.items()}
    said = {offset: lower.get(offset, _EDGE[offset > 0]) for offset in range(-3, 4)}
    of = {offset: _class(near[offset]) if offset in near else _EDGE[offset > 0] for offset in range(-3, 4)}
    yield "b"
    for offset in (-3, -2, -1, 1, 2, 3):
        yield f"w{offset}{said[offset]}"
        yield f"c{offset}{of[offset]}"
    yield f"cp{of[-2]},{of[-1]}"
    yield f"cn{of[1]},{of[2]}"
    yield f"cx{of[-1]},{of[1]}"
    yield f"cy{of[-2]},{of[-1]},{of[1]}"
    yield f"cz{of[-1]},{of[1]},{of[2]}"
    yield f"wp{said[-2]},{said[-1]}"
    yield f"wx{said[-1]},{said[1]}"
    yield f"wy{said[-1]},{of[1]}"
    yield f"wz{of[-1]},{said[1]}"
    yield f"wn{said[1]},{said[2]}"
    for offset in (-1, 1):
        yield from (f"s{offset}{said[offset][-length:]}" for length in (2, 3) if said[offset][-1:].isalpha())
    yield from _capitals(near, place)
    yield f"g{marks[place]}"
    yield f"h{marks[place - 1] if place else '^'}"
    yield from (f"B{word[:_STEM]}" for offset, word in lower.items() if offset and len(word) >= _SHORTEST_IN_BAG)


def _capitals(near: Mapping[int, str], place: int) -> Iterator[str]:
    """Yield the features of the case of the homograph and of its neighbours."""
    word = near[0]
    case = "U" if word.isupper() else "C" if word[:1].isupper() else "l"
    yield f"k{case}{place > 0}"
    yield from (f"k{offset}{near[offset][:1].isupper()}{case}" for offset in (-1, 1) if offset in near)


def _class(word: str) -> str:
    """Return the class of a function word, else the ending of a word."""
    lowered = word.lower()
    if known := _CLASS_OF.get(lowered):
        return known
    if lowered.endswith("'s"):
        return "'s"
    return next((f"-{end}" for end in _ENDINGS if len(lowered) > len(end) + 2 and lowered.endswith(end)), "word")
