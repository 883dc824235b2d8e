"""Unicode text to the characters of the normaliser: ASCII, newlines and signs with a meaning.

Letters of other scripts are left out and noted, word by word; a single one, such as a Greek variable, becomes its name.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from tts_cli.errors import TextError

CURRENCIES = "$£€¥₹¢₩₽₺₴₪₫₱฿₦₿"
SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ"
SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"
FRACTIONS = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅐⅑⅒"
SIGNS = "–−°×÷·±≈≠≤≥√∛∞µπΩ∑∫∂∆∇∈∴‰§¶†‡•♭♮♯♠♣♥♦′″→←↔⇒©"
"""Signs with a meaning: "–" is a range or a pause, "−" a minus, "′" and "″" feet and inches or minutes and seconds."""
KEPT = CURRENCIES + SUPERSCRIPTS + SUBSCRIPTS + FRACTIONS + SIGNS
_SPELLINGS = {
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "ʼ": "'", "´": "'", "ʹ": "'",
    "“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"', "‹": '"', "›": '"',
    "‐": "-", "‑": "-", "‒": "-", "—": " -- ", "―": " -- ", "…": "...", "¿": " ", "¡": " ",
    "。": ". ", "、": ", ", "，": ", ", "？": "? ", "！": "! ", "；": "; ", "：": ": ",
    "№": "No. ", "∗": "*", "∙": "·", "⋅": "·", "●": "•", "▪": "•", "‣": "•", "◦": "•", "⟶": "→", "➔": "→", "➜": "→", "➡": "→",
    "❤": "♥", "♡": "♥", "\u2126": "Ω",
    "∕": "/", "∶": ":", "∼": "~", "∣": "|", "≪": "<", "≫": ">", "⩽": "≤", "⩾": "≥", "≦": "≤", "≧": "≥", "≅": "≈", "≃": "≈",
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
    "ð": "th", "Ð": "Th", "þ": "th", "Þ": "Th", "ı": "i", "ŋ": "ng", "ĸ": "k", "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T",
    "μ": "µ", "℃": "°C", "℉": "°F", "⁄": "/", "™": "", "®": "", "℠": "",
    "\u200b": "", "\u200c": "", "\u200d": "", "\u00ad": "", "\ufeff": "",
    "\ufe0f": "",
}  # fmt: skip
_STRANGE = re.compile(rf"[^\x20-\x5f\x61-\x7e\n{re.escape(KEPT)}]")
_LATIN = re.compile("[A-Za-z]")
_GREEK_SIGNS = "πµμΩ"
_STRANGE_OR_GREEK = re.compile(rf"{_STRANGE.pattern}|[{_GREEK_SIGNS}]")
_LETTER_NAME = re.compile(r"[A-Z]+ (?:SMALL |CAPITAL )?LETTER (?:FINAL )?([A-Z]+)$")
_LATIN_NAME = re.compile(
    r"LATIN (SMALL |CAPITAL )?LETTER (?:SMALL CAPITAL )?(?:TURNED |REVERSED |INVERTED )?([A-Z]{1,2})(?: WITH .*)?$"
)
_EMOJI = re.compile(
    "[\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff][\u200d\ufe0f\u2600-\u27bf\U0001f000-\U0001faff]{0,20}"
)
_LETTER_NAMES = {"LAMDA": "lambda"}
"""Usual names of letters that have another name in Unicode."""
_MOST_QUOTED = 12
_MOST_DISTANT = 3
"""Most characters between two words of one group, such as a comma and a blank."""
_MOST_CACHED = 5000
EMOJI = "emoji"
"""Script of emoji in `Skipped`."""


class Skipped(NamedTuple):
    """Characters of the source text that are not spoken."""

    characters: str
    script: str
    """Names of their scripts, such as "Cyrillic", or "emoji"."""
    place: int
    """Index of the first one in the source text."""

    @property
    def note(self) -> str:
        """Return a line that tells the user about it."""
        reason = "emoji are silent" if self.script == EMOJI else f"{self.script} cannot be read aloud here"
        return f"{_shortened(self.characters)} is left out: {reason} (character {self.place + 1})"


class PlainText(NamedTuple):
    """Text in the characters of the normaliser, with the place of each character in the source text."""

    source: str
    text: str
    skipped: tuple[Skipped, ...] = ()
    """Letters of other scripts and emoji that are left out, in their order."""
    places: tuple[int, ...] = (0,)
    """Starts of the stretches of `text` in which characters lie as in the source."""
    sources: tuple[int, ...] = (0,)
    """Place in the source of each start."""
    fixed: tuple[bool, ...] = (False,)
    """True for a stretch that is made from one character of the source."""

    def start(self, place: int) -> int:
        """Return the place in the source of the character at `place`."""
        stretch = bisect_right(self.places, place) - 1
        return self.sources[stretch] + (0 if self.fixed[stretch] else place - self.places[stretch])

    def end(self, place: int) -> int:
        """Return the place in the source after the character before `place`, with its accents."""
        found = self.start(place - 1) + 1 if place else 0
        while found < len(self.source) and unicodedata.combining(self.source[found]):
            found += 1
        return found

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return start and end in the source of the characters from `start` to `end`."""
        if len(self.places) == 1 and not self.fixed[0]:
            return start, end
        return self.start(start), self.end(end)


