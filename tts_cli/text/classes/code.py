"""Names of letters and digits: A1B2, MP3, F-150, WD 40, versions, key combinations and options of commands."""

from __future__ import annotations

import re
from functools import cache

from tts_cli.text.classes.digit_string import pairs, style_before
from tts_cli.text.dictionary import cmu_has
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word, previous_word
from tts_cli.text.numbers import Words, cardinal, digits
from tts_cli.text.patterns import pattern
from tts_cli.text.spelling import mixed_case_parts, spell
from tts_cli.text.tables import context, rows

_LETTERS_FIRST = pattern(r"[A-Za-z]{1,12}\d{1,12}(?:[A-Za-z]{1,8}\d{1,12}){0,6}[A-Za-z]{0,3}(?!\w)")
_DIGITS_FIRST = pattern(r"\d{1,12}[A-Za-z]{1,8}(?:\d{1,12}[A-Za-z]{1,8}){0,6}\d{0,12}(?!\w)")
_HYPHENED = pattern(
    r"(?P<letters>[A-Z][A-Za-z]{0,11})(?P<mark>[-–])(?P<number>\d{1,4})(?P<after>[A-Z]?|-[A-Z\d]{1,2})(?![\w-]|[.,]\d)"
)
_MIXED = pattern(r"(?:[A-Za-z]{1,4}|\d{1,6}|\d{1,3}[ACDE-JLN-Z](?=-\d)|[A-Za-z]{1,3}\d{1,4})(?:-(?:[A-Za-z\d]{1,12})){1,6}(?!\w)")
_RUNS = pattern(r"[A-Za-z]+|\d+")
_INCREMENT = pattern(r"([A-Za-z])\+\+(?![\w+])")
_DECIMAL = pattern(r"([A-Za-z]{1,8})(\d{1,4}(?:\.\d{1,4}){1,3})(?!\w|\.\d)")
_FROM_TO = pattern(r"([A-Z]{1,2})(\d{1,3})[-–]\1(\d{1,3})(?![\w-])")
_JET = pattern(r"(?P<type>7[0-8]7)(?:-(?P<series>\d{1,3}00|\d))?(?P<ending>'s|s)?(?![\w%]|[-.,:/]\d)")
_CANDIDATE = pattern(r"[A-Za-z]{1,12}(?:[\d+/–-]|\. ?\d)|(?:Del|del|Esc|esc|Ctrl|Cmd)\b")
_VERSION = pattern(
    r"(?:v|V|ver\. ?|Ver\. ?)(?P<number>\d{1,4}(?:\.\d{1,6}){0,5})(?P<suffix>-?(?:alpha|beta|rc|b|a)\.?\d{0,3})?(?!\w)"
)
_SOFTWARE = pattern(rf"\b{context('software')}(?:\.?|\.js) ?[-/]?$", re.IGNORECASE)
_NUMBERS = pattern(r"(?P<number>\d{1,4}(?:\.\d{1,6}){1,5})(?P<suffix>-?(?:alpha|beta|rc)\.?\d{0,3})?(?![\w%]|\.\d)")
_SLASHED = pattern(r"(?P<name>[A-Z]{3,5})/(?P<number>\d(?:\.\d)?)(?![\w/]|\.\d)")
_KEYS = {
    "ctrl": "control",
    "cmd": "command",
    "alt": "alt",
    "shift": "shift",
    "opt": "option",
    "esc": "escape",
    "del": "delete",
    "fn": "function",
}
_KEY = pattern(
    r"(?P<name>[A-Za-z]{2,5})(?P<mark>[+-])(?=[A-Z\d]|(?:[a-z]\b)|(?:[Aa]lt|[Ss]hift|[Dd]el|[Cc]md|[Tt]ab|[Ee]nter|[Ee]sc)\b)"
)
_KEY_LAST = pattern(r"(?P<name>[Dd]el|[Ee]sc|Ctrl|Cmd)\b")
_OPTION = pattern(r"(?P<dashes>--?)(?P<name>[A-Za-z\d][A-Za-z\d]{0,20}(?:-[a-z\d]{1,20}){0,4})(?![\w-])(?P<value>=(?=\w))?")
_OPTION_BEFORE = pattern(r"(?<![\w-])--?[A-Za-z][\w-]{0,20}[ =](?:or |and )?\S{0,20} ?$|\w\.\w{1,5} $")
_NEAR = 44
_ORDINALS = frozenset("st nd rd th ST ND RD TH s am pm AM PM".split())
_SERIES = frozenset("bcdeijnpqrtuyz")
_PLAN = pattern(
    r"(?P<number>40[13])(?:\((?P<letter>[a-z])\)|-?(?P<bare>k))(?P<plural>'?s)?(?!\w)|(?P<law>\d{1,4})\((?P<part>[a-k])\)(?:\((?P<item>\d)\))?(?![\w(])"
)
_RESOLUTION = pattern(rf"([2-8])K(?= (?:{context('screen')}|{context('recording')})\b)")
_OIL = pattern(r"(\d{1,2})W-(\d{2})(?!\w)")
_WIRELESS = pattern(r"802\.(1|3|11|15)([a-z]{0,2})(?!\w)")
_WORD_FROM = 4
_SERIAL = 3


