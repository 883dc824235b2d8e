"""Rules for words with several pronunciations: the neighbours of a word choose, where no classifier has learned its senses."""

from __future__ import annotations

from typing import NamedTuple

from tts_cli.text.homographs import homographs
from tts_cli.text.phones import VOWELS

Phones = tuple[str, ...]

_DETERMINERS = frozenset("the a an this that these those my your his her its our their some any no every each another".split())
_OBJECTS = frozenset("the a an my your his her its our their them him me us it these those".split())
_MODALS = frozenset(
    "will would can could shall should may might must don't doesn't didn't won't can't couldn't wouldn't shouldn't let's please"
    " i'll you'll we'll they'll he'll she'll i'd you'd we'd they'd".split()
)
_AUXILIARIES = _MODALS | frozenset("to do does did not never always".split())
_PRONOUNS = frozenset("i you we they he she it".split())
_ASKING = frozenset("do does did will would can could shall should may might must don't doesn't didn't won't can't".split())
_SUBJECTS = frozenset("i you we they who".split())
_SINGULAR_SUBJECTS = frozenset("he she it who that which".split())
_PERFECT = frozenset(
    "have has had having i've you've we've they've he's she's it's been be being is was were get gets got haven't hasn't hadn't"
    " well widely".split()
)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


class Cue(NamedTuple):
    """Pronunciation, with the phones `part`, after a word of `before` or before one of `after`."""

    part: str
    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()


_CUES: dict[str, tuple[Cue, ...]] = {
    "read": (Cue("IY1", _MODALS | {"to"}), Cue("EH1", _PERFECT)),
    "lead": (
        Cue("EH1", _set("of lead-lined"), _set("pipe pipes paint poisoning pencil pencils weight shot lined acetate oxide")),
        Cue("IY1", _MODALS, _OBJECTS),
    ),
    "live": (
        Cue(
            "AY1",
            _set("go goes went going broadcast streamed stream performed performing"),
            _set("music show shows broadcast audience tv television stream concert performance wire wires coverage event band"),
        ),
    ),
    "lives": (Cue("AY1", _set("the our their his her my your of save saves saved saving many lost nine human both whose")),),
    "wind": (Cue("AY1", after=_set("up down back")),),
    "winds": (Cue("AY1", _SINGULAR_SUBJECTS | {"road", "river", "path"}, _set("up down through")),),
    "tear": (Cue("IH1", _set("single"), _set("gas drop drops duct ducts stained")),),
    "close": (Cue("OW1 Z", _MODALS, _OBJECTS),),
    "use": (Cue("UW1 Z", after=_OBJECTS),),
    "uses": (Cue("UW1 Z", _SINGULAR_SUBJECTS, _OBJECTS),),
    "excuse": (Cue("UW1 S", _DETERMINERS | {"good", "poor", "lame", "of"}),),
    "wound": (Cue("AW1", _set("he she it they be"), _set("up down around round")),),
    "bass": (Cue("AE1", _set("sea striped largemouth fresh"), _set("fishing fish")),),
    "bow": (Cue("OW1", _set("cross long violin"), _set("tie ties string")),),
    "dove": (Cue("OW1", _set("he she they i we"), _set("into")),),
    "sow": (Cue("AW1", _set("the a old")),),
    "minute": (Cue("UW1", _set("very"), _set("details detail particles quantity quantities amount amounts traces")),),
    "mobile": (Cue("B IY1", after=_set("alabama")),),
    "resume": (Cue("EY2", _DETERMINERS - {"that", "this"}),),
    "content": (Cue("EH1", _set("be is am are was were felt feel perfectly quite"), _set("with to")),),
    "invalid": (Cue("IH1 N V AH0", _set("old poor")),),
    "aged": (Cue("IH0 D", _set("the an")),),
    "row": (Cue("AW1", _set("blazing furious bitter flaming almighty diplomatic public"), _set("over erupted broke")),),
    "tears": (Cue("EH1", _SINGULAR_SUBJECTS, _set("up down apart")),),
}
"""Neighbours that leave no doubt about the pronunciation of a word."""
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


_WITHOUT_EXAMPLES = _set(
    "addict compact conglomerate consort desert elaborate entrance incense instrument interchange intimate job moped mouth object"
    " pigment row subject"
)
"""Homographs of which the data has one sense alone, so that rules decide."""
_IRREGULAR = _set("house mouth close dove expose moped nestle wound")
"""Homographs of which a form with s has other sounds, or other senses."""
_FORMS = frozenset(
    f"{stem}s"
    for stem, senses in homographs().items()
    if sorted(sense.kind for sense in senses) == ["N", "V"]
    and not stem.endswith("s")
    and stem not in _IRREGULAR | _STRESSED | _ENDING_IN_ATE | _CUES.keys()
)
"""Forms with s of homographs that are nouns and verbs, without those that the lists above read."""
_BEFORE_JOB = _set("of prophet righteous patient")
_BEFORE_TOWN = _set("in to at from of near between through outside")
_BEFORE_A_BOW = _set("take takes took taking taken")
_CAUSATIVES = _set("let make makes made see saw hear heard watch watched have had help helped")
LEARNED = homographs().keys() - _WITHOUT_EXAMPLES
"""Homographs of which the classifiers have learned the senses."""


