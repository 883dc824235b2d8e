"""Cues of a sentence to its prosody: length, syntax, punctuation, kind, first and last words, and sounds, as one row of numbers.

They are read off the words, the marks between them, the phones and the syntactic distances, without a network. The weights of
`prediction` read them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tts_cli.selection.inventory import Floats

FINAL = frozenset(".?!…")
"""Marks that end a sentence."""
QUOTES = '"“”«»„'
_WH = frozenset("what who whom whose which when where why how what's who's where's when's why's how's".split())
_AUXILIARIES = frozenset(
    "am is are was were do does did have has had can could will would shall should may might must isn't aren't wasn't"
    " weren't don't doesn't didn't haven't hasn't hadn't can't couldn't won't wouldn't shan't shouldn't mustn't".split()
)
_PRONOUNS = frozenset("i you he she it we they".split())
_SUBJECTS = _PRONOUNS | frozenset("this that these those there here the a an my your his her its our their one some all".split())
_SAYING = frozenset(
    "said says say asked asks cried cries replied shouted whispered answered called told thought exclaimed".split()
)
_CONTRAST = frozenset("but not however instead although though yet never only rather except".split())
_INTERJECTIONS = frozenset("oh ah yes no well hello hi hey hooray wow please thank thanks okay ouch look".split())
_VERBS = frozenset(
    "add ask be begin bring build buy call catch check choose clean climb close come cook count cut dance dial do"
    " draw drink drive eat enter feel fill find follow get give go grab hang have help hit hold hop jump keep kick"
    " leave let lie listen look make meet mix move open pay pick play press pull push put read remember ride run say"
    " see send set show sing sit sleep speak stand start stay stop swim take talk tell think throw touch tread try"
    " turn use visit wait wake walk wash watch wear work write".split()
)
_FOLLOWERS = frozenset("and then so because if when while after before as until".split())
_CLASSES = {
    "stops": frozenset("P B T D K G".split()),
    "fricatives": frozenset("F V S Z SH ZH TH DH HH CH JH".split()),
    "sonorants": frozenset("M N NG L R W Y".split()),
    "diphthongs": frozenset("AW AY EY OW OY".split()),
}
_PHONES = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH".split()
"""ARPAbet without stress. Phones of other languages count in no share."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

GROUPS: Mapping[str, tuple[str, ...]] = {
    "length": ("log words", "log letters", "letters a word", "one word", "two or three words"),
    "syntax": ("depth", "mean distance", "place of the deepest gap", "first gap", "last gap", "share of shallow gaps"),
    "marks": ("commas", "pauses", "question mark", "exclamation mark", "ellipsis", "several sentences", "colon or dash"),
    "kind": (
        "wh-question",
        "yes/no-question",
        "or-question",
        "declarative question",
        "tag question",
        "question word first",
        "inversion",
        "command",
        "list",
        "begins with a quote",
        "ends with a quote",
        "quoted and told",
        "contrast",
    ),
    "words": (
        "interjection first",
        "pronoun first",
        "determiner first",
        "conjunction first",
        "pronoun last",
        "letters of the last word",
        "share of capitals",
        "word in capitals",
    ),
    "sounds": (
        "log phones",
        "phones a word",
        "syllables a word",
        "share of stressed vowels",
        "share of unstressed vowels",
        *(f"share of {name}" for name in _CLASSES),
        "phones after the last stress",
        "stress at the end",
        "vowel at the end",
        "stop at the end",
        *(f"share of {phone}" for phone in _PHONES),
    ),
}
"""Names of the cues by their group, in the order of a row."""
CUES = tuple(name for names in GROUPS.values() for name in names)


class CueSentence(NamedTuple):
    """Sentence of W words as cues are read off it."""

    text: str
    """Text as it was written; only its quotes and capitals count."""
    words: Sequence[str]
    marks: Sequence[str]
    """Boundary token after each word; "" or a blank for none."""
    distances: Sequence[float] | Floats
    """Syntactic distance of each word from the word before; the first is 0."""
    tokens: Sequence[str]
    """Phones, and boundaries between words and at both ends."""


def cues_of(sentence: CueSentence) -> Floats:
    """Return the cues of a sentence of at least one word, shape (len(CUES),), in the order of `CUES`."""
    words = [word.lower().replace("’", "'") for word in sentence.words]
    marks = [mark.strip() for mark in sentence.marks]
    found = [*_length(words), *_syntax(sentence.distances), *_marks(marks), *_kind(sentence.text, words, marks)]
    return np.array([*found, *_words(sentence.text, words), *_sounds(sentence.tokens, len(words))], np.float32)


