"""Regular expressions that are compiled with their first use, so that importing the classes of tokens is quick."""

from __future__ import annotations

import re
from typing import Any, cast


class _Pattern:
    """Regular expression; `match` and the other methods are those of the compiled pattern."""

    __slots__ = ("_flags", "_text", "findall", "finditer", "fullmatch", "match", "search", "split", "sub")

    def __init__(self, text: str, flags: re.RegexFlag) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        if name not in _Pattern.__slots__:
            raise AttributeError(name)
        compiled = re.compile(self._text, self._flags)
        for method in _Pattern.__slots__[2:]:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def pattern(text: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """Return the regular expression `text`, to be compiled with its first use."""
    return cast("re.Pattern[str]", _Pattern(text, flags))
