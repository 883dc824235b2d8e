"""Layout of VCTK: `txt/SPEAKER/ID.txt`, and `wav48_silence_trimmed/SPEAKER/ID_mic1.flac` or `wav48/SPEAKER/ID.wav`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tts_cli.corpora.layouts.clip import AUDIO_SUFFIXES, Reject
from tts_cli.corpora.layouts.layout import Layout, Listed, stem, text_of

_AUDIO = ("wav48_silence_trimmed", "wav48", "wav24", "wav22", "wav16")
_MICROPHONES = ("", "_mic1", "_mic2")
"""Ends of the names of recordings, in the order of preference. Not every recording has the second microphone."""


def _audio_in(folder: Path) -> Path | None:
    return next((folder / name for name in _AUDIO if (folder / name).is_dir()), None)


def _read(folder: Path) -> Iterator[Listed | Reject]:
    audio = _audio_in(folder) or folder / _AUDIO[0]
    for path in sorted((folder / "txt").glob("*/*.txt")):
        where, text, speaker = f"{path}:1", text_of(path), path.parent.name
        if isinstance(text, Reject):
            yield text
            continue
        recording = next((name for end in _MICROPHONES if _has(audio / speaker, name := f"{path.stem}{end}")), path.stem)
        yield Listed(where, stem(path.stem), text, (audio / speaker,), speaker=speaker, recording=recording)


def _has(folder: Path, name: str) -> bool:
    return any((folder / f"{name}{suffix}").is_file() for suffix in (".flac", ".wav", *AUDIO_SUFFIXES))


LAYOUT = Layout("vctk", lambda source: (source / "txt").is_dir() and _audio_in(source) is not None, _read, order=60)
