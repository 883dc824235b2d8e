"""Phones in IPA, X-SAMPA (Wells 1995) and variants of the CMU set, mapped to the phones of the models."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Literal

from tts_cli.errors import TextError
from tts_cli.text import tables
from tts_cli.text.phones import PHONES, VOWELS, parse_phones

Notation = Literal["arpabet", "ipa", "x-sampa"]
"""Notation of phones: that of the CMU dictionary (also without stress), IPA, or X-SAMPA."""
NOTATIONS: tuple[Notation, ...] = ("arpabet", "ipa", "x-sampa")
_ARPABET = frozenset((*PHONES, *VOWELS))
_STRESSES = {
    "ipa": {"ˈ": "1", "'": "1", "ˌ": "2", ",": "2"},
    "x-sampa": {'"': "1", "'": "1", "%": "2"},
}
_COLUMNS = {"ipa": 1, "x-sampa": 2}
_IGNORED = {
    # Modifier letters, combining marks, and signs of syllables and length.
    "ipa": re.compile(r"[\u02b0-\u02ff\u0300-\u036f\u1d43-\u1dbf.:‿|\-]"),
    "x-sampa": re.compile(r"_.|[.:~\-|`]"),
}
_TIES = re.compile("[\u0361\u035c]")
_POSITION = re.compile(r"_[BIES]$")


def read_phones(text: str, source: str, notation: Notation | None = None) -> tuple[str, ...]:
    """Return the phones of a word.

    Args:
        text: Phones in any notation. Spaces between phones are needed in ARPAbet alone.
        source: Place of the text, for the error message.
        notation: Notation of `text`; None finds it out.

    Raises:
        TextError: A phone is unknown, or there is none.
    """
    found = notation or guess_notation(text)
    if found == "arpabet":
        return parse_phones(text, source)
    bare = unicodedata.normalize("NFKC" if found == "x-sampa" else "NFC", text).strip().strip("/[]")
    try:
        phones = [part for chunk in bare.split() for part in _segments(chunk, found)]
    except KeyError as error:
        raise _unknown(error.args[0], found, source) from None
    if not any(phone not in "012" for phone in phones):
        raise TextError(f"{source}: no phones", hint=f"write the phones of the word in {_NAMES[found]}")
    return _with_rhotics(_stressed(phones))


def guess_notation(text: str) -> Notation:
    """Return the most likely notation of the phones of a word.

    Letters beyond ASCII are IPA. Names of the CMU set, between spaces, are ARPAbet, unless they have no vowel there and one in
    X-SAMPA, as "b V t" has. The rest is X-SAMPA if it can be read so.
    """
    if not text.isascii():
        return "ipa"
    names = text.upper().split()
    known = [name.rstrip("012") in _ARPABET for name in names]
    has_vowel = any(name.rstrip("012") in VOWELS for name in names)
    if all(known) and (has_vowel or not _has_vowel(text)):
        return "arpabet"
    return "x-sampa" if _has_vowel(text) else "arpabet"


def _has_vowel(text: str) -> bool:
    """Return whether `text` can be read as X-SAMPA, with a vowel."""
    try:
        phones = [phone for chunk in text.strip().strip("/[]").split() for phone in _segments(chunk, "x-sampa")]
    except KeyError:
        return False
    return any(phone.rstrip("012") in VOWELS for phone in phones)


def label_notation(labels: Iterable[str]) -> Notation:
    """Return the notation in which most of the labels of an alignment, one phone each, can be read."""
    different = set(labels)
    return max(NOTATIONS, key=lambda notation: sum(is_phone(label, notation) for label in different))


def is_phone(label: str, notation: Notation) -> bool:
    """Return whether the label of an alignment is a phone in `notation`."""
    try:
        return bool(label_phones(label, notation))
    except KeyError:
        return False


@lru_cache(2048)
def label_phones(label: str, notation: Notation) -> tuple[str, ...]:
    """Return the phones of one label of an alignment, vowels with or without stress, as the label has it.

    A label may stand for two phones, as "ɪə" for "IH R". Raises KeyError for an unknown one.
    """
    if notation == "arpabet":
        name = _POSITION.sub("", label)
        if not (name.isupper() or name.islower()):
            raise KeyError(label)
        name = name.upper()
        return (name,) if name in _ARPABET else _others()[name]
    marks = "".join(_STRESSES[notation])
    bare = unicodedata.normalize("NFC", label).strip(marks)
    return tuple(phone for phone in _segments(bare, notation) if phone not in "012")


def unknown_label(label: str, source: str) -> TextError:
    """Return the error for a label of an alignment that is no phone, at the place `source`."""
    return TextError(
        f"{source}: '{label}' is no phone that can be mapped",
        hint="labels are phones of the CMU dictionary, IPA or X-SAMPA of English; silence is empty, sp or sil",
    )


_NAMES = {"arpabet": "ARPAbet", "ipa": "IPA", "x-sampa": "X-SAMPA"}


def _unknown(symbol: str, notation: Notation, source: str) -> TextError:
    return TextError(
        f"{source}: '{symbol}' is no {_NAMES[notation]} symbol of English that can be mapped",
        hint="write the nearest English sound, or the phones of the CMU dictionary: TIE  T AY1",
    )


@cache
def _symbols(notation: Notation) -> tuple[dict[str, tuple[str, ...]], int]:
    """Return phones by symbol, and the length of the longest symbol."""
    column = _COLUMNS[notation]
    found = {}
    for row in tables.rows("phone_sets"):
        for symbol in row[column].split("|"):
            found[unicodedata.normalize("NFC", symbol)] = tuple(row[0].split())
    return found, max(map(len, found))


@cache
def _others() -> dict[str, tuple[str, ...]]:
    """Return phones by the further names that alignments have for them."""
    rows = [row for row in tables.rows("phone_sets") if row[3] != "-"]
    return {name: tuple(row[0].split()) for row in rows for name in row[3].split("|")}


def _segments(chunk: str, notation: Notation) -> Iterator[str]:
    """Yield the phones and stress marks ("1", "2") of a chunk without spaces. Raises KeyError with an unknown symbol."""
    symbols, longest = _symbols(notation)
    chunk = _TIES.sub("", chunk)
    place = 0
    while place < len(chunk):
        size = next((size for size in range(longest, 0, -1) if chunk[place : place + size] in symbols), 0)
        if size:
            yield from symbols[chunk[place : place + size]]
        elif mark := _STRESSES[notation].get(chunk[place]):
            size = 1
            yield mark
        elif ignored := _IGNORED[notation].match(chunk, place):
            size = len(ignored[0])
        else:
            raise KeyError(chunk[place])
        place += size


def _stressed(parts: Sequence[str]) -> list[str]:
    """Return the phones of a word with stress digits. A mark stresses the next vowel; without marks, the first full one."""
    phones: list[str] = []
    stress, is_marked = "", any(part in ("1", "2") for part in parts)
    for part in parts:
        if part in ("1", "2"):
            stress = part
        elif part.rstrip("012") in VOWELS:
            phones.append(part.rstrip("012") + (stress or ("" if not is_marked and part in VOWELS else "0")))
            stress = ""
        else:
            phones.append(part)
    first = phones.index(next((phone for phone in phones if phone in VOWELS), phones[0]))
    return [phone + ("1" if place == first else "0") if phone in VOWELS else phone for place, phone in enumerate(phones)]


def _with_rhotics(phones: Sequence[str]) -> tuple[str, ...]:
    """Return the phones with schwa and R as one ER0, as in the CMU dictionary, and with one R instead of two."""
    result: list[str] = []
    for phone in phones:
        if phone == "R" and result and result[-1] == "AH0":
            result[-1] = "ER0"
        elif not (phone == "R" and result and result[-1] in ("R", "ER0", "ER1", "ER2")):
            result.append(phone)
    return tuple(result)


def with_stress(phones: Sequence[str], known: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return `phones` with stress digits on all vowels.

    Args:
        phones: Phones of a word, as an alignment has them.
        known: Pronunciations of the word. One that agrees gives the stress; also that of a flap (IPA "ɾ"), which may be T or D.
    """
    if all(phone in PHONES for phone in phones):
        return tuple(phones)
    bases = [_base(phone) for phone in phones]
    for one in known:
        if [_base(phone) for phone in one] == bases:
            return tuple(one)
    vowels = [place for place, phone in enumerate(phones) if phone.rstrip("012") in VOWELS]
    digits = next((found for one in known if len(found := _digits(one)) == len(vowels)), ["1", *"0" * len(vowels)])
    lent = dict(zip(vowels, digits, strict=False))
    return tuple(phone + lent[place] if phone in VOWELS else phone for place, phone in enumerate(phones))


def _base(phone: str) -> str:
    """Return the phone without stress, T and D as one."""
    return "T" if phone == "D" else phone.rstrip("012")


def _digits(phones: Sequence[str]) -> list[str]:
    return [phone[-1] for phone in phones if phone[-1] in "012"]
