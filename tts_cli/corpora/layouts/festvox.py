"""Layout of festvox (CMU ARCTIC): `etc/txt.done.data` with lines ( id "text" ), and `wav/`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tts_cli.corpora.layouts.clip import Reject
from tts_cli.corpora.layouts.layout import Layout, Listed, audio_folder, lines, stem

_TRANSCRIPT = Path("etc", "txt.done.data")


def _read(folder: Path) -> Iterator[Listed | Reject]:
    audio = audio_folder(folder, ("wav", "wavs"))
    for where, line in lines(folder / _TRANSCRIPT):
        match = re.fullmatch(r'\(\s*(\S+)\s+"(.*)"\s*\)', line.strip()) if isinstance(line, str) else None
        if match:
            yield Listed(where, stem(match[1], audio), match[2].replace('\\"', '"').strip(), (audio,))
        else:
            reason = 'wrong number of columns: expected ( id "text" )'
            yield line if isinstance(line, Reject) else Reject(where, "", "wrong number of columns", reason)


def _speaker_of(name: str) -> str:
    return re.sub(r"^cmu_us_(\w+)_arctic$", r"\1", name)


LAYOUT = Layout("festvox", lambda source: (source / _TRANSCRIPT).is_file(), _read, order=40, speaker_of=_speaker_of)
