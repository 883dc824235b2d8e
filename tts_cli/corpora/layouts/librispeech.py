"""Layout of LibriSpeech: `SPEAKER/CHAPTER/*.trans.txt` with lines id text, beside the recordings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tts_cli.corpora.layouts.clip import Reject
from tts_cli.corpora.layouts.layout import Layout, Listed, lines, stem

_TRANSCRIPTS = "*.trans.txt"


def _read(folder: Path) -> Iterator[Listed | Reject]:
    for path in sorted(folder.rglob(_TRANSCRIPTS)):
        for where, line in lines(path):
            if isinstance(line, Reject):
                yield line
                continue
            name, _, text = line.strip().partition(" ")
            yield Listed(where, stem(name), text.strip(), (path.parent,), speaker=f"libri_{name.split('-')[0]}")


LAYOUT = Layout("librispeech", lambda source: next(source.rglob(_TRANSCRIPTS), None) is not None, _read, order=90)
