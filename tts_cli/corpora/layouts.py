"""Layouts of recordings and transcripts on disk: LJSpeech, festvox (CMU ARCTIC) and LibriSpeech."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from tts_cli.config import suggest
from tts_cli.corpora.columns import ThirdColumns
from tts_cli.errors import CorpusError

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64")
"""Audio formats that libsndfile reads. If a recording has several files, the first of these formats is used."""


@dataclass(frozen=True)
class Clip:
    """Recording with its transcript."""

    corpus: str
    id: str
    speaker: str
    text: str
    audio: Path
    where: str
    """Place of the transcript, as file:line."""
    split: str = "train"
    """train, validation, test or unseen."""
    kind: str = "statement"
    """statement, wh or yes-no."""


RejectKind = Literal[
    "missing audio",
    "unreadable audio",
    "silent",
    "clipped",
    "too short or too long",
    "alignment failed",
    "alignment file does not fit",
    "text and recording differ",
    "empty text",
    "text that cannot be spoken",
    "wrong number of columns",
    "speaker column or bar in the text",
    "not UTF-8",
    "duplicate id",
    "unusable id",
    "not in the splits, or only there",
]
"""Kinds of rejects that the report of a preparation counts."""


@dataclass(frozen=True)
class Reject:
    """Recording or line of a transcript that cannot be used."""

    where: str
    """Place of the transcript, as file:line."""
    id: str
    kind: RejectKind
    reason: str


class CorpusFolder(NamedTuple):
    """Clips and rejects of one source folder."""

    corpus: str
    clips: list[Clip]
    rejects: list[Reject]


class _Line(NamedTuple):
    where: str
    id: str
    text: str
    speaker: str
    folder: Path


def read_source(folder: Path, layout: str | None = None) -> CorpusFolder:
    """Return the clips of the source in `folder`, in the order of its transcripts. Unusable lines become rejects.

    Args:
        folder: Folder of recordings with transcripts.
        layout: Key of `LAYOUTS`; None detects it.

    Raises:
        CorpusError: The folder is missing, does not have the layout, or its transcripts are empty.
    """
    if not folder.is_dir():
        raise CorpusError(f"{folder}: no such folder", hint="name the folder of a corpus")
    if layout is not None and layout not in LAYOUTS:
        raise CorpusError(f"unknown layout '{layout}'", hint=suggest(layout, list(LAYOUTS)))
    parse = LAYOUTS[layout or detect_layout(folder)]
    corpus, recordings = folder.resolve().name, _Recordings()
    first_seen, clips, rejects = dict[str, str](), list[Clip](), list[Reject]()
    for line in parse(folder):
        result = line if isinstance(line, Reject) else _locate(line, corpus, recordings, first_seen)
        if isinstance(result, Reject):
            rejects.append(result)
        else:
            clips.append(result)
    if not clips and not rejects:
        raise CorpusError(f"{folder}: its transcripts are empty", hint="write one line per recording into them")
    return CorpusFolder(corpus, clips, rejects)


def detect_layout(folder: Path) -> str:
    """Return the name of the layout of `folder`, by its transcripts. Raises CorpusError if there are none."""
    if (folder / "metadata.csv").is_file():
        return "ljspeech"
    if (folder / "etc" / "txt.done.data").is_file():
        return "festvox"
    if next(folder.rglob("*.trans.txt"), None):
        return "librispeech"
    raise CorpusError(
        f"{folder}: no corpus found", hint="expected metadata.csv, etc/txt.done.data or *.trans.txt: " + ", ".join(LAYOUTS)
    )


def _locate(line: _Line, corpus: str, recordings: _Recordings, first_seen: dict[str, str]) -> Clip | Reject:
    if line.id in first_seen:
        return Reject(line.where, line.id, "duplicate id", f"duplicate id, first seen at {first_seen[line.id]}")
    first_seen[line.id] = line.where
    if "\0" in line.id or any(part in ("", ".", "..") for part in line.id.split("/")):
        return Reject(line.where, line.id, "unusable id", "the id is not a file name, or not one below the folder of recordings")
    audio = recordings.find(line.folder, line.id)
    if audio is None:
        return Reject(line.where, line.id, "missing audio", f"missing audio: no recording '{line.id}' in {line.folder}")
    return Clip(corpus, line.id, line.speaker, line.text, audio, line.where)


class _Recordings:
    """Index of recordings by folder and name without extension. Each folder is listed once."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[str, Path]] = {}

    def find(self, folder: Path, name: str) -> Path | None:
        """Return the recording of the id `name`, which may begin with folders below `folder`."""
        *below, stem = name.split("/")
        folder = folder.joinpath(*below)
        if folder not in self._folders:
            self._folders[folder] = _recordings_in(folder)
        return self._folders[folder].get(stem)


