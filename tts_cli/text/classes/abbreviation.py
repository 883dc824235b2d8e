"""Abbreviations: titles, companies, streets, references, units after number words, months, and Latin ones.

The table `abbreviations` gives the words of an abbreviation and the context in which it is one, a name in `_CONTEXTS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from string import ascii_lowercase
from typing import NamedTuple

from tts_cli.text import tables
from tts_cli.text.dictionary import cmu_has
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word, is_shouted
from tts_cli.text.numbers import Words
from tts_cli.text.patterns import pattern
from tts_cli.text.phones import SPACE
from tts_cli.text.spelling import spell
from tts_cli.text.stops import end_of_sentence, is_name, is_starter, opens_sentence, word_after, word_before

_SIGNED = pattern(r"[A-Za-z]{1,5}[./#+]|[Ee]t ")
_WRITTEN = pattern(r"([A-Za-z]{1,8}(?:'[A-Za-z])?)(\.?)(?![A-Za-z]*@)")
_DOTTED = pattern(
    r"([A-Za-z](?:\.[A-Za-z]){1,12}|[A-Za-z]{1,5}\.[A-Za-z]{1,4})(\.?)(s\b|)(?![\w@-]|\.\w)"
    r"|((?:[A-Za-z]\.){2,12})(s\b|)(?=[-'\s\W]|$)"
)
_GLUED = pattern(r"([Ee]\.g|[Ii]\.e)\.(?=[A-Z])")
_LATIN = pattern(r"([Ee]t\.? al|[Ee]t seq|[Oo]p\. cit|[Ll]oc\. cit)\b(\.?)")
_WITH = pattern(r"[Ww]/([Oo]\b)?(?=[ A-Za-z]|$)")
_LANGUAGES = pattern(r"([CFJ])(#|\+\+)(?!\w)")
_NUMBER = pattern(r" ?#?(?:\d|[IVXL]{1,6}\b|[ivxl]{1,6}\b|[A-Z](?:\d|\b(?!\.? ?[a-z])))")
_DIGIT = pattern(r" \d")
_COUNTED = pattern(r" \d[\d,]* ([a-z]+)")
_COUPLE = pattern(r" (?:and|&) (?:Mr|Mrs|Ms|Dr)\b")
_SLASHED = pattern(r"[A-Za-z]{1,2}/[A-Za-z]{1,3}(?![\w/])")
_NUMBER_OF = pattern(r" (?:of|is|was|for|and)\b")
_YEAR = pattern(r" ?(?:AD |in )?([1-9]\d{1,3})\b")
_CALENDAR = frozenset(
    "in of since until till by last next this early late mid every from to each before after during on through and or".split()
)
_NUMBERED_BEFORE = frozenset("the a an ref. ref reference total serial order phone model part id tel. tel account acct.".split())
_DETERMINERS = frozenset("a an the my your his her its our their this that some any no each".split())
_SAID = frozenset("is was be say says said answer answered answers reply replied were means meant".split())
_CITING = frozenset("see in of under by to and or per cf. with from the at on e.g. i.e. also this that".split()) | {""}
_FUNCTION = frozenset(
    "on of in is and or below above for to at was has shows show by with from as are were says we the that which where will can"
    " may must gives then but not if when"
    " now here there again".split()
)
_NUMBERS = frozenset(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
    " twenty thirty forty fifty sixty seventy eighty ninety hundred thousand few several half many dozen".split()
)
_ORDINAL = pattern(
    r"(?:\d(?:st|nd|rd|th)|(?:[Ff]our|[Ff]if|[Ss]ix|[Ss]even|[Ee]igh|[Nn]in|[Tt]en|[Ee]leven|[Tt]welf|\w+teen|\w+tie)th"
    r"|(?:\w+-)?(?:[Ff]irst|[Ss]econd|[Tt]hird))\.?$"
)


_YEAR_DIGITS = 4
_SINGULAR = {"feet": "foot", "inches": "inch"}
_BEFORE_DIGITS = frozenset("max min pop elev ref est temp".split())


class Abbreviation(NamedTuple):
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


def read(text: str, place: int) -> Verbalization | None:
    """Read the abbreviation at `place`."""
    if text[place + 1 : place + 2] in (" ", "-", "\n", "") or not begins_word(text, place):
        return None
    return (_signed(text, place) if _SIGNED.match(text, place) else None) or _listed(text, place)


def _signed(text: str, place: int) -> Verbalization | None:
    return _with(text, place) or _latin(text, place) or _dotted(text, place)


def _listed(text: str, place: int) -> Verbalization | None:
    match = _WRITTEN.match(text, place)
    if not match:
        return None
    rows = _table().get(match[1].lower(), ())
    token = Abbreviation(text, place, match.end(1), bool(match[2]))
    if not rows or (not token.stop and text[token.end : token.end + 1] in ("'", "-", "/", "_")):
        return None
    for spoken, context in rows:
        if _CONTEXTS[context](token):
            return _reading(token, tuple(spoken.split()), context)
    return None


def _reading(token: Abbreviation, words: Words, context: str) -> Verbalization:
    if context == "unit" and token.before.lower() == "one":
        words = (_SINGULAR.get(words[0], words[0].removesuffix("s")),)
    end = 0
    called = context in _TITLES and token.before.lower() not in _DETERMINERS
    if token.stop and not called and context not in _NEVER_LAST:
        end = end_of_sentence(token.text, token.over, context in _LAST)
    return Verbalization(end or token.over, words, "abbreviation", f"abbreviation: {context}", "." if end else SPACE, bool(end))


def _is_title(token: Abbreviation) -> bool:
    """Return True before a name. "your rep. She" and "Gen. He" are no titles."""
    if not token.stop or not token.after[:1].isupper():
        return False
    if token.written in ("reps", "sens", "govs", "profs"):
        return False
    if token.written.islower() and cmu_has(token.written):
        return not is_starter(token.text, token.over) and token.before.lower() not in _DETERMINERS
    return not (is_starter(token.text, token.over) and token.before.lower() in _DETERMINERS)


def _is_bare_title(token: Abbreviation) -> bool:
    if token.stop:
        return _is_title(token) or not cmu_has(token.written.lower()) or token.written.lower() in ("mr", "mrs", "ms")
    name = token.after[:1].isupper() and token.text[token.end : token.end + 1] == " "
    return token.written.istitle() and (name or bool(_COUPLE.match(token.text, token.end)))


def _is_company(token: Abbreviation) -> bool:
    """Return True after a name or an ampersand."""
    if not token.written[0].isupper() or not (token.stop or token.written.istitle()):
        return False
    return token.before[:1].isupper() or token.text[max(0, token.start - 2) : token.start].strip().endswith((")", "&"))


def _is_suffix(token: Abbreviation) -> bool:
    return token.stop or (token.written.istitle() and is_name(token.before))


def _is_number(token: Abbreviation) -> bool:
    if token.stop and token.written.lower() == "no" and _NUMBER_OF.match(token.text, token.over):
        return token.text.startswith(" of ", token.over) or token.before.lower() in _NUMBERED_BEFORE
    return token.stop and bool(_NUMBER.match(token.text, token.over)) and not _is_noun(token)


def _is_bare_number(token: Abbreviation) -> bool:
    """Return True before a number; without a full stop, too."""
    if token.stop:
        return _is_number(token) or not cmu_has(token.written.lower())
    return bool(_DIGIT.match(token.text, token.end)) and not (token.written.isupper() and len(token.written) > 2)


def _is_noun(token: Abbreviation) -> bool:
    """Return True if the abbreviation is rather a word at the end of a sentence: "an art. 5 people came"."""
    if not token.written.islower() or token.text[token.over : token.over + 1] not in (" ", "\n"):
        return False
    counted = _COUNTED.match(token.text, token.over)
    before = token.before.lower()
    if not counted or not cmu_has(token.written) or (counted[1] in _FUNCTION and (counted[1] != "of" or before not in _SAID)):
        return False
    if token.written == "no":
        return before in _SAID or before == ""
    return before not in _CITING


def _is_year(token: Abbreviation) -> bool:
    found = _YEAR.match(token.text, token.over)
    return token.stop and found is not None and (token.written.lower() != "est" or len(found[1]) == _YEAR_DIGITS)


def _is_life(token: Abbreviation) -> bool:
    """Return True before a year in brackets or after a comma: "(b. 1685, d. 1750)"."""
    before = token.text[max(0, token.start - 2) : token.start]
    found = _YEAR.match(token.text, token.over)
    whole = found is not None and len(found[1]) == _YEAR_DIGITS and token.before.lower() in ("was", "were", "is")
    return _is_year(token) and (whole or before in ("; ", ", ") or before.endswith(("(", "[")))


def _is_always(token: Abbreviation) -> bool:
    """Return True with a full stop, or before a colon, as in "Tel: 5"."""
    return token.stop or (token.text.startswith(":", token.end) and not cmu_has(token.written.lower()))


def _is_any(token: Abbreviation) -> bool:
    return token.stop or not token.written.isupper() or is_shouted(token.text, token.start, token.end)


def _is_adjective(token: Abbreviation) -> bool:
    """Return True in "the approx. cost", but not in "an approx. 5 percent rise"."""
    return token.stop and token.before.lower() in _DETERMINERS and token.after.islower() and token.after not in _NUMBERS


def _is_bare_no(token: Abbreviation) -> bool:
    """Return True for "No 10" without a full stop; "No 2 cats are alike" has the word."""
    counted = _COUNTED.match(token.text, token.end)
    plural = counted is not None and counted[1].endswith("s") and opens_sentence(token.text, token.start)
    return not token.stop and token.written == "No" and _DIGIT.match(token.text, token.end) is not None and not plural


def _is_state(token: Abbreviation) -> bool:
    """Return True for a state after a place and a comma, "Boston, Mass.", or before a small letter, "in Calif. now"."""
    if not token.stop or not token.written[0].isupper():
        return False
    after_comma = token.text[max(0, token.start - 2) : token.start] == ", " and is_name(token.before)
    return after_comma or token.after.islower()


def _is_small(token: Abbreviation) -> bool:
    return token.written.islower()


def _is_middle(token: Abbreviation) -> bool:
    """Return True before a small letter, which never begins a sentence, and for some words before a number ("max. 5")."""
    follows = token.after[:1]
    if follows.isdigit() and token.written.lower() in _BEFORE_DIGITS:
        return token.stop and (token.written.islower() or opens_sentence(token.text, token.start))
    unknown = token.text.startswith(",", token.over) and not cmu_has(token.written.lower())
    return token.stop and (follows.islower() or unknown)


def _is_street(token: Abbreviation) -> bool:
    """Return True after a name or an ordinal number, and before no further name ("Ave Maria")."""
    before = token.before
    if not token.written[0].isupper() or not (before[:1].isupper() or _ORDINAL.search(before)):
        return False
    if token.stop:
        return before.rstrip(".").lower() not in ("the", "a", "an")
    return (
        token.written.istitle()
        and (is_name(before) or before[0].isdigit())
        and not (is_name(token.after) and opens_sentence(token.text, token.start))
    )


def _is_unit(token: Abbreviation) -> bool:
    """Return True after a number in words: "ten ft."."""
    return token.written.islower() and token.before.lower() in _NUMBERS and (token.stop or not cmu_has(token.written))


def _is_month(token: Abbreviation) -> bool:
    return token.stop and (token.written[0].isupper() or not cmu_has(token.written))


def _is_calendar(token: Abbreviation) -> bool:
    """Return True before a number or after a word such as "in". "I met Jan." and "He sat." are words."""
    if not token.stop or not token.written[0].isupper():
        return False
    return (
        token.after[:1].isdigit()
        or token.after.islower()
        or token.before.lower() in _CALENDAR
        or token.text[max(0, token.start - 1) : token.start] in ("(", "-")
    )


def _is_ordinal(token: Abbreviation) -> bool:
    return token.stop and bool(_ORDINAL.search(token.before))


def _is_versus(token: Abbreviation) -> bool:
    if token.written.lower() == "vs":
        return True
    return token.stop and token.written == "v" and token.before[:1].isalpha() and token.after[:1].isalpha()


_CONTEXTS: dict[str, Callable[[Abbreviation], bool]] = {
    "title": _is_title, "bare-title": _is_bare_title, "company": _is_company, "suffix": _is_suffix, "number": _is_number,
    "bare-number": _is_bare_number, "year": _is_year, "life": _is_life, "always": _is_always, "last-bare": _is_any,
    "bare": _is_any, "small": _is_small, "adjective": _is_adjective, "bare-no": _is_bare_no, "state": _is_state,
    "middle": _is_middle, "street": _is_street, "unit": _is_unit, "month": _is_month, "calendar": _is_calendar,
    "ordinal": _is_ordinal, "versus": _is_versus,
}  # fmt: skip
_NEVER_LAST = frozenset({"number", "year", "life", "versus", "middle"})
_TITLES = frozenset({"title", "bare-title"})
_LAST = frozenset({"last-bare", "unit"})


def _dotted(text: str, place: int) -> Verbalization | None:
    """Read letters with full stops: "e.g.", "U.S.", "Ph.D.", "J.R.R."."""
    if glued := _GLUED.match(text, place):
        return Verbalization(glued.end(), tables.entries("dotted")[glued[1].lower()], "abbreviation", "Latin")
    match = _DOTTED.match(text, place)
    if not match:
        return None
    written = (match[1] or match[4]).lower().rstrip(".")
    words = tables.entries("dotted").get(written)
    if words is None:
        if len(written) != 2 * written.count(".") + 1:
            return None
        words = spell(written)
    if (match[1] or "").endswith(".s") and match[1][:-2].isupper():
        words = (*words[:-2], words[-2] + "'s")
    if match[3] or match[5]:
        words = (*words[:-1], words[-1] + "'s")
    end = 0
    if match[0].endswith(".") and written not in ("e.g", "i.e", "a.k.a"):
        end = end_of_sentence(text, match.end())
    return Verbalization(end or match.end(), words, "abbreviation", "letters with full stops", "." if end else SPACE, bool(end))


def _latin(text: str, place: int) -> Verbalization | None:
    match = _LATIN.match(text, place)
    if not match:
        return None
    end = end_of_sentence(text, match.end()) if match[2] else 0
    return Verbalization(
        end or match.end(),
        tuple(match[1].replace(".", "").lower().split()),
        "abbreviation",
        "Latin",
        "." if end else SPACE,
        bool(end),
    )


def _with(text: str, place: int) -> Verbalization | None:
    if (match := _SLASHED.match(text, place)) and (slashed := tables.entries("dotted").get(match[0].lower())):
        return Verbalization(match.end(), slashed, "abbreviation", "letters with a slash")
    if match := _WITH.match(text, place):
        return Verbalization(match.end(), ("without",) if match[1] else ("with",), "abbreviation", "w/ or w/o")
    if match := _LANGUAGES.match(text, place):
        words = ("sharp",) if match[2] == "#" else ("plus", "plus")
        return Verbalization(match.end(), (match[1] + ".", *words), "abbreviation", "programming language")
    return None


@cache
def _table() -> dict[str, tuple[tuple[str, str], ...]]:
    table: dict[str, tuple[tuple[str, str], ...]] = {}
    for written, spoken, context in tables.rows("abbreviations"):
        table[written] = (*table.get(written, ()), (spoken, context))
    for _, name, *short in tables.rows("states"):
        for written in filter(None, "|".join(short).lower().split("|")):
            table[written] = (*table.get(written, ()), (name, "state"))
    return table


def _first_words() -> frozenset[str]:
    """Return the words at which an abbreviation may begin: "gov't" and "gov", and every single letter."""
    return frozenset(part for written in _table() for part in (written, written.partition("'")[0])) | frozenset(ascii_lowercase)


_DEGREES = frozenset(re.split("[./]", written)[0] for written in tables.entries("dotted"))
CLASS = SemioticClass("abbreviation", read, words=_first_words() | _DEGREES | {"et", "op", "loc"})
