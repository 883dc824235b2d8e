"""Subtitles (SubRip and WebVTT) as passages to be read aloud at their times."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from tts_cli.reading.hypertext import Passage, passage
from tts_cli.reading.left_out import Tell, ignore

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}.*")
_BLOCKS = re.compile(r"\n[ \t]*\n")
_MARKUP = re.compile(r"<[^<>\n]{0,200}>|\{\\[^{}\n]{0,200}\}|\{[bius/]\}")
_SOUND = re.compile(
    r"\[[^\[\]]{1,200}\]|^\s*\((?:[A-Z][A-Z ,'’-]+|[a-z][a-z ,'’-]+)\)\s*$|[♪♫#]{1,2}[^♪♫\n]*[♪♫]|[♪♫]", re.MULTILINE
)
_SPEAKER = re.compile(r"^\s*(?:>>+|[-–—])\s*(?=\S)", re.MULTILINE)


def passages_of_subtitles(text: str, tell: Tell = ignore) -> Iterator[Passage]:
    """Yield the passages of subtitles, one for each cue, with the time at which it is read.

    Tags and descriptions of sounds are left out; `tell` receives their kind.
    """
    start = 0
    shown = ""
    while start < len(text):
        found = _BLOCKS.search(text, start)
        end = found.end() if found else len(text)
        times, lines = _cue(text[start:end].split("\n"))
        start = end
        if times is None:
            continue
        one = passage(_heard("\n".join(lines), tell).split("\n"))
        # Cues of two lines that roll up repeat the line before.
        if one.has_words and one.text != shown:
            yield one._replace(end=end, start_s=_seconds(times))
        shown = one.text


def _cue(lines: list[str]) -> tuple[re.Match[str] | None, list[str]]:
    """Return the times and the lines of a cue; None for a header, a style, or a comment."""
    for place, line in enumerate(lines[:3]):
        if times := _TIMES.fullmatch(line):
            return times, lines[place + 1 :]
    return None, []


def _seconds(times: re.Match[str]) -> float:
    hours, minutes, seconds, fraction = times.group(1, 2, 3, 4)
    return 3600 * int(hours or 0) + 60 * int(minutes) + int(seconds) + float(f"0.{fraction}")


def _heard(written: str, tell: Tell) -> str:
    text = unescape(_MARKUP.sub("", written)).replace("\\N", "\n")

    def silent(match: re.Match[str]) -> str:
        if any(map(str.isalnum, match[0])):
            tell("description of a sound")
        return ""

    return _SPEAKER.sub("", _SOUND.sub(silent, text))
