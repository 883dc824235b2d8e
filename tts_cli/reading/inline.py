"""Text of a paragraph of HTML: raised and lowered characters, first letters, and numbers of lines and pages.

While a paragraph is read, noncharacters mark the places of its elements; `spoken` replaces them when all of it is known.
"""

from __future__ import annotations

import re

from tts_cli.text.dictionary import cmu_has

SUP, SUP_END, SUB, SUB_END = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"
NUMBER, NUMBER_END = "\ufdd4", "\ufdd5"
LINK, LINK_END = "\ufdd6", "\ufdd7"
INITIAL = "\ufdd8"
"""Mark after the first letter of a chapter."""
MARKS = re.compile("[\ufdd0-\ufdd8]")
_NUMBERED = re.compile("\ufdd4([^\ufdd4\ufdd5]*)\ufdd5?")
_NUMBER = re.compile(r"\W*(?:(?:page|pg|p|line|l|folio|f)\b\W*)?(?:\d{1,5}\w?|[ivxlcdm]{1,8})\W*|\W*", re.IGNORECASE)
_FRACTION = re.compile("(\\d?)\ufdd0\\s*(\\d{1,3})\\s*\ufdd1\\s*[/\u2044]\\s*\ufdd2?\\s*(\\d{1,3})\\s*\ufdd3?")
_RAISED = re.compile("\ufdd0([^\ufdd0\ufdd1]*)\ufdd1?")
_LOWERED = re.compile("\ufdd2([^\ufdd2\ufdd3]*)\ufdd3?")
_BEGUN = re.compile("^(\\s*[\"“‘'«]?)([A-Z])\ufdd8(\\s*)([^\\W\\d_]+)?")
_NOTE_MARK = re.compile(r"\d{1,3}(?:\s*[,–—-]\s*\d{1,3})*|[\[(].{1,12}[\])]|[*†‡§¶#‖|]{1,4}")
_POWER = re.compile(r"[-−–+]?\d{1,4}|n|\d?[-−–+]")
_TRADE = frozenset(("tm", "sm", "®", "©", "™"))
_ORDINALS = frozenset("st nd rd th".split())
_UNITS = frozenset("m cm mm km dm nm ft in yd mi s sec miles feet meters metres inches yards".split())
_SHORT_WORDS = frozenset("it he we me us to of in on at by is as an am be do go if my no or so up ex oh ox id It He We".split())
_YEAR = re.compile(r"(?<![\d.,])(?:1[0-9]\d\d|20\d\d)$")
_WORD = re.compile(r"[^\W\d_]+$")
_MEASURED = re.compile(r"\d\s?[^\W\d_]+$")
_BRACKETED = re.compile(r"\([^()]*[-+−–=×*/\d][^()]*\)$")
_ELEMENT = re.compile(r"(?:H|He|Li|B|C|N|O|F|Na|P|S|K|Ca|Fe|Co|Ni|Cu|Kr|Sr|Tc|I|Xe|Cs|Rn|Ra|Th|U|Pu|Am)\b")
_DIGITS = str.maketrans("0123456789+-−–n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻ⁿ")
_LOW_DIGITS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_VERSE_NUMBER = re.compile(
    r"(?:(?<=[^\W\d])|(?<=[^\W\d][.,;:!?\"'”’)—-])|(?<=[.,;:!?][\"'”’)])|[ \u00a0\u2002\u2003\t]{2,})[\[(]?(\d{1,4})[\])]?\s*$"
)
_LINKED = re.compile("\ufdd6[^\ufdd6\ufdd7]*\ufdd7?")
_LOOSE = re.compile(
    r"\b(?:chapter|part|book|section|page|letter|act|scene|appendix|vol|volume|no|p|pp|pg|[ivxlcdm]+|\d+)\b", re.IGNORECASE
)
_NEAR = 40


