"""Normalisation rules for letters: abbreviations, initials, acronyms and Roman numerals."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from tts_cli.text.amounts import MONTH, MONTHS, month_first
from tts_cli.text.numbers import Words, cardinal, ordinal, roman

TITLES = {
    "mr": "Mister", "mrs": "Missus", "ms": "Miz", "messrs": "messers", "prof": "Professor", "gen": "General", "col": "Colonel",
    "capt": "Captain", "cpt": "Captain", "lt": "Lieutenant", "sgt": "Sergeant", "maj": "Major", "cmdr": "Commander",
    "rev": "Reverend", "hon": "Honorable", "sen": "Senator", "rep": "Representative", "gov": "Governor", "pres": "President",
    "fr": "Father", "mt": "Mount", "ft": "Fort", "supt": "Superintendent", "det": "Detective", "adm": "Admiral",
}  # fmt: skip
"""Titles by abbreviation, valid with a full stop and before a capital. A sentence never ends after them."""
_BARE_TITLES = frozenset({"mr", "mrs", "ms", "messrs", "prof", "capt", "sgt", "lt"})
PLAIN = {
    "etc": "et cetera", "vs": "versus", "approx": "approximately", "dept": "department", "est": "established",
    "misc": "miscellaneous", "govt": "government",
    "inc": "Incorporated", "ltd": "Limited", "corp": "Corporation", "co": "Company", "bros": "Brothers",
    "jr": "Junior", "sr": "Senior", "esq": "Esquire", "ave": "Avenue", "blvd": "Boulevard", "rd": "Road", "ln": "Lane",
    "hwy": "Highway", "apt": "apartment", "ext": "extension", "tel": "telephone", "assn": "association", "assoc": "associates",
    "jan": "January", "feb": "February", "apr": "April", "aug": "August", "sept": "September", "sep": "September",
    "oct": "October", "nov": "November", "dec": "December", "mon": "Monday", "tue": "Tuesday", "tues": "Tuesday",
    "wed": "Wednesday", "thu": "Thursday", "thurs": "Thursday", "fri": "Friday", "univ": "university", "cont": "continued",
    "min": "minutes", "max": "maximum", "avg": "average", "temp": "temperature", "incl": "including", "viz": "namely",
    "cf": "compare", "et al": "et al",
}  # fmt: skip
"""Words by abbreviation, valid with a full stop."""
_COUNTED = {
    "no": "number", "nos": "numbers", "vol": "volume", "vols": "volumes", "fig": "figure", "figs": "figures", "ch": "chapter",
    "pp": "pages", "p": "page", "pt": "part", "sec": "section", "art": "article", "eq": "equation", "ed": "edition",
}  # fmt: skip
"""Words by abbreviation, valid with a full stop and before a number."""
_BARE = {"etc": "et cetera", "vs": "versus", "blvd": "Boulevard", "ave": "Avenue", "dept": "department", "govt": "government"}
_DOTTED = {"e.g.": "for example", "i.e.": "that is", "ph.d.": "P. H. D.", "ph.d": "P. H. D.", "et al.": "et al"}
_SIGNED = {"c#": ("C.", "sharp"), "c++": ("C.", "plus", "plus"), "w/o": ("without",), "w/": ("with",)}
_STARTERS = frozenset(
    "The A An He She It They We I You This That These Those There Here In On At As But And So If When While After Before For His"
    " Her Their My Our Its Then What Who How Why Where Now No Not Yes Some Many Most All Both".split()
)
_NUMBERED = frozenset(
    "chapter part act book volume section type phase class war bowl grade level appendix article title table figure mark stage"
    " scene unit line vol lesson canto psalm olympiad apollo".split()
)
_MONARCHS = frozenset(
    "Henry Louis George Edward Elizabeth Charles James William Richard Paul Pius Benedict Catherine Napoleon Philip Leo Ivan"
    " Peter Alexander Frederick Wilhelm Nicholas Mary John Gregory Clement Innocent Francis Ferdinand Leopold Otto Umberto Victor"
    " Emmanuel Christian Haakon Gustav Juan Felipe Ramses Rameses Ptolemy Darius Xerxes Constantine Urban Julius Sixtus Boniface"
    " Malcolm Robert Stephen Isabella Margaret Joseph Maximilian Alfonso Carlos Pedro Selim Murad Mehmed Mohammed Rudolf".split()
)
_MIXED_CASE = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_PREVIOUS = re.compile(r"([A-Za-z']+)\.?[ \n]+$")
_NEXT = re.compile(r"\s+([A-Za-z'\d]+)")
_NEAR = 40


def spell(letters: str) -> Words:
    """Return the names of `letters` as words of one capital and a full stop, as in the CMU dictionary: "F."."""
    return tuple(letter.upper() + "." for letter in letters if letter.isalpha())


def previous_word(match: re.Match[str]) -> str:
    """Return the word right before the match, or "" if there is punctuation or nothing."""
    found = _PREVIOUS.search(match.string, max(0, match.start() - _NEAR), match.start())
    return found[1] if found else ""


def next_word(match: re.Match[str]) -> str:
    """Return the word or number right after the match, or ""."""
    found = _NEXT.match(match.string, match.end())
    return found[1] if found else ""


def may_end_sentence(match: re.Match[str]) -> bool:
    """Return whether the full stop of the abbreviation `match` may also end a sentence."""
    word = match[0].lower().rstrip(".")
    after = next_word(match)
    if word in TITLES or word in _COUNTED or word in ("st", "dr") or not after[:1].isupper():
        return word == "st" and after in _STARTERS
    single = len(word) == 1
    if single or "." in word or word in ("co", "inc", "ltd", "corp", "jr", "sr", "vs"):
        return after in _STARTERS and not (single and word != "i")
    return word in ("etc", "am", "pm") or after in _STARTERS


def _signed(match: re.Match[str]) -> Words:
    return _SIGNED[match[0].lower()]


def _dotted(match: re.Match[str]) -> Words | None:
    word = match[0].lower()
    if word in _DOTTED:
        return tuple(_DOTTED[word].split())
    return spell(word)


def _abbreviation(match: re.Match[str]) -> Words | None:
    """Return the words of an abbreviation with a full stop; None for an ordinary word at the end of a sentence."""
    word, after = match[1].lower(), next_word(match)
    if word in ("st", "dr"):
        return _street_or_title(match, word)
    if word in TITLES and after[:1].isupper():
        return (TITLES[word],)
    if word in _BARE_TITLES:
        return (TITLES[word],)
    if word in _COUNTED and (after[:1].isdigit() or roman(after)):
        return (_COUNTED[word],)
    if word in PLAIN and not _ordinary(match[1], after):
        return tuple(PLAIN[word].split())
    if len(word) == 1 and match[1].isupper() and (word not in "ia" or (after[:1].isupper() and after not in _STARTERS)):
        return spell(word)
    return None


def _ordinary(word: str, after: str) -> bool:
    """Return whether an abbreviation that is also a word (co, min, mon, wed) is more likely that word, before a full stop."""
    return word.islower() and word in ("co", "min", "max", "temp", "mon", "wed", "dec", "cont") and not after[:1].islower()


def _street_or_title(match: re.Match[str], word: str) -> Words:
    before, after = previous_word(match), next_word(match)
    named = after[:1].isupper() and after not in _STARTERS
    street = (before[:1].isupper() and before not in _STARTERS and before.lower() not in TITLES) or before.endswith(
        ("th", "rd", "nd")
    )
    if word == "st":
        return ("Street",) if street or not after[:1].isupper() else ("Saint",)
    return ("Drive",) if street and not named else ("Doctor",)


def _bare(match: re.Match[str]) -> Words | None:
    """Return the words of an abbreviation without a full stop."""
    word, after = match[0].lower(), next_word(match)
    if word in ("dr", "st") and match[0][0].isupper() and not match[0].isupper():
        return _street_or_title(match, word)
    if word in _BARE_TITLES and after[:1].isupper() and match[0][0].isupper():
        return (TITLES[word],)
    return tuple(_BARE[word].split()) if word in _BARE else None


def _numeral(match: re.Match[str]) -> Words | None:
    """Return the words of a Roman numeral after the name of a monarch, a word such as "chapter", or a capitalised word."""
    value, before = roman(match[0]), previous_word(match)
    if not value or not before:
        return None
    if before in _MONARCHS and (match[0] != "I" or not next_word(match)[:1].islower()):
        return ("the", *ordinal(str(value)))
    if before.lower() in _NUMBERED and (match[0] != "I" or before[:1].isupper()):
        return cardinal(str(value))
    long_enough = len(match[0]) > 1 and match[0] not in ("MI", "DI", "CC", "CI", "LI", "XL", "CV", "CD")
    return cardinal(str(value)) if long_enough and before[:1].isupper() and not before.isupper() else None


def _acronym(match: re.Match[str]) -> Words | None:
    """Return the letters of "US", of acronyms without vowels, and of plurals and possessives of acronyms (DVDs, NBA's)."""
    letters, ending = match[1], match[2]
    if shouted(match):
        return None
    if ending == "s" and len(letters) > 1:
        *first, last = spell(letters)
        return (*first, last + "'s")
    if letters == "US" or (len(letters) > 1 and not ending and not re.search("[AEIOUY]", letters)):
        *first, last = spell(letters)
        return (*first, last + ending)
    return None


def shouted(match: re.Match[str]) -> bool:
    """Return whether the text around the match is all in capitals, so that capitals carry no information."""
    around = match.string[max(0, match.start() - _NEAR) : match.start()] + match.string[match.end() : match.end() + _NEAR]
    return not any(character.islower() for character in around) and any(character.isupper() for character in around)


def _month(match: re.Match[str]) -> Words:
    return (next(name for name in MONTHS if name.startswith(match[1][:3])),)


def mixed_case_parts(word: str) -> list[str]:
    """Split a word at its capitals: "GitHub" into Git and Hub. Other words are one part."""
    return _MIXED_CASE.findall(word)


_READERS = (
    (r"[Cc]#(?!\w)|C\+\+(?!\w)|[Ww]/[Oo]\b|[Ww]/(?=[ A-Za-z])", _signed),
    (r"(?:[Pp]h\.[Dd]|et al)\.", _dotted),
    (r"(?:[A-Za-z]\.){2,12}(?!\w)|[A-Za-z](?:\.[A-Za-z]){1,12}\b(?![-.@])", _dotted),
    (
        rf"(?P<month>{MONTH})\b\.? (?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b(?![:.]\d)(?:,? (?P<year>[12]\d{{3}})\b)?",
        month_first,
    ),
    (rf"({MONTH})\.?(?= [12]\d{{3}}\b)", _month),
    (r"([A-Za-z]{1,6})\.(?![A-Za-z\d])", _abbreviation),
    (r"[IVXLC]{1,8}\b(?!['.][A-Za-z])", _numeral),
    (r"([A-Z]{2,6})('s|s|)\b", _acronym),
    (r"[A-Za-z]{2,4}\b(?!['-])", _bare),
)


@cache
def readers() -> list[tuple[re.Pattern[str], Callable[[re.Match[str]], Words | None]]]:
    """Return the rules to try at a letter, in order: a pattern, and a function that returns words or None for no match."""
    return [(re.compile(pattern), reader) for pattern, reader in _READERS]