def plain(text: str) -> str:
    """Return `text` in ASCII, newlines and KEPT, as `to_plain` does."""
    return to_plain(text).text


def to_plain(text: str) -> PlainText:
    """Return `text` in ASCII, newlines and KEPT.

    Accents and emoji are removed, typographic signs are replaced, letters and digits in circles, small capitals and other shapes
    become ordinary ones. Words of other scripts are left out; a single letter becomes its name, a number its digits.

    Raises:
        TextError: The text has a NUL byte.
    """
    if "\0" in text:
        place = text.index("\0") + 1
        raise TextError(
            f"the text holds a NUL byte (character {place})", hint="give UTF-8 text; this may be a binary file or UTF-16"
        )
    if text.isascii() and text.isprintable() and "`" not in text:
        return PlainText(text, text)
    words = _foreign(text)
    skipped = [*words.skipped, *_emoji(text)]
    return _replaced(text, words.spoken, tuple(sorted(skipped, key=lambda one: one.place)))


def legible(text: str) -> tuple[str, tuple[str, ...]]:
    """Return `text` with blanks for the letters that are left out, and the names of their scripts. All places stay."""
    text = text.replace("\0", " ")
    if text.isascii():
        return text, ()
    words = _foreign(text)
    blanks = {place for place, spoken in words.spoken.items() if not spoken}
    left = "".join(" " if place in blanks else character for place, character in enumerate(text)) if blanks else text
    scripts = (script for one in words.skipped for script in one.script.split(" and "))
    return left, tuple(dict.fromkeys(scripts))


def nothing_left(skipped: tuple[Skipped, ...]) -> TextError | None:
    """Return the error for a text of which only words of other scripts are left out; None if there are none."""
    foreign = [one for one in skipped if one.script != EMOJI]
    if not foreign:
        return None
    scripts = ", ".join(dict.fromkeys(script for one in foreign for script in one.script.split(" and ")))
    quoted = _shortened(" ".join(one.characters for one in foreign))
    return TextError(
        f"the text has only characters of a script that cannot be read aloud here ({scripts}): {quoted}",
        hint="only text in Latin letters can be spoken; write names in Latin letters, or as phones: [[HH AH0 L OW1]]",
    )


class _Foreign(NamedTuple):
    """Letters and digits of other scripts: their spoken forms by place, "" for none, and the words that are left out."""

    spoken: dict[int, str]
    skipped: list[Skipped]


def _replaced(text: str, foreign: dict[int, str], skipped: tuple[Skipped, ...]) -> PlainText:
    parts: list[str] = []
    stretches = [(0, 0, False)]
    done = length = 0
    for place, new in _replacements(text, foreign):
        parts += (text[done:place], new)
        length += place - done + len(new)
        done = place + 1
        if len(new) > 1:
            stretches.append((length - len(new), place, True))
        if len(new) != 1:
            stretches.append((length, done, False))
    parts.append(text[done:])
    places, sources, fixed = zip(*stretches, strict=True)
    return PlainText(text, "".join(parts), skipped, places, sources, fixed)


def _replacements(text: str, foreign: dict[int, str]) -> Iterator[tuple[int, str]]:
    """Yield place and replacement of each character that does not stay."""
    for match in (_STRANGE_OR_GREEK if foreign else _STRANGE).finditer(text):
        place = match.start()
        new = foreign.get(place)
        if new is None:
            new = _folded(match[0]) or ""
            if match[0] == "`":
                new = "'" if text[place - 1 : place].isalpha() and text[place + 1 : place + 2].isalpha() else " "
        padded = len(new) > 1 or (new.isalnum() and unicodedata.category(match[0]) in ("No", "So"))
        if padded and (new.isalpha() if place in foreign else new.isdigit()):
            new = " " * text[place - 1 : place].isalnum() + new + " " * text[place + 1 : place + 2].isalnum()
        yield place, new


