"""Heteronyms: the pronunciation of a word with several pronunciations is chosen by its neighbours."""

from __future__ import annotations

from typing import NamedTuple

from tts_cli.text.phones import VOWELS

Phones = tuple[str, ...]

_DETERMINERS = frozenset("the a an this that these those my your his her its our their some any no every each another".split())
_OBJECTS = frozenset("the a an my your his her its our their them him me us it these those".split())
_AUXILIARIES = frozenset(
    "to will would can could shall should may might must do does did don't doesn't didn't not won't can't couldn't wouldn't"
    " shouldn't never always let's please i'll you'll we'll they'll he'll she'll i'd you'd we'd they'd".split()
)
_SUBJECTS = frozenset("i you we they who".split())
_SINGULAR_SUBJECTS = frozenset("he she it who that which".split())
_PERFECT = frozenset(
    "have has had having i've you've we've they've he's she's it's been be being is are was were get gets got haven't hasn't"
    " hadn't well widely he she".split()
)


class Choice(NamedTuple):
    """Rule for a word: pronunciation with the phones `usual`, or `other` after a word of `before` or before one of `after`."""

    usual: str
    other: str
    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_CHOICES = {
    "read": Choice("IY1", "EH1", _PERFECT),
    "lead": Choice("IY1", "EH1", _set("of lead-lined"), _set("pipe pipes paint poisoning pencil pencils weight shot lined")),
    "live": Choice(
        "IH1",
        "AY1",
        _set("go goes went going broadcast streamed stream performed performing is was"),
        _set("music show shows broadcast audience tv television stream concert performance wire wires coverage event birth band"),
    ),
    "lives": Choice(
        "IH1", "AY1", _set("the our their his her my your of save saves saved saving many lost nine human both whose")
    ),
    "wind": Choice("IH1", "AY1", _AUXILIARIES | _SUBJECTS, _set("up down back")),
    "winds": Choice("IH1", "AY1", _SINGULAR_SUBJECTS | {"road", "river", "path"}, _set("up down through")),
    "tear": Choice("EH1", "IH1", _set("single"), _set("gas drop drops duct ducts stained rolled")),
    "tears": Choice("IH1", "EH1", _SINGULAR_SUBJECTS, _set("up down apart")),
    "close": Choice("OW1 S", "OW1 Z", _AUXILIARIES | _SUBJECTS, _OBJECTS | _set("up down")),
    "use": Choice("UW1 S", "UW1 Z", _AUXILIARIES | _SUBJECTS | {"and", "or"}, _OBJECTS),
    "uses": Choice("UW1 S", "UW1 Z", _SINGULAR_SUBJECTS, _OBJECTS),
    "excuse": Choice("UW1 Z", "UW1 S", _DETERMINERS | {"good", "poor", "lame", "of"}),
    "wound": Choice("UW1", "AW1", _set("he she it they be was were"), _set("up down around round")),
    "bass": Choice("EY1", "AE1", _set("sea striped largemouth fresh"), _set("fishing fish")),
    "bow": Choice("AW1", "OW1", _set("bow his her my cross long violin"), _set("tie ties and string")),
    "dove": Choice("AH1", "OW1", _set("he she they i we"), _set("into in")),
    "sow": Choice("OW1", "AW1", _set("the a old")),
    "minute": Choice("IH1", "UW1", _set("very"), _set("details detail particles quantities traces")),
    "resume": Choice("UW1", "EY2", _DETERMINERS - {"that", "this"}),
    "content": Choice("AA1", "EH1", _set("be is am are was were felt feel perfectly quite"), _set("with to")),
    "invalid": Choice("AE1", "IH1 N V AH0", _set("an old poor")),
}
_STRESSED = _set(
    "record object present project produce conduct conflict contract desert permit perfect subject increase decrease import"
    " export insult progress protest rebel suspect convict contest contrast extract reject address compound converse convert"
    " digest discount escort insert survey transfer transport upset refuse"
)
"""Words with stress on the first syllable as nouns, and on a later one as verbs."""
_MOSTLY_VERBS = _set("produce permit refuse upset converse convert insert")
_ENDING_IN_ATE = _set(
    "separate estimate moderate graduate duplicate advocate alternate deliberate elaborate delegate articulate appropriate"
    " associate approximate intimate animate aggregate subordinate coordinate degenerate syndicate"
)
"""Words that end in a weak vowel as nouns or adjectives, and in a full one as verbs."""


def choose(word: str, variants: list[Phones], before: str, after: str) -> Phones:
    """Return the pronunciation of `word` in its context, by default the first of `variants`.

    Args:
        word: Word as it is written.
        variants: Pronunciations of the word, at least one.
        before: Word before, in lower case; "" for none.
        after: Word after, in lower case; "" for none.
    """
    if len(variants) == 1:
        return variants[0]
    if word == "Polish":
        return _with("OW1", variants)
    lowered = word.lower()
    if choice := _CHOICES.get(lowered):
        asked = before in choice.before or after in choice.after
        return _with(choice.other if asked else choice.usual, variants)
    stem = lowered.removesuffix("s")
    verb = _is_verb(stem, lowered, before, after)
    if stem in _STRESSED:
        return next((phones for phones in variants if _stressed_late(phones) == verb), variants[0])
    if stem in _ENDING_IN_ATE:
        return next((phones for phones in variants if any(phone.startswith("EY") for phone in phones[-3:]) == verb), variants[0])
    return variants[0]


def _with(part: str, variants: list[Phones]) -> Phones:
    return next((phones for phones in variants if part in " ".join(phones)), variants[0])


def _is_verb(stem: str, word: str, before: str, after: str) -> bool:
    if before in _DETERMINERS:
        return False
    subjects = _SUBJECTS if stem == word else _SINGULAR_SUBJECTS
    if before in _AUXILIARIES or before in subjects or after in _OBJECTS:
        return True
    return stem in _MOSTLY_VERBS


def _stressed_late(phones: Phones) -> bool:
    vowels = [phone for phone in phones if phone[:2] in VOWELS]
    return not vowels[0].endswith("1")