def sure(word: str, earlier: str, before: str, after: str) -> int | None:
    """Return the index of the sense of a homograph if its neighbours leave no doubt; else None.

    Args:
        word: Word as it is written, one of `homographs()`.
        earlier: Second word before, in lower case; "" for none.
        before: Word before, in lower case; "" for none.
        after: Word after, in lower case; "" for none.
    """
    lowered = word.lower()
    part = _of_case(word, before, after) or _of_phrase(lowered, earlier, before)
    if part is None:
        cues = (cue.part for cue in _CUES.get(lowered, ()) if before in cue.before or after in cue.after)
        part = next(cues, None)
    senses = homographs()[lowered]
    if part is not None:
        return next(index for index, sense in enumerate(senses) if part in " ".join(sense.phones))
    verbs = [index for index, sense in enumerate(senses) if sense.kind == "V"]
    return verbs[0] if len(verbs) == 1 and (before in _MODALS or _is_asked(earlier, before)) else None


def _of_case(word: str, before: str, after: str) -> str | None:
    """Return phones of the pronunciation that the case of `word` determines: Polish and polish, Job and job; else None."""
    if word == "Job" and before in _BEFORE_JOB:
        return "OW1"
    if word == "Reading" and before in _BEFORE_TOWN:
        return "EH1"
    if word.lower() == "polish":
        return "AA1" if word.islower() or after in _OBJECTS else "OW1"
    return None


def _of_phrase(word: str, earlier: str, before: str) -> str | None:
    """Return phones of the pronunciation that the two words before determine: took a bow, he read; else None."""
    if word == "bow" and before == "a" and earlier in _BEFORE_A_BOW:
        return "AW1"
    if word == "read" and _is_asked(earlier, before):
        return "IY1"
    if word == "read" and before in ("he", "she", "it") and earlier not in _AUXILIARIES and earlier not in _CAUSATIVES:
        return "EH1"
    return None


def _is_asked(earlier: str, before: str) -> bool:
    """Return whether the two words before are an auxiliary and a subject: did you, can they."""
    return before in _PRONOUNS and earlier in _ASKING


def choose(word: str, variants: list[Phones], before: str, after: str) -> Phones:
    """Return the pronunciation of `word` in its context by rules alone, by default the first of `variants`.

    Args:
        word: Word as it is written.
        variants: Pronunciations of the word, at least one.
        before: Word before, in lower case; "" for none.
        after: Word after, in lower case; "" for none.
    """
    lowered = word.lower()
    if senses := homographs().get(lowered):
        variants = [sense.phones for sense in senses]
    if len(variants) == 1:
        return variants[0]
    for cue in _CUES.get(lowered, ()):
        if before in cue.before or after in cue.after:
            return _with(cue.part, variants)
    if lowered == "tears":
        return _with("IH1", variants)
    stem = lowered.removesuffix("s")
    verb = _is_verb(stem, lowered, before, after)
    if senses:
        return next((sense.phones for sense in senses if (sense.kind == "V") == verb), variants[0])
    if stem in _STRESSED:
        return next((phones for phones in variants if _stressed_late(phones) == verb), variants[0])
    if stem in _ENDING_IN_ATE:
        return next((phones for phones in variants if any(phone.startswith("EY") for phone in phones[-3:]) == verb), variants[0])
    return variants[0]


def of_stem(word: str, before: str, after: str) -> Phones | None:
    """Return the phones of the homograph of which `word` is the form with s, if the neighbours tell noun from verb; else None.

    Forms of words in the lists of rules are left to `choose`.

    Args:
        word: Word in lower case.
        before: Word before, in lower case; "" for none.
        after: Word after, in lower case; "" for none.
    """
    if word not in _FORMS:
        return None
    stem = word[:-1]
    senses = homographs()[stem]
    verb = _is_verb(stem, word, before, after)
    return next(sense.phones for sense in senses if (sense.kind == "V") == verb) if verb or before in _DETERMINERS else None


def _with(part: str, variants: list[Phones]) -> Phones:
    return next((phones for phones in variants if part in " ".join(phones)), variants[0])


def _is_verb(stem: str, word: str, before: str, after: str) -> bool:
    if before in _DETERMINERS:
        return False
    if stem == "subject" and after == "to":
        return False
    subjects = _SUBJECTS if stem == word else _SINGULAR_SUBJECTS
    if before in _AUXILIARIES or before in subjects or after in _OBJECTS:
        return True
    return stem in _MOSTLY_VERBS


def _stressed_late(phones: Phones) -> bool:
    vowels = [phone for phone in phones if phone[:2] in VOWELS]
    return not vowels[0].endswith("1")