@lru_cache(_MOST_CACHED)
def _folded(character: str) -> str | None:
    """Return the readable form of a character; None for a letter or digit of another script."""
    if character in _SPELLINGS:
        return _SPELLINGS[character]
    if not _STRANGE.match(character):
        return character
    if unicodedata.combining(character):
        return ""
    parts = unicodedata.decomposition(character).split()
    if parts:
        codes = [part for part in parts if not part.startswith("<")]
        folded = [_folded(chr(int(code, 16))) for code in codes]
        if None not in folded and (any(folded) or not character.isalnum()):
            return "".join(part or "" for part in folded)
    return _named(character)


def _named(character: str) -> str | None:
    """Return the letter or number that the Unicode name of a character gives, a blank for other signs; None for a letter."""
    name = unicodedata.name(character, "")
    if latin := _LATIN_NAME.search(name):
        return latin[2] if latin[1] == "CAPITAL " else latin[2].lower()
    number = unicodedata.numeric(character, None)
    if number is not None and unicodedata.category(character) == "No" and number == int(number):
        return str(int(number))
    return None if character.isalnum() or unicodedata.category(character) == "Mc" else " "


def _foreign(text: str) -> _Foreign:
    found = _Foreign({}, [])
    if text.isascii():
        return found
    is_latin = bool(_LATIN.search(text))
    for group in _groups(_foreign_words(text), text):
        readings = [_spelled(text[start:end], is_latin) for start, end in group]
        is_spoken = all(readings)
        for (start, end), reading in zip(group, readings, strict=True):
            spoken = reading if is_spoken else ""
            found.spoken.update({place: spoken[place - start : place - start + 1] for place in range(start, end)})
            if spoken and not spoken.isdigit():
                found.spoken[start] = spoken
                found.spoken.update(dict.fromkeys(range(start + 1, end), ""))
        if not is_spoken:
            start, end = group[0][0], group[-1][1]
            found.skipped.append(Skipped(text[start:end], _script(text[start:end]), start))
    return found


def _foreign_words(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each word with letters of another script, without its Latin letters."""
    end = 0
    for match in _STRANGE.finditer(text):
        start = match.start()
        if start < end or _folded(match[0]) is not None:
            continue
        while start > end and text[start - 1] in _GREEK_SIGNS:
            start -= 1
        end = match.end()
        while end < len(text) and _continues(text[end]):
            end += 1
        yield start, end


def _continues(character: str) -> bool:
    return character in _GREEK_SIGNS or bool(
        _STRANGE.match(character)
        and (_folded(character) is None or unicodedata.combining(character) or character in "\u200c\u200d")
    )


def _groups(words: Iterator[tuple[int, int]], text: str) -> Iterator[list[tuple[int, int]]]:
    """Yield the words that follow each other without Latin letters, digits or a new line between them."""
    group: list[tuple[int, int]] = []
    for start, end in words:
        between = text[group[-1][1] : start] if group else ""
        if group and (len(between) > _MOST_DISTANT or between.strip(" -'\"")):
            yield group
            group = []
        group.append((start, end))
    if group:
        yield group


def _spelled(word: str, is_latin: bool) -> str:
    """Return the digits of a number, the name of a single letter; "" for other words.

    In a text without Latin letters (`is_latin` is False) a letter of another script than Greek is a word, not the name of one.
    """
    if not is_latin and not unicodedata.name(word[0], "").startswith("GREEK"):
        return ""
    digits = [unicodedata.decimal(character, None) for character in word]
    if None not in digits:
        return "".join(map(str, digits))
    letters = "".join(character for character in unicodedata.normalize("NFD", word) if not unicodedata.combining(character))
    name = _LETTER_NAME.match(unicodedata.name(letters, "")) if len(letters) == 1 else None
    return _LETTER_NAMES.get(name[1], name[1].lower()) if name else ""


def _emoji(text: str) -> Iterator[Skipped]:
    for match in _EMOJI.finditer(text):
        if (_folded(match[0][0]) or "").strip() == "" and match[0][0] not in KEPT:
            yield Skipped(match[0], EMOJI, match.start())


def _script(text: str) -> str:
    strange = (character for character in text if _STRANGE.match(character) and _folded(character) is None)
    return " and ".join(dict.fromkeys(unicodedata.name(one, "Unknown").split()[0].split("-")[0].capitalize() for one in strange))


def _shortened(characters: str) -> str:
    bare = " ".join(characters.split())
    return bare[:_MOST_QUOTED] + ("…" if len(bare) > _MOST_QUOTED else "")
