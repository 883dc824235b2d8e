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
            yield _listed(where, stem(name), text.strip(), path.parent)


def _listed(where: str, name: str, text: str, folder: Path) -> Listed:
    """Return a recording; an id such as 84-121123-0007 tells speaker, chapter and place in the chapter."""
    speaker, _, rest = name.partition("-")
    chapter, _, number = rest.partition("-")
    place = {"document": chapter, "position": int(number)} if chapter and number.isdecimal() else {}
    return Listed(where, name, text, (folder,), speaker=f"libri_{speaker}", **place)  # type: ignore[arg-type]


LAYOUT = Layout("librispeech", lambda source: next(source.rglob(_TRANSCRIPTS), None) is not None, _read, order=90)