def spoken(marked: str) -> str:
    """Return the text to be heard of a text with marks."""
    if not MARKS.search(marked):
        return marked
    text = _NUMBERED.sub(lambda found: "" if _NUMBER.fullmatch(MARKS.sub("", found[1])) else found[1], marked)
    text = text.replace(LINK, "").replace(LINK_END, "")
    text = _FRACTION.sub(lambda found: f"{found[1]}{' ' * bool(found[1])}{found[2]}/{found[3]}", text)
    text = _LOWERED.sub(_lowered, text)
    text = _RAISED.sub(_raised, text)
    return MARKS.sub("", _BEGUN.sub(_begun, text))


def num_links(marked: str) -> int:
    """Return the number of links in a text of which nothing but links and numbers is heard; 0 for another text."""
    links = _LINKED.findall(marked)
    if not links or _LOOSE.sub("", MARKS.sub("", _LINKED.sub(" ", marked))).strip(" \t\n\r\u00a0.:;,|/·•–—-()[]*→←»«›‹"):
        return 0
    return sum(any(map(str.isalnum, link)) for link in links)


def without_verse_numbers(lines: list[str]) -> list[str]:
    """Return the lines of a poem without the numbers at their ends; multiples of five are no words of the poem."""
    if len(lines) < 2:
        return lines
    return [_VERSE_NUMBER.sub(lambda found: found[0] if int(found[1]) % 5 or not int(found[1]) else "", line) for line in lines]


def _raised(found: re.Match[str]) -> str:
    text, place = found.string, found.end()
    before = MARKS.sub("", text[max(0, found.start() - _NEAR) : found.start()])
    content = MARKS.sub("", found[1]).strip()
    if not content:
        return ""
    if _NOTE_MARK.fullmatch(content) or (content.isalpha() and len(content) == 1):
        return _note_or_power(content, before, text[place : place + _NEAR])
    if _POWER.fullmatch(content) and (before[-1:].isalnum() or before[-1:] == ")"):
        return content.translate(_DIGITS)
    if content.lower() in _TRADE:
        return ""
    if content.isalpha() and (len(content) < 5 or content.lower() in _ORDINALS) and before[-1:].isalnum():
        return content
    if len(content) < 12 and (before[-1:].isalnum() or before[-1:] == ")") and not re.search(r"[^\W\d_]{3}", content):
        return f"^({content})"
    return f" {content} "


def _note_or_power(content: str, before: str, after: str) -> str:
    """Return a power in raised digits, or nothing for the mark of a note."""
    if not content.isdigit():
        is_letter = content.isalpha()
        if before[-1:] in ("M", "D", "S") and content in ("r", "t", "e"):
            return content
        is_abbreviated = is_letter and before[-1:].isalnum() and (content.isupper() or content in "dehrosty")
        return (
            content
            if is_abbreviated and not _is_variable(before)
            else f"^{content}"
            if is_letter and _is_variable(before)
            else ""
        )
    raised = content.translate(_DIGITS)
    word = _WORD.search(before)
    if word:
        squared = content in ("2", "3")
        in_units = word[0] in _UNITS and squared and bool(_MEASURED.search(before))
        named = len(word[0]) == 1 or (len(word[0]) == 2 and word[0] not in _SHORT_WORDS and squared)
        return raised if in_units or named else ""
    if before[-1:].isdigit():
        return "" if _YEAR.search(before) else raised
    if before[-1:] == ")":
        return raised if _BRACKETED.search(before) and len(content) == 1 else ""
    return raised if _ELEMENT.match(after) else ""


def _is_variable(before: str) -> bool:
    word = _WORD.search(before)
    return bool(word and len(word[0]) == 1) or before[-1:] == ")"


def _lowered(found: re.Match[str]) -> str:
    content = MARKS.sub("", found[1]).strip()
    if content.isdigit():
        return content.translate(_LOW_DIGITS)
    return f" {content} " if content else ""


def _begun(found: re.Match[str]) -> str:
    """Return the first word of a chapter with its first letter, in small letters if it is printed in capitals."""
    quote, letter, gap, rest = found[1], found[2], found[3], found[4] or ""
    if not rest:
        return f"{quote}{letter}{gap}"
    if gap and letter in "AIO" and not cmu_has(f"{letter}{rest}".lower()):
        return f"{quote}{letter} {rest}"
    shouted = rest.isupper()
    return f"{quote}{letter}{rest.lower() if shouted else rest}"
