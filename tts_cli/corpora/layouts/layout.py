"""Layout of recordings and transcripts on disk: its contract, and the parts that several layouts share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tts_cli.config.plain_yaml import shortened
from tts_cli.corpora.layouts.clip import AUDIO_SUFFIXES, Reject
from tts_cli.errors import CorpusError

AUDIO_FOLDERS = ("wavs", "wav", "audio")
"""Usual names of the folder of recordings."""
_ENGLISH = ("en", "eng", "english")
_SPLIT_WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "eval"),
    "test": ("test",),
    "unseen": ("unseen",),
}


@dataclass(frozen=True)
class Listed:
    """Recording that a transcript lists."""

    where: str
    """Place of the transcript, as file:line."""
    id: str
    text: str
    folders: tuple[Path, ...]
    """Folders below which the recording may lie, the likeliest first."""
    speaker: str = ""
    """Name of the speaker; "" if the transcript does not tell it."""
    recording: str = ""
    """Path of the recording below one of `folders`, with or without its suffix; "" for the id."""
    split: str = ""
    kind: str = ""
    corpus: str = ""
    """Name of the corpus; "" for the name of the source."""
    start_s: float = 0.0
    end_s: float | None = None
    phones: tuple[str, ...] = ()
    durations_s: tuple[float, ...] = ()
    document: str = ""
    position: int | None = None
    session: str = ""


def _no_speaker(name: str) -> str:
    return name


@dataclass(frozen=True)
class Layout:
    """Layout of recordings and transcripts. A module of this package defines one as `LAYOUT`."""

    name: str
    """Name for `--layout`."""
    fits: Callable[[Path], bool]
    """Return whether a source, a folder or a file, has this layout. It is called for an existing path."""
    read: Callable[[Path], Iterator[Listed | Reject]]
    """Yield the recordings that the transcripts of a source list, and the lines that cannot be used."""
    order: int
    """Place in the detection: layouts with a lower number are tried first."""
    speaker_of: Callable[[str], str] = _no_speaker
    """Return the speaker of a source without names of speakers, from the name of its corpus."""


def lines(path: Path) -> Iterable[tuple[str, str | Reject]]:
    """Yield place (file:line) and text of each line of `path` that is not blank. A line that is not UTF-8 becomes a reject.

    Raises:
        CorpusError: There is no such file.
    """
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


def text_of(path: Path) -> str | Reject:
    """Return the text of a file with one transcript, in one line, or a reject if it is not UTF-8."""
    parts = []
    for _, line in lines(path):
        if isinstance(line, Reject):
            return line
        parts.append(line.strip())
    return " ".join(parts)


def stem(name: str, audio: Path | None = None) -> str:
    """Return the id `name` in NFC, without the extension of an audio format and without the name of the folder `audio`."""
    name = unicodedata.normalize("NFC", name.strip()).replace("\\", "/").removeprefix("./")
    if audio is not None and not (audio / audio.name).is_dir():
        name = name.removeprefix(f"{audio.name}/")
    bare, dot, suffix = name.rpartition(".")
    return bare if f"{dot}{suffix}".lower() in AUDIO_SUFFIXES else name


def audio_folder(folder: Path, names: Iterable[str] = AUDIO_FOLDERS) -> Path:
    """Return the first of the folders `names` that `folder` has, or else `folder` itself."""
    return next((folder / name for name in names if (folder / name).is_dir()), folder)


def enclosing(folder: Path) -> tuple[Path, ...]:
    """Return `folder` and the three folders above it: paths in lists of files may start at any of them."""
    whole = folder.resolve()
    return (folder, *whole.parents[:3])


def split_named(word: str) -> str:
    """Return the split with the name `word`, such as validation for `dev`; "" if there is none."""
    return next((split for split, words in _SPLIT_WORDS.items() if word.strip().lower() in words), "")


def split_in(name: str) -> str:
    """Return the split that a word of a file's name tells, such as train for `ljs_train_filelist.txt`; "" if there is none."""
    return next((split for word in re.split(r"[^A-Za-z]+", name) if (split := split_named(word))), "")


def language_fault(language: str) -> str:
    """Return the reason why clips of a language, such as `en-GB`, cannot be prepared; "" for English."""
    code = re.split(r"[-_]", language.strip().lower())[0]
    return "" if code in _ENGLISH else f"the language is '{shortened(language)}'; only English can be prepared"


def first_line(path: Path) -> str:
    """Return the first line of a text file; "" if it is empty, cannot be read, or is no plain file."""
    try:
        if not path.is_file():
            return ""
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return file.readline(100_000).rstrip("\r\n")
    except OSError:
        return ""
