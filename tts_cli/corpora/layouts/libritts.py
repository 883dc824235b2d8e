"""Layout of LibriTTS and LibriTTS-R: `SPEAKER/CHAPTER/ID.normalized.txt` beside the recordings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tts_cli.corpora.layouts.clip import Reject
from tts_cli.corpora.layouts.layout import Layout, Listed, stem, text_of

_TEXTS = (".normalized.txt", ".original.txt")
_ID = re.compile(r"(\d+)_\d+_\d+_\d+")


def _is_of_libritts(path: Path) -> bool:
    return _ID.fullmatch(path.name.removesuffix(_TEXTS[0])) is not None


def _fits(source: Path) -> bool:
    return any(_is_of_libritts(path) for path in source.rglob("*" + _TEXTS[0]))


def _read(folder: Path) -> Iterator[Listed | Reject]:
    """Yield the recordings that have a text. The original is used where no normalised text is."""
    texts: dict[Path, Path] = {}
    for suffix in _TEXTS:
        for path in folder.rglob("*" + suffix):
            texts.setdefault(path.with_name(path.name.removesuffix(suffix)), path)
    for recording, path in sorted(texts.items()):
        where, text, match = f"{path}:1", text_of(path), _ID.fullmatch(recording.name)
        if match is None:
            yield Reject(
                where, recording.name, "unusable id", "the id does not begin with speaker and chapter, as in 84_121123_1_0"
            )
        elif isinstance(text, Reject):
            yield text
        else:
            # The speakers of LibriSpeech and LibriTTS are the same.
            yield Listed(where, stem(recording.name), text, (path.parent,), speaker=f"libri_{match[1]}")


LAYOUT = Layout("libritts", _fits, _read, order=80)
