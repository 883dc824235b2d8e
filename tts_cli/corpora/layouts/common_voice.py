"""Layout of Common Voice: `validated.tsv` and `clips/`, with the splits of `train.tsv`, `dev.tsv` and `test.tsv`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tts_cli.corpora.layouts.clip import Reject
from tts_cli.corpora.layouts.layout import Layout, Listed, first_line, split_named, stem
from tts_cli.corpora.layouts.rows import read_rows

_OF_SPLITS = ("test.tsv", "dev.tsv", "train.tsv")
_COLUMNS = {"client_id", "path", "sentence"}
_SPEAKER_DIGITS = 12
"""Digits of the hash of a person that name the speaker."""


def _fits(source: Path) -> bool:
    names = ("validated.tsv", *_OF_SPLITS)
    return (source / "clips").is_dir() and any(set(first_line(source / name).split("\t")) >= _COLUMNS for name in names)


def _read(folder: Path) -> Iterator[Listed | Reject]:
    """Yield the clips of the splits and then the other validated ones, each once."""
    seen: set[str] = set()
    paths = [folder / name for name in (*_OF_SPLITS, "validated.tsv") if (folder / name).is_file()]
    for path in paths:
        for where, row in read_rows(path):
            if isinstance(row, Reject):
                yield row
                continue
            name = stem(str(row.get("audio", "")))
            if path.name in _OF_SPLITS or name not in seen:
                yield _listed(where, name, row, folder / "clips", split_named(path.stem))
            seen.add(name)


def _listed(where: str, name: str, row: dict[str, Any], clips: Path, split: str) -> Listed | Reject:
    if "speaker" not in row:
        return Reject(where, name, "wrong value", "'client_id' is empty")
    speaker = f"cv_{str(row['speaker'])[:_SPEAKER_DIGITS]}"
    return Listed(where, name, str(row.get("text", "")), (clips,), speaker=speaker, split=split)


LAYOUT = Layout("common-voice", _fits, _read, order=15)
