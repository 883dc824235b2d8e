"""Former rules of months, until their class is rewritten."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from tts_cli.text.amounts import MONTH, MONTHS, month_first
from tts_cli.text.numbers import Words


def _month(match: re.Match[str]) -> Words:
    return (next(name for name in MONTHS if name.startswith(match[1][:3])),)


_READERS = (
    (
        rf"(?P<month>{MONTH})\b\.? (?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b(?![:.]\d)(?:,? (?P<year>[12]\d{{3}})\b)?",
        month_first,
    ),
    (rf"({MONTH})\.?(?= [12]\d{{3}}\b)", _month),
)


@cache
def readers() -> list[tuple[re.Pattern[str], Callable[[re.Match[str]], Words | None]]]:
    """Return the rules to try at a letter, in order: a pattern, and a function that returns words or None for no match."""
    return [(re.compile(pattern), reader) for pattern, reader in _READERS]
