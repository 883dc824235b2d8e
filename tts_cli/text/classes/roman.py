"""Roman numerals: rulers, chapters, wars, centuries, lists, ranges and years."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

from tts_cli.text import tables
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word, is_shouted
from tts_cli.text.numbers import Words, cardinal, ordinal, year
from tts_cli.text.patterns import pattern
from tts_cli.text.stops import is_name, is_starter, word_after, word_before

_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_STEPS = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"),
    (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip
_NUMERAL = pattern(r"([IVXLCDM]{1,15}|[ivxl]{1,8})(?:(th|st|nd|rd)\b|(?![\w@]|'(?!s\b)))")
_SECOND_ITEM = pattern(r"[\s(]ii[.)]")
_SUBSECTION = pattern(r"\.(?=[A-Z\d]{1,2}(?![\w.]))")
_HYPHENED = pattern(r"-([A-Za-z]{3,12})")
_RANGE = pattern(r" ?(?:–|--|-) ?([IVXLC]{1,8}|[ivxl]{1,8})(?![\w'])")
_LIST_AFTER = pattern(r"(?:,? (?:and|or|to|through|&) |, ?|/)([IVX]{2,8})(?![\w'])")
_LIST_BEFORE = pattern(r"(?<![\w'])([IVX]{2,8})(?:,? (?:and|or|to|through|&) |, ?|/)$")
_PLAIN_BEFORE = pattern(r"(?<![\w'])([A-Za-z]+)\.? ([IVX]{1,8})(?:, (?:[IVX]{1,8}, ){0,6}| )(?:and |or |to |through |& )$")
_FAMILY = pattern(r"([A-Z][a-z]+)(?: [A-Z]\.?)? [A-Z][A-Za-z'-]+,? $")
_TITLED = pattern(r"([A-Z][a-z]+(?:-[A-Z][a-z]+)?)(?: [A-Z][a-z]+){1,2} $")
_SMALL = frozenset("i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx xxi xxii xxiii xxiv xxv".split())
_SMALL_WORD = pattern(r" (?!(?:and|or|to|through) )[a-z]")
_DRIP = frozenset(
    "drip drips line lines fluid fluids therapy bag bags pole needle catheter antibiotics drug drugs injection access".split()
)
_AMBIGUOUS = frozenset(
    "MI DI CC CI LI XL CV CD MD DC MC CM MM DM ML DL LL XX XXL XXX LX MIX CL DV LC DX MX VC IC LV IV CX XI".split()
)
"""Numerals that are letters or words after a capitalised word."""
_LARGEST_SMALL = 89
_ITEM_LENGTH = 400


def value(text: str) -> int:
    """Return the value of a Roman numeral in capitals; 0 for other text."""
    values = [_VALUES.get(character, 0) for character in text]
    total = sum(-one if one < after else one for one, after in pairwise([*values, 0]))
    return total if 0 not in values and _written(total) == text else 0


def _written(number: int) -> str:
    text = ""
    for amount, letters in _STEPS:
        count, number = divmod(number, amount)
        text += letters * count
    return text


def read(text: str, place: int) -> Verbalization | None:
    """Read the Roman numeral at `place`; None if the letters are a word, a name or the names of letters."""
    match = _NUMERAL.match(text, place)
    if not match or not begins_word(text, place) or (match[0] == "I" and _is_pronoun(text, place, match.end())):
        return None
    number = value(match[1].upper())
    if not number or (match[1] == "I" and text.startswith("'", match.end()) and not text.startswith("'s", match.end())):
        return None
    if match[2]:
        suits = ordinal(str(number))[-1][-2:] == match[2] and match[1].isupper() and len(match[1]) > 1
        return _reading(match.end(), ordinal(str(number)), "ordinal") if suits else None
    return _numeral(text, place, match.end(), match[1], number)


def _numeral(text: str, start: int, end: int, written: str, number: int) -> Verbalization | None:
    before, after = (word_before(text, start) or _hyphened(text, start)).rstrip("."), word_after(text, end)
    if _SUBSECTION.match(text, end) and _is_numbered(text, end, before, written, "", number):
        return _reading(end + 1, cardinal(str(number)), "numeral before the letter of a section")
    if text.startswith(".", end) and text[end + 1 : end + 2].isalnum():
        return None
    if found := _ranged(text, end, before, written, number):
        return found
    if (
        written.isupper()
        and after.lower() in _nouns("ordinal")
        and len(written) > 1
        and number < 100
        and _is_ordinal(before, after)
    ):
        return _reading(end, ordinal(str(number)), "ordinal before a noun")
    if written.isupper() and _is_ruler(text, start, end, before, written, after):
        return _reading(end, ("the", *ordinal(str(number))), "name of a ruler")
    if written.isupper() and _is_second_ruler(text, start, written):
        return _reading(end, ("the", *ordinal(str(number))), "name of a ruler")
    if _is_item(text, start, end, written) or _is_abbreviated(text, start, before, number):
        return _reading(end, cardinal(str(number)), "numeral of an item")
    if _is_numbered(text, end, before, written, after, number) or _is_listed(text, start, end, written):
        return _reading(end, cardinal(str(number)), "numeral after a noun")
    if _is_year(written, number):
        return _reading(end, year(str(number)), "year")
    if _is_alone(text, start, end, before, written, after, number):
        return _reading(end, cardinal(str(number)), "numeral")
    return None


def _hyphened(text: str, start: int) -> str:
    """Return the word before a hyphen: "Type-II"."""
    found = _HYPHENED.match(text[max(0, start - 14) : start][::-1])
    return found[1][::-1] if found else ""


def _is_pronoun(text: str, start: int, end: int) -> bool:
    """Return True before a small letter if neither a name nor a noun such as "chapter" is before."""
    if not _SMALL_WORD.match(text, end):
        return False
    before = word_before(text, start).rstrip(".")
    if before[:1].isupper() and is_name(before):
        return False
    noun = before.lower()
    return not (noun in _nouns("roman") or noun in _nouns("both") or noun in _nouns("stopped"))


def _reading(end: int, words: Words, rule: str) -> Verbalization:
    return Verbalization(end, words, "roman", rule)


def _ranged(text: str, end: int, before: str, written: str, number: int) -> Verbalization | None:
    """Read a range of two numerals: "IV–VI"."""
    match = _RANGE.match(text, end)
    if not match or match[1].isupper() != written.isupper():
        return None
    last = value(match[1].upper())
    noun = before.lower() in _nouns("roman") or before.lower() in _nouns("both") or before in _nouns("stopped")
    if last <= number or not (noun or (written.isupper() and len(match[1] + written) > 2 and last < _LARGEST_SMALL)):
        return None
    ordinals = word_after(text, match.end()) in ("century", "centuries")
    say = ordinal if ordinals else cardinal
    return _reading(match.end(), (*say(str(number)), "to", *say(str(last))), "range of numerals")


def _is_ordinal(before: str, after: str) -> bool:
    return after.lower().startswith("centur") or (before.lower() == "the" and after[:1].isupper())


def _is_ruler(text: str, start: int, end: int, before: str, written: str, after: str) -> bool:
    if not is_name(before) or value(written) > _LARGEST_SMALL or written in ("C", "D", "L", "M"):
        return False
    titled = _TITLED.search(text, max(0, start - 60), start)
    if titled and titled[1] in _people("titles") and before not in _people("titles"):
        return True
    if _is_initial(text, end):
        return False
    if before in _people("rulers"):
        return _follows(text, end, written, after) and written != "X"
    family = _FAMILY.search(text, max(0, start - 60), start)
    person = family and (family[1] in _people("rulers") or family[1] in _people("given"))
    return len(written) > 1 and written not in ("MD", "DC", "CC") and bool(person or before in _people("given"))


def _is_second_ruler(text: str, start: int, written: str) -> bool:
    """Return True in "Charles I and II"."""
    first = _PLAIN_BEFORE.search(text, max(0, start - 60), start)
    return first is not None and first[1] in _people("rulers") and 0 < value(first[2]) < value(written)


def _is_initial(text: str, end: int) -> bool:
    """Return True before a full stop and a name: "George V. Higgins"."""
    name = text.startswith(".", end) and is_name(word_after(text, end + 1)) and not is_starter(text, end + 1)
    return name and text[end - 2 : end - 1] == " "


def _follows(text: str, end: int, written: str, after: str) -> bool:
    """Return False if "I" is the pronoun, before a verb such as "think"."""
    return written != "I" or not (text.startswith(" ", end) and after.removesuffix("n't") in _nouns("verbs") - _nouns("past"))


def _is_numbered(text: str, end: int, before: str, written: str, after: str, number: int) -> bool:
    noun = before.lower()
    roman, both = noun in _nouns("roman"), noun in _nouns("both")
    if written == "V" and len(before) > 2 and before.isupper():
        return not is_shouted(text, end - 1, end)
    if not (roman or both) or number > _LARGEST_SMALL:
        return False
    if len(written) > 1:
        return True
    if written.upper() in "LCDM" or (both and written.upper() == "X"):
        return False
    if written in "ivx":
        return noun not in ("act", "part", "line", "figure", "type", "class", "group")
    if written != "I":
        return True
    if before.islower():
        return after.lower() in _nouns("after") or (not after and before not in ("war", "part", "line", "act", "book"))
    if not text.startswith(" ", end) or after not in _nouns("verbs"):
        return True
    return after in _nouns("past") and noun in ("war", "bowl", "chapter", "act", "scene", "volume")


def _is_abbreviated(text: str, start: int, before: str, number: int) -> bool:
    """Return True after "No.", "Fig." and the like."""
    return before.lower() in _nouns("stopped") and text[start - 2 : start - 1] == "." and number < _LARGEST_SMALL


def _is_item(text: str, start: int, end: int, written: str) -> bool:
    """Return True for the number of an item in small letters, "(ii)", or "ii." at the start of a line. "i" needs a later "ii"."""
    if not written.islower() or (len(written) == 1 and written != "i"):
        return False
    bracketed = text[start - 1 : start] == "(" and text[end : end + 1] == ")"
    line = text[max(0, start - 1) : start] in ("", "\n") and text[end : end + 2] in (". ", ") ")
    if not (bracketed or line):
        return False
    return written != "i" or bool(_SECOND_ITEM.search(text, end, end + _ITEM_LENGTH))


def _is_listed(text: str, start: int, end: int, written: str) -> bool:
    """Return True in a list with a clear numeral: "I, II, and III", "Types I and II"."""
    if not written.isupper() or set(written) - set("IVX"):
        return False
    after = _LIST_AFTER.match(text, end)
    if after and value(after[1]) == value(written) + 1:
        return True
    earlier = _LIST_BEFORE.search(text, max(0, start - 20), start)
    if earlier and 0 < value(earlier[1]) < value(written):
        return True
    first = _PLAIN_BEFORE.search(text, max(0, start - 60), start)
    if not first:
        return False
    noun = first[1].lower()
    return (noun in _nouns("roman") or noun in _nouns("both")) and 0 < value(first[2]) < value(written)


def _is_year(written: str, number: int) -> bool:
    return written[0] == "M" and 1000 < number <= 2100 and len(written) >= (3 if number > 2000 else 4)


def _is_alone(text: str, start: int, end: int, before: str, written: str, after: str, number: int) -> bool:
    """Return True for a numeral of two letters or more that is no word: "Rocky III", "the VII"."""
    if not written.isupper() or len(written) < 2 or number > _LARGEST_SMALL or is_shouted(text, start, end):
        return False
    if after.lower() in _DRIP or before.lower() in ("an", "via", "by"):
        return False
    name = before[:1].isupper() and (is_name(before) or before.isupper())
    if name and written not in _AMBIGUOUS:
        return True
    return (name and written in ("IV", "IX", "XX")) or (
        not set(written) - set("IVX") and written not in ("IV", "VI", "XI", "XX", "XXX", "IX")
    )


@cache
def _nouns(kind: str) -> frozenset[str]:
    return frozenset(word for row in tables.rows("numbered") if row[0] == kind for word in row[1].split())


@cache
def _people(kind: str) -> frozenset[str]:
    return frozenset(word for row in tables.rows("monarchs") if row[0] == kind for word in row[1].split())


def is_letter_noun(word: str) -> bool:
    """Return True if a single letter after `word` is a letter: "vitamin C"."""
    return word.lower() in _nouns("letter") or word.lower() in _nouns("both")


CLASS = SemioticClass("roman", read, words=_SMALL, marked=True)
