"""What is spoken in an evaluation: the sentences that a `splits.csv` sets aside, and the recordings of them."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from tts_cli.audio.files import read_audio
from tts_cli.audio.mel import Floats, MelConfig, log_mel
from tts_cli.audio.pitch import estimate_f0, interpolate_log_f0
from tts_cli.errors import CorpusError

_FIELDS = ("corpus", "speaker", "id", "split", "kind", "text")
_SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3"}
_SPLITS_HINT = "--corpora DIR names the folder that holds splits.csv and the corpora it lists"


@dataclass(frozen=True)
class Prompt:
    """One sentence as one speaker reads it: a line of `splits.csv`."""

    corpus: str
    """Folder of the recordings, beside `splits.csv`."""
    speaker: str
    id: str
    split: str
    kind: str
    """`statement`, `wh` and so on."""
    text: str


def read_prompts(corpora: Path, split: str, speakers: Collection[str] = (), limit: int | None = None) -> tuple[Prompt, ...]:
    """The prompts of one `split` in `corpora`/splits.csv, of all speakers or of some, at most `limit` of each speaker.

    Raises CorpusError when the file is missing or malformed, or has nothing for one of the speakers.
    """
    prompts = [prompt for prompt in _read_splits(corpora) if prompt.split == split]
    missing = set(speakers) - {prompt.speaker for prompt in prompts}
    if missing or not prompts:
        valid = ", ".join(sorted({prompt.speaker for prompt in prompts})) or "nobody"
        wanted = ", ".join(sorted(missing)) or "anyone"
        raise CorpusError(f"{corpora / 'splits.csv'}: no '{split}' prompt of {wanted}", hint=f"there are prompts of: {valid}")
    names = dict.fromkeys(speakers or (prompt.speaker for prompt in prompts))
    return tuple(p for name in names for p in [q for q in prompts if q.speaker == name][:limit])


def _read_splits(corpora: Path) -> Iterator[Prompt]:
    path = corpora / "splits.csv"
    if not path.is_file():
        raise CorpusError(f"{path}: no such file", hint=_SPLITS_HINT)
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if set(_FIELDS) - set(reader.fieldnames or ()):
            raise CorpusError(f"{path}: expected the columns {','.join(_FIELDS)}")
        yield from (Prompt(**{name: line[name] or "" for name in _FIELDS}) for line in reader)


def recording(corpora: Path, prompt: Prompt) -> Path:
    """The recording of `prompt`. Raises CorpusError where there is none."""
    path = _recordings(corpora / prompt.corpus).get(prompt.id)
    if path is None:
        raise CorpusError(f"{corpora / prompt.corpus}: no recording of '{prompt.id}'", hint=_SPLITS_HINT)
    return path


@lru_cache
def _recordings(corpus: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(corpus.rglob("*")) if path.suffix.lower() in _SUFFIXES}


@dataclass(frozen=True, eq=False)
class Clip:
    """A recording and what a vocoder is given of it."""

    prompt: Prompt
    audio: Floats = field(repr=False)
    """(samples,) at the mel's sample rate."""
    config: MelConfig

    @cached_property
    def mel(self) -> Floats:
        """(T, num_bands) natural-log mel."""
        return log_mel(self.audio, self.config)

    @cached_property
    def pitch(self) -> tuple[Floats, Floats]:
        """True log-F0 in natural log of Hertz and voicing of 0 or 1, each (T, 1)."""
        f0_hz, voicing = estimate_f0(self.audio, self.config)
        return interpolate_log_f0(f0_hz, fallback_hz=150.0)[:, None], np.asarray(voicing, np.float32)[:, None]


def read_clips(corpora: Path, prompts: Sequence[Prompt], config: MelConfig) -> list[Clip]:
    """The recordings of `prompts` at the mel's rate. Raises CorpusError or AudioError for what cannot be read."""
    return [Clip(prompt, read_audio(recording(corpora, prompt), config.sample_rate), config) for prompt in prompts]