def read(text: str, place: int) -> Verbalization | None:
    """Return the reading of a code, version, key combination or option at `place`, or None."""
    character = text[place]
    if character == "-":
        return _option(text, place)
    if not begins_word(text, place):
        return None
    if character.isdigit():
        return _version_number(text, place) or _serial(text, place)
    if not _CANDIDATE.match(text, place):
        return None
    return _version(text, place) or _key(text, place) or _name(text, place)


def read_type(text: str, place: int) -> Verbalization | None:
    """Return the reading of a type that looks like a measure (747s, 401k, 4K video, 10W-40, 802.11ac), or None."""
    if not begins_word(text, place) or (place > 1 and text[place - 1] in ".,$" and text[place - 2].isalnum()):
        return None
    return _plan(text, place) or _jet(text, place) or _grade(text, place)


def _grade(text: str, place: int) -> Verbalization | None:
    """Return the reading of a resolution, a grade of oil, or a wireless standard."""
    if match := _RESOLUTION.match(text, place):
        return Verbalization(match.end(), (*cardinal(match[1]), "K."), "code", "resolution")
    if match := _OIL.match(text, place):
        return Verbalization(match.end(), (*cardinal(match[1]), "W.", *cardinal(match[2])), "code", "grade of oil")
    if match := _WIRELESS.match(text, place):
        return Verbalization(
            match.end(), (*pairs("802"), "dot", *cardinal(match[1]), *spell(match[2])), "code", "wireless standard"
        )
    return None


def read_rest(text: str, place: int) -> Verbalization | None:
    """Return the reading of a number with letters that is no measure, time or ordinal."""
    match = _DIGITS_FIRST.match(text, place) if begins_word(text, place) else None
    if not match:
        return None
    return Verbalization(match.end(), _code(match[0]), "code", "digits and letters")


def _plan(text: str, place: int) -> Verbalization | None:
    """Return the reading of a section of the tax law, such as 401(k) or 501(c)(3)."""
    match = _PLAN.match(text, place)
    if not match:
        return None
    letter = (match["letter"] or match["bare"] or match["part"]).upper() + "."
    words = (*pairs(match["number"] or match["law"]), letter + ("'s" if match["plural"] else ""))
    return Verbalization(
        match.end(), (*words, *(cardinal(match["item"]) if match["item"] else ())), "code", "section with a letter"
    )


def _jet(text: str, place: int) -> Verbalization | None:
    """Return the reading of a type of airliner, such as 747's or 737-800."""
    match = _JET.match(text, place)
    if not match or not (
        match["series"] or match["ending"] or previous_word(text, place) in ("a", "Boeing", "A", "the", "The", "first", "new")
    ):
        return None
    if match["series"] and previous_word(text, place).lower() in ("from", "between", "pages", "of", "about", "some"):
        return None
    words = pairs(match["type"]) + (pairs(match["series"]) if match["series"] else ())
    ending = match["ending"] or ""
    last = words[-1]
    plural = last[:-1] + "ies" if ending == "s" and last.endswith("y") else last + ending
    return Verbalization(match.end(), (*words[:-1], plural), "code", "type of an airliner")


