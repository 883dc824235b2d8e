"""Single letters: initials, letters after a noun such as "vitamin C", the letter A, and ranges such as A–Z."""

from __future__ import annotations

import re
from string import ascii_lowercase

from tts_cli.text.classes.roman import is_letter_noun
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word
from tts_cli.text.patterns import pattern
from tts_cli.text.phones import SPACE
from tts_cli.text.stops import end_of_sentence, is_name, is_starter, word_after, word_before

_SIZES = pattern(r"(X{0,3}[SML])(?: ?[–-] ?(X{0,3}[SML]))(?![\w&'/-]|\.\w)")
_SIZE = {"S": "small", "M": "medium", "L": "large"}
_RANGE = pattern(r"([A-Z])(–|-)([A-Z])(?![\w&'/-]|\.\w)")
_INITIALS = pattern(r"(?:[A-Z]\.){1,5}(?=[A-Z][a-z]{2})")
_INITIAL = pattern(r"([A-Z])\.(?![\w@]|\.)")
_ARTICLE = pattern(r"a (?!(?:is|to|and|or|was|from) )[A-Za-z]")
_PLURAL = pattern(r"([A-Z])s(?![\w'.-]| \d)")
_GRADE = pattern(r"([A-DF])-(?=[ .,;:!?)]|$)")
_LETTER = pattern(r"([Aa])(?![\w'@.-]|'(?!s))")
_TO = pattern(r" (?:to|or|and|through|from) ([A-Z])\b(?!')")
_NOUNS = frozenset("letter option point answer vitamin plan grade type class hepatitis item group team".split())
_SECTIONS = frozenset("section appendix annex table figure chapter article part rule exhibit schedule paragraph item".split())
_GRADES = frozenset("ABCDF")
_PRONOUN_BEFORE = frozenset("was is and am be than that said as or not but if when".split())


def read(text: str, place: int) -> Verbalization | None:
    """Read the single letter at `place`; None for the article "a" and the pronoun "I"."""
    following = text[place + 1 : place + 2]
    if following == "s" and (match := _PLURAL.match(text, place)) and begins_word(text, place):
        return (
            Verbalization(match.end(), (match[1] + ".'s",), "letter", "plural of a letter") if _is_plural(text, match) else None
        )
    if text[place] in "XSML" and begins_word(text, place) and (sizes := _SIZES.match(text, place)):
        return _sizes(sizes)
    if following.isalnum() or not begins_word(text, place):
        return None
    if following in ("–", "-") and (match := _RANGE.match(text, place)):
        return _range(match)
    if following == "-" and (match := _GRADE.match(text, place)):
        return Verbalization(match.end(), (match[1] + ".", "minus"), "letter", "grade")
    if following in (")", ".") and text[place] == "a" and (place == 0 or text[place - 1] in "(\n"):
        return Verbalization(place + 1, ("A.",), "letter", "item of a list") if text[place + 2 : place + 3] == " " else None
    if text[place] == "a" and _ARTICLE.match(text, place):
        return None
    if text[place] in "Aa" and (match := _LETTER.match(text, place)) and _is_name_of_letter(text, place, match[1]):
        return Verbalization(match.end(), ("A.",), "letter", "the letter A")
    if following != ".":
        return None
    if match := _INITIALS.match(text, place):
        return Verbalization(match.end(), tuple(one + "." for one in match[0] if one != "."), "letter", "initials")
    if text[place + 2 : place + 3].isdigit() and word_before(text, place).lower() in _SECTIONS:
        return Verbalization(place + 2, (text[place] + ".",), "letter", "letter before the number of a section")
    match = _INITIAL.match(text, place)
    return _initial(text, match) if match else None


def _is_plural(text: str, match: re.Match[str]) -> bool:
    """Return True for "two Bs". "As", "Is" and "Us" are letters only after "straight"."""
    before = word_before(text, match.start()).lower()
    return before in ("straight", "all") or (match[1] not in "AIUMR" and not before.endswith(".") and bool(before))


def _sizes(match: re.Match[str]) -> Verbalization | None:
    """Read sizes of clothes, such as "S–XL"."""
    first, last = (("extra",) * size.count("X") + (_SIZE[size[-1]],) for size in match.groups())
    return Verbalization(match.end(), (*first, "to", *last), "letter", "range of sizes") if first != last else None


def _range(match: re.Match[str]) -> Verbalization | None:
    """Read "A–Z". A hyphen is a range only from A."""
    first, sign, last = match.groups()
    if match.string[match.start() - 1 : match.start()] in ("-", "–"):
        return None
    if first >= last or (sign == "-" and first != "A"):
        return None
    return Verbalization(match.end(), (first + ".", "to", last + "."), "letter", "range of letters")


def _is_name_of_letter(text: str, place: int, letter: str) -> bool:
    """Return True after "letter" or "option", before "to B", and at the end of a phrase."""
    before = word_before(text, place).lower()
    after = text[place + 1 : place + 3]
    if letter == "a":
        over = (
            not after.strip() or after[0] in ",;:.?!)" or word_after(text, place + 1) in ("is", "to", "and", "or", "was", "from")
        )
        return before in _NOUNS and over
    if (match := _TO.match(text, place + 1)) and match[1] != "I":
        return True
    lower = text[place + 1 : place + 2] == " " and word_after(text, place + 1)[:1].islower()
    if is_letter_noun(before) or before in _NOUNS:
        return True
    return before in ("an", "straight", "to", "from") or (
        bool(before) and not lower and not word_after(text, place + 1)[:1].isupper()
    )


def _initial(text: str, match: re.Match[str]) -> Verbalization | None:
    """Read an initial with its full stop, which ends the sentence after "vitamin" and before a word that begins sentences."""
    letter, end = match[1], match.end()
    before, after = word_before(text, match.start()), word_after(text, end)
    name = is_name(after) and not is_starter(text, end) and after[:1].isalpha()
    if letter == "A" and after.islower() and not is_letter_noun(before):
        return Verbalization(end, ("A.",), "letter", "initial before a small letter")
    if letter in "IA" and not name:
        return None
    if (
        letter == "I"
        and before.lower() in _PRONOUN_BEFORE
        and len(after) > 1
        and text[end - 3 : end - 2] == " "
        and before.islower()
    ):
        return None
    lower = before.rstrip(".").lower()
    if is_letter_noun(lower) and not before.endswith("."):
        return _ended(letter, end)
    if lower in ("a", "an") and letter in _GRADES and before.islower():
        return _ended(letter, end)
    closed = end_of_sentence(text, end)
    mark = "." if closed else SPACE
    return Verbalization(closed or end, (letter + ".",), "letter", "initial", mark, bool(closed))


def _ended(letter: str, end: int) -> Verbalization:
    """Return the letter without the full stop, which is a mark of its own."""
    return Verbalization(end - 1, (letter + ".",), "letter", "letter after a noun")


CLASS = SemioticClass("letter", read, words=frozenset(ascii_lowercase) | {letter + "s" for letter in ascii_lowercase})