def _recordings_in(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    audible = [path for path in folder.iterdir() if path.suffix.lower() in AUDIO_SUFFIXES]
    audible.sort(key=lambda path: AUDIO_SUFFIXES.index(path.suffix.lower()), reverse=True)
    # Some file systems keep names decomposed (NFD), whatever the transcript has.
    return {unicodedata.normalize("NFC", path.stem): path for path in audible}


def _parse_ljspeech(folder: Path) -> Iterator[_Line | Reject]:
    """Parse `metadata.csv`: id|text or id|text|normalised text. The normalised text is used if there is one."""
    audio = next((folder / name for name in ("wavs", "wav", "audio") if (folder / name).is_dir()), folder)
    lines = [(where, line.split("|") if isinstance(line, str) else line) for where, line in _lines(folder / "metadata.csv")]
    third = ThirdColumns((line[1], line[2]) for _, line in lines if isinstance(line, list) and len(line) == 3)
    for where, columns in lines:
        if isinstance(columns, Reject):
            yield columns
        elif len(columns) not in (2, 3):
            reason = f"wrong number of columns: {len(columns)}, expected id|text or id|text|text as it is read, with no other '|'"
            yield Reject(where, _stem(columns[0]), "wrong number of columns", reason)
        elif len(columns) == 3 and (fault := third.fault(columns[1], columns[2])):
            yield Reject(where, _stem(columns[0]), "speaker column or bar in the text", fault)
        else:
            text = columns[-1].strip() or columns[1].strip()
            yield _Line(where, _stem(columns[0], audio), text, folder.resolve().name, audio)


def _parse_festvox(folder: Path) -> Iterator[_Line | Reject]:
    """Parse `etc/txt.done.data`: lines of the form ( id "text" )."""
    name = folder.resolve().name
    speaker = re.sub(r"^cmu_us_(\w+)_arctic$", r"\1", name)
    audio = next((folder / name for name in ("wav", "wavs") if (folder / name).is_dir()), folder)
    for where, line in _lines(folder / "etc" / "txt.done.data"):
        match = re.fullmatch(r'\(\s*(\S+)\s+"(.*)"\s*\)', line.strip()) if isinstance(line, str) else None
        if match:
            yield _Line(where, _stem(match[1], audio), match[2].replace('\\"', '"').strip(), speaker, audio)
        else:
            reason = 'wrong number of columns: expected ( id "text" )'
            yield line if isinstance(line, Reject) else Reject(where, "", "wrong number of columns", reason)


def _parse_librispeech(folder: Path) -> Iterator[_Line | Reject]:
    """Parse `SPEAKER/CHAPTER/*.trans.txt`: lines of the form id text, in the folders of the recordings."""
    for path in sorted(folder.rglob("*.trans.txt")):
        for where, line in _lines(path):
            if isinstance(line, Reject):
                yield line
                continue
            name, _, text = line.strip().partition(" ")
            yield _Line(where, _stem(name), text.strip(), f"libri_{name.split('-')[0]}", path.parent)


def _lines(path: Path) -> Iterable[tuple[str, str | Reject]]:
    """Yield place (file:line) and text of each line of `path` that is not blank. A line that is not UTF-8 becomes a reject."""
    if not path.is_file():
        raise CorpusError(f"{path}: no such file", hint="choose another --layout or another folder")
    for number, line in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        where = f"{path}:{number}"
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            yield where, Reject(where, "", "not UTF-8", "the line is not UTF-8 text")
            continue
        if text.strip():
            yield where, text


def _stem(name: str, audio: Path | None = None) -> str:
    """Return the id `name` in NFC, without the extension of an audio format and without the name of the folder `audio`."""
    name = unicodedata.normalize("NFC", name.strip()).replace("\\", "/").removeprefix("./")
    if audio is not None and not (audio / audio.name).is_dir():
        name = name.removeprefix(f"{audio.name}/")
    stem, dot, suffix = name.rpartition(".")
    return stem if f"{dot}{suffix}".lower() in AUDIO_SUFFIXES else name


LAYOUTS: dict[str, Callable[[Path], Iterator[_Line | Reject]]] = {
    "ljspeech": _parse_ljspeech,
    "festvox": _parse_festvox,
    "librispeech": _parse_librispeech,
}
"""Parsers of the layouts, by name."""