def _version(text: str, place: int) -> Verbalization | None:
    match = _VERSION.match(text, place)
    if match:
        words = ("V.", *_version_words(match["number"]), *_suffix(match["suffix"]))
        return Verbalization(match.end(), words, "version", "v and a number")
    match = _SLASHED.match(text, place)
    if match:
        return Verbalization(
            match.end(), (*spell(match["name"]), *_version_words(match["number"])), "version", "name, slash and version"
        )
    return None


def _version_number(text: str, place: int) -> Verbalization | None:
    """Return the reading of a number with full stops after a word such as Python, or with two or more full stops."""
    match = _NUMBERS.match(text, place)
    if not match or (place and text[place - 1] in "$£€-"):
        return None
    if match["number"].count(".") == 1 and not (match["suffix"] or _SOFTWARE.search(text, max(0, place - 24), place)):
        return None
    return Verbalization(
        match.end(), (*_version_words(match["number"]), *_suffix(match["suffix"])), "version", "numbers of a version"
    )


def _version_words(number: str) -> Words:
    first, *rest = number.split(".")
    return (
        *cardinal(first),
        *(word for part in rest for word in ("point", *(cardinal(part) if len(part) < 3 else digits(part)))),
    )


def _suffix(suffix: str | None) -> Words:
    if not suffix:
        return ()
    name, number = re.findall("[a-z]+", suffix)[0], re.findall(r"\d+", suffix)
    return (*(spell(name) if len(name) < _SERIAL else (name,)), *(cardinal(number[0]) if number else ()))


def _key(text: str, place: int) -> Verbalization | None:
    """Return the name of a key, with "plus" before another."""
    if match := _KEY.match(text, place):
        name = _KEYS.get(match["name"].lower())
        if name and (match["mark"] == "+" or match["name"].lower() in ("ctrl", "cmd", "alt")):
            plus = ("plus",) if match["mark"] == "+" else ()
            return Verbalization(match.end(), (name, *plus), "code", "key combination")
    match = _KEY_LAST.match(text, place)
    if match and re.search(r"[+]|[Pp]ress $|[Hh]it $|the $", text[max(0, place - 6) : place]):
        return Verbalization(match.end(), (_KEYS[match["name"].lower()],), "code", "name of a key")
    return None


def _name(text: str, place: int) -> Verbalization | None:
    """Return the reading of letters with digits, such as MP3, A1B2 or F-150."""
    if match := _DECIMAL.match(text, place):
        return Verbalization(match.end(), (*_letters(match[1]), *_version_words(match[2])), "code", "letters and decimal number")
    if match := _FROM_TO.match(text, place):
        words = (*_code(match[1] + match[2]), "to", *_code(match[1] + match[3]))
        return Verbalization(match.end(), words, "range", "letters and numbers from one to another")
    if (match := _MIXED.match(text, place)) and any(map(str.isdigit, match[0].split("-")[0])) and _is_serial(match[0]):
        return Verbalization(match.end(), _parts(match[0]), "code", "letters and digits with hyphens")
    if match := _LETTERS_FIRST.match(text, place):
        style = style_before(text, place)
        return Verbalization(
            match.end(), _code(match[0], serial=style is not None and style.name == "digits"), "code", "letters and digits"
        )
    if match := _INCREMENT.match(text, place):
        return Verbalization(match.end(), (*spell(match[1]), "plus", "plus"), "code", "letter and two plus signs")
    match = _HYPHENED.match(text, place)
    if match and len(match["letters"]) >= _WORD_FROM and len(match["number"]) == _SERIAL and match["letters"].istitle():
        return Verbalization(match.end(), (match["letters"], *pairs(match["number"])), "code", "name and number")
    if match and len(match["letters"]) == _SERIAL and len(match["number"]) < _SERIAL and cmu_has(match["letters"].lower()):
        return None
    if match and len(match["letters"]) <= (_WORD_FROM if len(match["number"]) > 2 else _SERIAL) and match["letters"].isupper():
        after = _code(match["after"])
        return Verbalization(
            match.end(), (*_letters(match["letters"]), *pairs(match["number"]), *after), "code", "letters and number of a type"
        )
    return None


