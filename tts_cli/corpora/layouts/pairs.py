"""Layout of a text for each recording: `text/ID.txt` for `wav/ID.wav`, or `ID.txt`, `.lab` or `.normalized.txt` beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from tts_cli.corpora.layouts.clip import AUDIO_SUFFIXES, Reject
from tts_cli.corpora.layouts.layout import AUDIO_FOLDERS, Layout, Listed, stem, text_of

_AUDIO = (*AUDIO_FOLDERS, "wav48", "flac", "clips")
_TEXTS = ("text", "texts", "txt", "lab", "labs", "transcripts")
_SUFFIXES = (".normalized.txt", ".lab", ".txt")
"""Suffixes of texts. If a recording has several, the first is used."""
_OTHER_FILES = re.compile(r"readme|licen[cs]e|copying|speakers?|changelog|info|metadata|\w+\.original", re.IGNORECASE)
_LABEL = re.compile(r"\d+\s+\d+\s+\S+")


def _roots(folder: Path) -> tuple[Path, Path]:
    """Return the folders of recordings and of texts; both are `folder` if the texts stand beside the recordings."""
    audio = next((folder / name for name in _AUDIO if (folder / name).is_dir()), None)
    text = next((folder / name for name in _TEXTS if (folder / name).is_dir()), None)
    return (audio, text) if audio and text else (folder, folder)


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield name below `root`, with its suffix, and path of each file."""
    for parent, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            yield path.relative_to(root).as_posix(), path


def _split_suffix(name: str) -> tuple[str, str]:
    suffix = next((suffix for suffix in _SUFFIXES if name.lower().endswith(suffix)), "")
    return (name[: len(name) - len(suffix)], suffix) if suffix else (name, "")


def _texts_in(root: Path) -> dict[str, Path]:
    """Return the file of the text of each id."""
    found: dict[str, tuple[int, Path]] = {}
    for name, path in _walk(root):
        bare, suffix = _split_suffix(name)
        rank = _SUFFIXES.index(suffix) if suffix else len(_SUFFIXES)
        if suffix and not _OTHER_FILES.fullmatch(path.name.removesuffix(".txt")):
            found[stem(bare)] = min(found.get(stem(bare), (rank, path)), (rank, path))
    return {name: path for name, (_, path) in found.items()}


def _fits(source: Path) -> bool:
    if source.is_file():
        return False
    audio, text = _roots(source)
    ids = {stem(name) for name, path in _walk(audio) if path.suffix.lower() in AUDIO_SUFFIXES}
    return bool(ids) and not ids.isdisjoint(_texts_in(text))


def _read(folder: Path) -> Iterator[Listed | Reject]:
    """Yield the recordings with a text. A recording without a text, or a text without a recording, is a reject."""
    audio, root = _roots(folder)
    texts = _texts_in(root)
    recordings = dict.fromkeys(stem(name) for name, path in _walk(audio) if path.suffix.lower() in AUDIO_SUFFIXES)
    for name in sorted({**texts, **recordings}):
        if name in texts:
            yield _listed(name, texts[name], audio)
        else:
            expected = root / f"{name}.txt"
            yield Reject(f"{expected}:1", name, "missing text", f"missing text: no file {name}.txt or {name}.lab in {root}")


def _listed(name: str, path: Path, audio: Path) -> Listed | Reject:
    where, text = f"{path}:1", text_of(path)
    if isinstance(text, Reject):
        return Reject(text.where, name, text.kind, text.reason)
    if _LABEL.match(text):
        reason = "holds labels with times, no text; give those of HTK to an aligner, and the text here"
        return Reject(where, name, "wrong number of columns", reason)
    # A folder below that of the recordings holds those of one speaker, as for the Montreal Forced Aligner.
    speaker = name.split("/")[0] if "/" in name else ""
    return Listed(where, name, text, (audio,), speaker=speaker)


LAYOUT = Layout("pairs", _fits, _read, order=100)
