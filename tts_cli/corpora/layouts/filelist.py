"""Layout of the file lists of VITS and its kin: lines path|text, path|speaker|text or path|speaker|language|text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tts_cli.corpora.layouts.clip import AUDIO_SUFFIXES, Reject
from tts_cli.corpora.layouts.layout import (
    AUDIO_FOLDERS,
    Layout,
    Listed,
    enclosing,
    first_line,
    language_fault,
    lines,
    split_in,
    stem,
)

_LISTS = ("filelists/*.txt", "*filelist*.txt", "*.list")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_]\w+)?")
_PATH = re.compile(rf"[^|]*({'|'.join(map(re.escape, AUDIO_SUFFIXES))})\s*\|", re.IGNORECASE)


def _lists_in(source: Path) -> list[Path]:
    paths = {source} if source.is_file() else {path for pattern in _LISTS for path in source.glob(pattern)}
    return sorted(path for path in paths if path.suffix in (".txt", ".list") and _PATH.match(first_line(path)))


def _read(source: Path) -> Iterator[Listed | Reject]:
    for path in _lists_in(source) or [source]:
        split, folders = split_in(path.stem), enclosing(path.parent)
        for where, line in lines(path):
            yield line if isinstance(line, Reject) else _listed(where, line.split("|"), split, folders)


def _listed(where: str, columns: list[str], split: str, folders: tuple[Path, ...]) -> Listed | Reject:
    name = columns[0].strip().replace("\\", "/")
    if len(columns) == 4 and _LANGUAGE.fullmatch(columns[2].strip()) and (fault := language_fault(columns.pop(2))):
        return Reject(where, _id_of(name), "not English", fault)
    if len(columns) not in (2, 3):
        reason = f"wrong number of columns: {len(columns)}, expected path|text or path|speaker|text, with no other '|'"
        return Reject(where, _id_of(name), "wrong number of columns", reason)
    speaker = columns[1].strip() if len(columns) == 3 else ""
    return Listed(where, _id_of(name), columns[-1].strip(), folders, speaker=speaker, recording=name, split=split)


def _id_of(name: str) -> str:
    """Return the path without its suffix, and without the folders that lists of VITS begin with (DUMMY1, wavs)."""
    parts = PurePosixPath(stem(name)).parts
    if parts[:1] == ("/",):
        return parts[-1]
    while len(parts) > 1 and (parts[0] in (*AUDIO_FOLDERS, "..") or re.fullmatch(r"DUMMY\d*", parts[0])):
        parts = parts[1:]
    return "/".join(parts)


LAYOUT = Layout("filelist", lambda source: bool(_lists_in(source)), _read, order=70)