def _length(words: Sequence[str]) -> list[float]:
    letters = max(1, sum(map(len, words)))
    count = len(words)
    return [math.log(count), math.log(letters), letters / count, float(count == 1), float(count in (2, 3))]


def _syntax(distances: Sequence[float] | Floats) -> list[float]:
    gaps = np.asarray(distances, np.float32)[1:]
    if not len(gaps):
        return [0.0] * 6
    deepest = float(gaps.max()) or 1.0
    place = float(np.argmax(gaps) + 1) / (len(gaps) + 1)
    shallow = float((gaps <= 1).mean())
    return [math.log1p(deepest), float(gaps.mean()) / deepest, place, *(float(gaps[end]) / deepest for end in (0, -1)), shallow]


def _marks(marks: Sequence[str]) -> list[float]:
    inner, last = marks[:-1], marks[-1]
    pauses = sum(mark != "" for mark in inner)
    return [
        math.log1p(inner.count(",")),
        math.log1p(pauses),
        float(last == "?"),
        float(last == "!"),
        float(last == "…"),
        float(any(mark in FINAL for mark in inner if mark)),
        float(any(mark in (":", ";", "-") for mark in inner)),
    ]


def _kind(text: str, words: Sequence[str], marks: Sequence[str]) -> list[float]:
    asks = marks[-1] == "?"
    start = _first_of_last(marks)
    first = words[start]
    is_wh = first in _WH or (
        start + 1 < len(words) and words[start + 1] in _WH and first in ("to", "for", "in", "at", "with", "and")
    )
    is_inverted = first in _AUXILIARIES
    is_or = asks and "or" in words
    is_tag = asks and not is_wh and not is_inverted and _is_tag(words, marks)
    is_declarative = asks and not (is_wh or is_inverted or is_tag)
    spoken = [character in QUOTES for character in (text.strip()[:1], text.strip()[-1:])]
    quotes = any(quote in text for quote in QUOTES)
    is_command = (
        not asks and first in _VERBS and not (len(words) > start + 1 and words[start + 1] in _SUBJECTS - {"the", "a", "an"})
    )
    is_list = marks[:-1].count(",") >= 2 and ("and" in words or "or" in words)
    told = quotes and any(word in _SAYING for word in words)
    of_questions = [asks and is_wh, asks and is_inverted and not is_or, is_or, is_declarative, is_tag]
    others = [is_wh, is_inverted, is_command, is_list, *spoken, told, any(word in _CONTRAST for word in words)]
    return [float(value) for value in (*of_questions, *others)]


def _first_of_last(marks: Sequence[str]) -> int:
    """Return the index of the first word of the last sentence, for a text of several."""
    ends = [place for place, mark in enumerate(marks[:-1]) if mark and mark in FINAL]
    return ends[-1] + 1 if ends else 0


def _is_tag(words: Sequence[str], marks: Sequence[str]) -> bool:
    """Return True for a sentence that ends like "isn't it", after a comma."""
    return len(words) > 3 and marks[-3] == "," and words[-2] in _AUXILIARIES and words[-1] in _PRONOUNS


def _words(text: str, words: Sequence[str]) -> list[float]:
    written = _WORD.findall(text)
    capitals = [word for word in written[1:] if word[0].isupper() and word != "I"]
    loud = any(len(word) > 1 and word.isupper() for word in written)
    return [
        float(words[0] in _INTERJECTIONS),
        float(words[0] in _PRONOUNS),
        float(words[0] in _SUBJECTS - _PRONOUNS),
        float(words[0] in _FOLLOWERS | _CONTRAST),
        float(words[-1] in _PRONOUNS | {"me", "him", "her", "us", "them"}),
        math.log(max(1, len(words[-1]))),
        len(capitals) / max(1, len(written)),
        float(loud),
    ]


def _sounds(tokens: Sequence[str], num_words: int) -> list[float]:
    phones = [token for token in tokens if token[0].isalnum()]
    if not phones:
        return [0.0] * len(GROUPS["sounds"])
    count = len(phones)
    bare = Counter(phone.rstrip("012") for phone in phones)
    vowels = [phone for phone in phones if phone[-1] in "012"]
    after = next((place for place, phone in enumerate(reversed(phones)) if phone[-1] == "1"), count)
    return [
        math.log(count),
        count / num_words,
        len(vowels) / num_words,
        *(sum(phone[-1] == stress for phone in vowels) / count for stress in "10"),
        *(sum(bare[phone] for phone in members) / count for members in _CLASSES.values()),
        min(after, 10) / 5,
        float(bool(vowels) and vowels[-1][-1] == "1"),
        float(phones[-1][-1] in "012"),
        float(phones[-1] in _CLASSES["stops"]),
        *(bare[phone] / count for phone in _PHONES),
    ]
