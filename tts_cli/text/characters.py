"""Unicode text to the characters of the normaliser: ASCII, newlines and signs with a meaning; other scripts are refused."""

from __future__ import annotations

import re
import unicodedata

from tts_cli.errors import TextError

CURRENCIES = "$£€¥₹¢₩₽₺₴₪₫₱฿₦₿"
SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ"
SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"
FRACTIONS = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅐⅑⅒"
SIGNS = "–−°×÷±≈≠≤≥√∞µπ‰§¶†‡•♭♯′″→←"
"""Signs with a meaning: "–" is a range or a pause, "−" a minus, "′" and "″" feet and inches or minutes and seconds."""
KEPT = CURRENCIES + SUPERSCRIPTS + SUBSCRIPTS + FRACTIONS + SIGNS
_SPELLINGS = {
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "ʼ": "'", "´": "'", "`": "'",
    "“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"', "‹": '"', "›": '"',
    "‐": "-", "‑": "-", "‒": "-", "—": " -- ", "―": " -- ", "…": "...", "¿": " ", "¡": " ",
    "。": ". ", "、": ", ", "，": ", ", "？": "? ", "！": "! ", "；": "; ", "：": ": ",
    "№": "No. ",
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
    "ð": "th", "Ð": "Th", "þ": "th", "Þ": "Th", "ı": "i", "ŋ": "ng", "ĸ": "k", "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T",
    "μ": "µ", "℃": "°C", "℉": "°F", "⁄": "/", "™": " ", "®": " ", "©": " ", "\u200b": "", "\u200c": "", "\u200d": "", "\u00ad": "", "\ufeff": "",
    "\ufe0f": "",
}  # fmt: skip
_TABLE = str.maketrans(_SPELLINGS)
_STRANGE = re.compile(rf"[^\x20-\x7e\n{re.escape(KEPT)}]")
_MOST_QUOTED = 12
_UNREADABLE = "\ue000"


def plain(text: str) -> str:
    """Return `text` in ASCII, newlines and KEPT. Accents and emoji are removed, typographic signs are replaced.

    Raises:
        TextError: The text has a NUL byte, or letters or digits of another script.
    """
    if "\0" in text:
        place = text.index("\0") + 1
        raise TextError(
            f"the text holds a NUL byte (character {place})", hint="give UTF-8 text; this may be a binary file or UTF-16"
        )
    if text.isascii():
        return _STRANGE.sub(" ", text.replace("`", "'")) if not text.isprintable() or "`" in text else text
    letters, folded = _letters_and_folded(text)
    if _UNREADABLE in folded:
        _refuse(letters)
    return folded


def legible(text: str) -> tuple[str, tuple[str, ...]]:
    """Return `text` without the characters that `plain` refuses, and the names of their scripts. Other text is unchanged."""
    if text.isascii():
        return text.replace("\0", " "), ()
    letters, folded = _letters_and_folded(text.replace("\0", " "))
    if _UNREADABLE not in folded:
        return text, ()
    return folded.replace(_UNREADABLE, " "), _scripts(_unreadable(letters))


def _letters_and_folded(text: str) -> tuple[str, str]:
    """Return `text` decomposed (NFKD), and the same in readable characters, with _UNREADABLE in place of the others."""
    text = text.replace("\r", " ").translate(_TABLE)
    letters = _STRANGE.sub(lambda match: unicodedata.normalize("NFKD", match[0]), text)
    return letters, _STRANGE.sub(_fold, letters)


def _fold(match: re.Match[str]) -> str:
    character = match[0]
    if unicodedata.combining(character):
        return ""
    if not character.isalnum():
        return " "
    name = unicodedata.name(character, "")
    decimal = unicodedata.decimal(character, None)
    if decimal is not None and "LATIN" not in name:
        return _UNREADABLE
    if name.startswith(("GREEK SMALL LETTER ", "GREEK CAPITAL LETTER ")) and _stands_alone(match):
        return f" {name.split()[3].lower()} "
    return _UNREADABLE


def _stands_alone(match: re.Match[str]) -> bool:
    text = match.string
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    return not any(neighbour.isalpha() and not neighbour.isascii() for neighbour in (before, after))


def _unreadable(letters: str) -> list[str]:
    return list(
        dict.fromkeys(match[0] for match in _STRANGE.finditer(letters) if match[0].isalnum() and _fold(match) == _UNREADABLE)
    )


def _scripts(strange: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(unicodedata.name(character, "UNKNOWN").split()[0].capitalize() for character in strange))


def _refuse(letters: str) -> None:
    strange = _unreadable(letters)
    quoted = "".join(strange[:_MOST_QUOTED]) + ("…" if len(strange) > _MOST_QUOTED else "")
    raise TextError(
        f"the text has characters of a script that cannot be read aloud here ({', '.join(_scripts(strange))}): {quoted}",
        hint="only text in Latin letters can be spoken; write names in Latin letters, or as phones: [[HH AH0 L OW1]]",
    )
