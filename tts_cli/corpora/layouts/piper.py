"""Layout of Piper with several speakers: `metadata.csv` with lines id|speaker|text, and `wav/` or `wavs/`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tts_cli.corpora.columns import ThirdColumns
from tts_cli.corpora.layouts.clip import Reject
from tts_cli.corpora.layouts.layout import Layout, Listed, audio_folder, stem
from tts_cli.corpora.layouts.ljspeech import TRANSCRIPT, columns_of

_LEAST_NAMED = 0.75
"""Smallest share of lines whose second column is a speaker. The others are malformed."""


def _fits(source: Path) -> bool:
    """Return whether the second columns are speakers rather than texts."""
    if not (source / TRANSCRIPT).is_file():
        return False
    rows = [columns for _, columns in columns_of(source) if isinstance(columns, list)]
    pairs = [(columns[1], columns[2]) for columns in rows if len(columns) == 3]
    third = ThirdColumns(pairs)
    return bool(pairs) and sum(third.names_speaker(*pair) for pair in pairs) >= _LEAST_NAMED * len(rows)


def _read(folder: Path) -> Iterator[Listed | Reject]:
    audio = audio_folder(folder)
    for where, columns in columns_of(folder):
        if isinstance(columns, Reject):
            yield columns
        elif len(columns) != 3:
            reason = f"wrong number of columns: {len(columns)}, expected id|speaker|text, with no other '|'"
            yield Reject(where, stem(columns[0]), "wrong number of columns", reason)
        else:
            yield Listed(where, stem(columns[0], audio), columns[2].strip(), (audio,), speaker=columns[1].strip())


LAYOUT = Layout("piper", _fits, _read, order=20)
