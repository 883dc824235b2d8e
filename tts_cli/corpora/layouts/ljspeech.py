"""Layout of LJSpeech: `metadata.csv` with lines id|text or id|text|text as it is read, and `wavs/`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tts_cli.corpora.columns import ThirdColumns
from tts_cli.corpora.layouts.clip import Reject
from tts_cli.corpora.layouts.layout import Layout, Listed, audio_folder, lines, stem

TRANSCRIPT = "metadata.csv"
"""Name of the file of transcripts."""
_CHAPTER = re.compile(r"(LJ\d{3})-(\d{4})")
"""Ids of LJSpeech: chapter and place in it. Other corpora of this layout have other ids."""


def columns_of(folder: Path) -> list[tuple[str, list[str] | Reject]]:
    """Return place and columns of each line of the transcript in `folder`; a line that is not UTF-8 is a reject.

    Raises:
        CorpusError: The transcript is missing.
    """
    return [(where, line.split("|") if isinstance(line, str) else line) for where, line in lines(folder / TRANSCRIPT)]


def _read(folder: Path) -> Iterator[Listed | Reject]:
    """Yield the recordings of `metadata.csv`. The third column is used where it is not empty."""
    audio, rows = audio_folder(folder), columns_of(folder)
    third = ThirdColumns((line[1], line[2]) for _, line in rows if isinstance(line, list) and len(line) == 3)
    for where, columns in rows:
        if isinstance(columns, Reject):
            yield columns
        elif len(columns) not in (2, 3):
            reason = f"wrong number of columns: {len(columns)}, expected id|text or id|text|text as it is read, with no other '|'"
            yield Reject(where, stem(columns[0]), "wrong number of columns", reason)
        elif len(columns) == 3 and (fault := third.fault(columns[1], columns[2])):
            yield Reject(where, stem(columns[0]), "speaker column or bar in the text", fault)
        else:
            text = columns[-1].strip() or columns[1].strip()
            name = stem(columns[0], audio)
            chapter = _CHAPTER.fullmatch(name)
            document, position = (chapter[1], int(chapter[2])) if chapter else ("", None)
            yield Listed(where, name, text, (audio,), document=document, position=position)


LAYOUT = Layout("ljspeech", lambda source: (source / TRANSCRIPT).is_file(), _read, order=30)