def _serial(text: str, place: int) -> Verbalization | None:
    """Return the reading of three or more runs of digits and letters, or of letters and digits with hyphens."""
    match = _DIGITS_FIRST.match(text, place)
    if match:
        runs = _RUNS.findall(match[0])
        style = style_before(text, place)
        serial = style is not None and style.name == "digits"
        if len(runs) == 2 and runs[1] in (_SERIES if len(runs[0]) == _SERIAL else "pi" * (len(runs[0]) > _SERIAL)):
            return Verbalization(match.end(), (*pairs(runs[0]), *spell(runs[1])), "code", "number and letter of a type")
        if len(runs) < _SERIAL and not (serial and runs[-1] not in _ORDINALS):
            return None
        if len(runs) >= _SERIAL and all(run.isdigit() or run in ("h", "m", "s", "x", "d", "min", "ft", "in") for run in runs):
            return None
        if len(runs) == _SERIAL + 1 and runs[1].islower() and runs[1] == runs[3]:
            return None
        return Verbalization(match.end(), _code(match[0], serial=True), "code", "digits and letters")
    match = _MIXED.match(text, place)
    if match and re.search("[A-Za-z]", match[0]) and _is_serial(match[0]):
        return Verbalization(match.end(), _parts(match[0]), "code", "digits and letters with hyphens")
    return None


def _parts(written: str) -> Words:
    return tuple(word for part in written.split("-") for word in _code(part, serial=True))


def _is_serial(written: str) -> bool:
    """Return True for parts of which two or more have digits, and none is a word."""
    parts = written.split("-")
    letters = [run for run in _RUNS.findall(written) if run.isalpha()]
    return sum(any(map(str.isdigit, part)) for part in parts) >= 2 and all(run.isupper() or len(run) == 1 for run in letters)


def _code(written: str, serial: bool = False) -> Words:
    """Return letters and numbers of a code. In a serial number, three or more digits are read one by one."""
    runs = _RUNS.findall(written)
    words: Words = ()
    for run in runs:
        if run.isalpha():
            words += _letters(run)
        elif (serial or sum(map(str.isdigit, runs)) > 1) and (len(run) >= _SERIAL or run[0] == "0"):
            words += cardinal(run) if run.strip("0") in "123456789" and run.endswith("000") and len(run) == 4 else digits(run)
        else:
            words += pairs(run)
    return words


def _letters(run: str) -> Words:
    """Return a run of letters as words if it is a word, else letter by letter."""
    pieces = mixed_case_parts(run) if len(run) > 2 and not run.isupper() and not run.islower() else [run]
    words: Words = ()
    for piece in pieces:
        known = cmu_has(piece.lower())
        word = len(piece) >= _WORD_FROM and re.search("[aeiouyAEIOUY]", piece) and (known or not piece.isupper())
        words += (piece,) if word or (len(piece) == _SERIAL and known and not piece.isupper()) else spell(piece)
    return words


def _option(text: str, place: int) -> Verbalization | None:
    """Return the reading of an option of a command: dash l a, dash dash help."""
    if place == 0 or text[place - 1] not in " \n'\"(`":
        return None
    match = _OPTION.match(text, place)
    if not match:
        return None
    name = match["name"]
    if name.isdigit() and previous_word(text, place) not in _commands():
        return None
    if not _commanded(text, place) and not (len(name) == 1 and previous_word(text, place) in ("the", "with", "or", "and", "use")):
        return None
    dashes = ("dash",) * len(match["dashes"])
    short = len(name) <= _SERIAL and match["dashes"] == "-"
    words = spell(name) if short and name.isalpha() else tuple(word for part in name.split("-") for word in _code(part))
    value = ("equals",) if match["value"] else ()
    return Verbalization(match.end(), (*dashes, *words, *value), "code", "option of a command")


@cache
def _commands() -> dict[str, str]:
    return {word: kind for words, kind in rows("commands") for word in words.split("|")}


def _commanded(text: str, place: int) -> bool:
    """Return True after a command of a shell, or after another option."""
    before = text[max(0, place - _NEAR) : place]
    if previous_word(text, place) in _commands() or _OPTION_BEFORE.search(before):
        return True
    return any(
        _commands().get(word) == "tool" for word in re.findall(r"(?<![\w.])[a-z]+(?= )", re.split(r"[.,;!?] ", before)[-1])
    )


TYPES = SemioticClass("code", read_type, characters="0123456789")
CLASS = SemioticClass("code", read, characters="0123456789-", words=frozenset({"v", *_KEYS}), marked=True)
REST = SemioticClass("code", read_rest, characters="0123456789")
