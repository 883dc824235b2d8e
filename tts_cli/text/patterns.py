"""Regular expressions that are compiled at their first use, so that an import stays quick."""

from __future__ import annotations

import re
import sys
from functools import cached_property


class Pattern:
    """Regular expression, compiled at its first use."""

    def __init__(self, source: str) -> None:
        self.source = source

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.source)

    def match(self, text: str, place: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        """Return the match that begins at `place` of `text`, or None."""
        return self._compiled.match(text, place, end)

    def search(self, text: str, place: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        """Return the first match in `text` from `place` to `end`, or None."""
        return self._compiled.search(text, place, end)
