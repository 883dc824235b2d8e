"""Abbreviations: titles, companies, streets, references, units after number words, months, and Latin ones.

The table `abbreviations` gives the words of an abbreviation and the context in which it is one, a name in `_CONTEXTS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from tts_cli.text import tables
from tts_cli.text.dictionary import cmu_has
from tts_cli.text.grammar import Reading, SemioticClass, begins_word, is_shouted
from tts_cli.text.numbers import Words
from tts_cli.text.phones import SPACE
from tts_cli.text.spelling import spell
from tts_cli.text.stops import end_of_sentence, is_name, is_starter, opens_sentence, word_after, word_before

_WRITTEN = re.compile(r"([A-Za-z]{1,8}(?:'[A-Za-z])?)(\.?)(?![A-Za-z]*@)")
_DOTTED = re.compile(
    r"([A-Za-z](?:\.[A-Za-z]){1,12}|[A-Za-z]{1,5}\.[A-Za-z]{1,4})(\.?)(?![\w@-]|\.\w)(s\b|)|((?:[A-Za-z]\.){2,12})(?=[-'\s\W]|$)"
)
_ET_AL = re.compile(r"[Ee]t\.? al\b(\.?)")
_WITH = re.compile(r"[Ww]/([Oo]\b)?(?=[ A-Za-z]|$)")
_LANGUAGES = re.compile(r"([CFJ])(#|\+\+)(?!\w)")
_NUMBER = re.compile(r" ?#?(?:\d|[IVXL]{1,6}\b|[ivxl]{1,6}\b|[A-Z](?:\d|\b(?!\.? ?[a-z])))")
_COUNTED = re.compile(r" \d[\d,]* ([a-z]+)")
_YEAR = re.compile(r" ?(?:AD )?[1-9]\d{1,3}\b")
_CALENDAR = frozenset(
    "in of since until till by last next this early late mid every from to each before after during on through and or".split()
)
_DETERMINERS = frozenset("a an the my your his her its our their this that some any no each".split())
_SAID = frozenset("is was be say says said answer answered answers reply replied were means meant".split())
_FUNCTION = frozenset(
    "on of in is and or below above for to at was has shows show by with from as are were says we the that which where will can"
    " may must gives then but not if when"
    " now here there again".split()
)
_NUMBERS = frozenset(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
    " twenty thirty forty fifty sixty seventy eighty ninety hundred thousand few several half many dozen".split()
)
_ORDINAL = re.compile(
    r"(?:\d(?:st|nd|rd|th)|(?:[Ff]our|[Ff]if|[Ss]ix|[Ss]even|[Ee]igh|[Nn]in|[Tt]en|[Ee]leven|[Tt]welf|\w+teen|\w+tie)th"
    r"|(?:\w+-)?(?:[Ff]irst|[Ss]econd|[Tt]hird))\.?$"
)


class Token(NamedTuple):
    """Abbreviation in its context."""

    text: str
    start: int
    end: int
    """End without the full stop."""
    stop: bool
    """True if a full stop follows."""

    @property
    def written(self) -> str:
        """Letters of the abbreviation."""
        return self.text[self.start : self.end]

    @property
    def over(self) -> int:
        """End with the full stop."""
        return self.end + self.stop

    @property
    def before(self) -> str:
        """Word before, with its full stop."""
        return word_before(self.text, self.start)

    @property
    def after(self) -> str:
        """Word or number after."""
        return word_after(self.text, self.over)


def read(text: str, place: int) -> Reading | None:
    """Read the abbreviation at `place`."""
    if not begins_word(text, place):
        return None
    return _with(text, place) or _et_al(text, place) or _dotted(text, place) or _listed(text, place)


def _listed(text: str, place: int) -> Reading | None:
    match = _WRITTEN.match(text, place)
    if not match:
        return None
    rows = _table().get(match[1].lower(), ())
    token = Token(text, place, match.end(1), bool(match[2]))
    if not rows or (not token.stop and text[token.end : token.end + 1] in ("'", "-", "/", "_")):
        return None
    for spoken, context in rows:
        if _CONTEXTS[context](token):
            return _reading(token, tuple(spoken.split()), context)
    return None


def _reading(token: Token, words: Words, context: str) -> Reading:
    end = 0
    if token.stop and context not in _NEVER_LAST:
        end = end_of_sentence(token.text, token.over, context in _LAST)
    return Reading(end or token.over, words, "abbr", f"abbreviation: {context}", "." if end else SPACE, bool(end))


def _is_title(token: Token) -> bool:
    """Return True before a name. "your rep. She" and "Gen. He" are no titles."""
    if not token.stop or not token.after[:1].isupper():
        return False
    if token.written.islower() and cmu_has(token.written):
        return not is_starter(token.text, token.over) and token.before.lower() not in _DETERMINERS
    return not (is_starter(token.text, token.over) and token.before.lower() in _DETERMINERS)


def _is_bare_title(token: Token) -> bool:
    if token.stop:
        return _is_title(token) or not cmu_has(token.written.lower()) or token.written.lower() in ("mr", "mrs", "ms")
    name = token.after[:1].isupper() and token.text[token.end : token.end + 1] == " "
    return name and token.written.istitle()


def _is_company(token: Token) -> bool:
    """Return True after a name or an ampersand."""
    if not token.written[0].isupper() or not (token.stop or token.written.istitle()):
        return False
    return token.before[:1].isupper() or token.text[max(0, token.start - 2) : token.start].strip().endswith((")", "&"))


def _is_suffix(token: Token) -> bool:
    return token.stop or (token.written.istitle() and is_name(token.before))


def _is_number(token: Token) -> bool:
    return token.stop and bool(_NUMBER.match(token.text, token.over)) and not _is_noun(token)


def _is_bare_number(token: Token) -> bool:
    """Return True before a number; without a full stop, too."""
    if token.stop:
        return _is_number(token) or not cmu_has(token.written.lower())
    return bool(re.compile(r" \d").match(token.text, token.end)) and not (token.written.isupper() and len(token.written) > 2)


def _is_noun(token: Token) -> bool:
    """Return True if the abbreviation is rather a word at the end of a sentence: "an art. 5 people came"."""
    if not token.written.islower() or token.text[token.over : token.over + 1] not in (" ", "\n"):
        return False
    counted = _COUNTED.match(token.text, token.over)
    if not counted or counted[1] in _FUNCTION or not cmu_has(token.written):
        return False
    before = token.before.lower()
    if token.written == "no":
        return before in _SAID or before == ""
    return before in _DETERMINERS or before in _SAID


def _is_year(token: Token) -> bool:
    return token.stop and bool(_YEAR.match(token.text, token.over))


def _is_life(token: Token) -> bool:
    """Return True before a year in brackets or after a comma: "(b. 1685, d. 1750)"."""
    before = token.text[max(0, token.start - 2) : token.start]
    return _is_year(token) and (before in ("; ", ", ") or before.endswith(("(", "[")))


def _is_always(token: Token) -> bool:
    return token.stop


def _is_any(token: Token) -> bool:
    return token.stop or not token.written.isupper() or is_shouted(token.text, token.start, token.end)


def _is_middle(token: Token) -> bool:
    """Return True before a small letter, which never begins a sentence, or a digit without a blank."""
    follows = token.after[:1]
    return (
        token.stop and (follows.islower() or token.text[token.over : token.over + 1] == ",") and bool(follows or _spells(token))
    )


def _spells(token: Token) -> bool:
    return not cmu_has(token.written.lower())


def _is_street(token: Token) -> bool:
    """Return True after a name or an ordinal number, and before no further name ("Ave Maria")."""
    before = token.before
    if not token.written[0].isupper() or not (before[:1].isupper() or _ORDINAL.search(before)):
        return False
    if token.stop:
        return before.rstrip(".").lower() not in ("the", "a", "an")
    return token.written.istitle() and is_name(before) and not (is_name(token.after) and opens_sentence(token.text, token.start))


def _is_unit(token: Token) -> bool:
    """Return True after a number in words: "ten ft."."""
    counted = token.before.lower().rsplit("-", 1)[-1]
    return counted in _NUMBERS and token.written.islower() and (token.stop or not cmu_has(token.written))


def _is_month(token: Token) -> bool:
    return token.stop and (token.written[0].isupper() or not cmu_has(token.written))


def _is_calendar(token: Token) -> bool:
    """Return True before a number or after a word such as "in". "I met Jan." and "He sat." are words."""
    if not token.stop or not token.written[0].isupper():
        return False
    return (
        token.after[:1].isdigit()
        or token.after.islower()
        or token.before.lower() in _CALENDAR
        or token.text[max(0, token.start - 1) : token.start] in ("(", "-")
    )


def _is_ordinal(token: Token) -> bool:
    return token.stop and bool(_ORDINAL.search(token.before))


def _is_versus(token: Token) -> bool:
    if token.written.lower() == "vs":
        return True
    return token.stop and token.written == "v" and token.before[:1].isupper() and token.after[:1].isupper()


_CONTEXTS: dict[str, Callable[[Token], bool]] = {
    "title": _is_title, "bare-title": _is_bare_title, "company": _is_company, "suffix": _is_suffix, "number": _is_number,
    "bare-number": _is_bare_number, "year": _is_year, "life": _is_life, "always": _is_always, "last-bare": _is_any,
    "bare": _is_any, "middle": _is_middle, "street": _is_street, "unit": _is_unit, "month": _is_month, "calendar": _is_calendar,
    "ordinal": _is_ordinal, "versus": _is_versus,
}  # fmt: skip
_NEVER_LAST = frozenset({"number", "year", "life", "versus", "middle"})
_LAST = frozenset({"last-bare", "unit"})


def _dotted(text: str, place: int) -> Reading | None:
    """Read letters with full stops: "e.g.", "U.S.", "Ph.D.", "J.R.R."."""
    match = _DOTTED.match(text, place)
    if not match:
        return None
    written = (match[1] or match[4]).lower().rstrip(".")
    words = tables.entries("dotted").get(written)
    if words is None:
        if len(written) != 2 * written.count(".") + 1:
            return None
        words = spell(written)
    if match[3]:
        words = (*words[:-1], words[-1] + "'s")
    end = 0
    if match[0].endswith(".") and written not in ("e.g", "i.e"):
        end = end_of_sentence(text, match.end())
    return Reading(end or match.end(), words, "abbr", "letters with full stops", "." if end else SPACE, bool(end))


def _et_al(text: str, place: int) -> Reading | None:
    match = _ET_AL.match(text, place)
    if not match:
        return None
    end = end_of_sentence(text, match.end()) if match[1] else 0
    return Reading(end or match.end(), ("et", "al"), "abbr", "Latin", "." if end else SPACE, bool(end))


def _with(text: str, place: int) -> Reading | None:
    if match := _WITH.match(text, place):
        return Reading(match.end(), ("without",) if match[1] else ("with",), "abbr", "w/ or w/o")
    if match := _LANGUAGES.match(text, place):
        words = ("sharp",) if match[2] == "#" else ("plus", "plus")
        return Reading(match.end(), (match[1] + ".", *words), "abbr", "programming language")
    return None


@cache
def _table() -> dict[str, tuple[tuple[str, str], ...]]:
    table: dict[str, tuple[tuple[str, str], ...]] = {}
    for written, spoken, context in tables.rows("abbreviations"):
        table[written] = (*table.get(written, ()), (spoken, context))
    return table


def _first_words() -> frozenset[str]:
    return frozenset(written.partition("'")[0] for written in _table()) | frozenset("abcdefghijklmnopqrstuvwxyz")


_DEGREES = frozenset(written.partition(".")[0] for written in tables.entries("dotted"))
CLASS = SemioticClass("abbr", read, words=_first_words() | _DEGREES | {"et"})
