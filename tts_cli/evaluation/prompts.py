"""What an evaluation speaks: what `splits.csv` sets aside, with its recordings, and sentences in files, without any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from tts_cli.audio.files import read_audio
from tts_cli.audio.mel import Floats, MelConfig, log_mel
from tts_cli.audio.pitch import estimate_f0, interpolate_log_f0
from tts_cli.corpora.layouts import Clip, read_source
from tts_cli.corpora.splits import Splits, read_splits
from tts_cli.errors import CorpusError

TYPICAL_HZ = 150.0
"""F0 of an utterance without a voiced frame."""


class GroupedText(NamedTuple):
    """A sentence to speak."""

    group: str
    """What kind it is."""
    text: str


def read_sentences(path: Path, limit: int | None = None) -> tuple[GroupedText, ...]:
    """The sentences of a file of lines `group|text`, at most `limit` of each group.

    Raises CorpusError for a file that is missing or empty, and for a line without group or text.
    """
    if not path.is_file():
        hint = "run it where the project's data folder is, or name a file of lines 'group|text' with --sentences"
        raise CorpusError(f"{path}: no such file of sentences", hint)
    taken: Counter[str] = Counter()
    sentences = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        group, _, text = (part.strip() for part in line.partition("|"))
        if not group or not text:
            raise CorpusError(f"{path}:{number}: not of the form 'group|text'")
        taken[group] += 1
        if limit is None or taken[group] <= limit:
            sentences.append(GroupedText(group, text))
    if not sentences:
        raise CorpusError(f"{path}: holds no sentence")
    return tuple(sentences)


def read_prompts(corpora: Path, split: str, speakers: Collection[str] = (), limit: int | None = None) -> tuple[Clip, ...]:
    """The clips of one `split` in `corpora`/splits.csv, of all speakers or of some in their order, at most `limit` of each.

    The corpora lie in folders beside `splits.csv`. Raises CorpusError when the file or a recording is missing, or a speaker has
    nothing in the split.
    """
    path = corpora / "splits.csv"
    rows = {key: row for key, row in read_splits(path).items() if row.split == split}
    known = list(dict.fromkeys(row.speaker for row in rows.values()))
    unknown = [name for name in speakers if name not in known]
    if unknown or not rows:
        wanted, hint = ", ".join(unknown) or "anyone", "there are prompts of: " + (", ".join(known) or "nobody")
        raise CorpusError(f"{path}: no '{split}' prompt of {wanted}", hint)
    chosen: Splits = {}
    for speaker in speakers or known:
        chosen.update([(key, row) for key, row in rows.items() if row.speaker == speaker][:limit])
    return tuple(_located(corpora, chosen))


def parallel_speakers(corpora: Path, split: str) -> tuple[str, ...]:
    """Return the `parallel_readers` of one split of `corpora`/splits.csv. Raises CorpusError for a file that cannot be read."""
    rows = [row for row in read_splits(corpora / "splits.csv").values() if row.split == split]
    return parallel_readers((row.speaker, row.text) for row in rows)


def parallel_readers(read: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the speakers who share at least half of their texts with others, in the order of `read`: speakers and texts."""
    texts: dict[str, set[str]] = {}
    for speaker, text in read:
        texts.setdefault(speaker, set()).add(text)
    readers = Counter(text for own in texts.values() for text in own)
    found = tuple(name for name, own in texts.items() if 2 * sum(readers[text] > 1 for text in own) >= len(own))
    return found if len(found) > 1 else ()


def _located(corpora: Path, rows: Splits) -> Iterator[Clip]:
    sources = {corpus: read_source(corpora / corpus) for corpus, _ in rows}
    clips = {(corpus, clip.id): clip for corpus, source in sources.items() for clip in source.clips}
    for key, row in rows.items():
        if key not in clips:
            raise CorpusError(f"{row.where}: '{key[0]}' has no recording of '{key[1]}'")
        yield replace(clips[key], speaker=row.speaker, split=row.split, kind=row.kind, text=row.text)


@dataclass(frozen=True)
class Prompt:
    """A text for a speaker, and its recording where there is one."""

    text: str
    speaker: str
    kind: str = ""
    recording: Clip | None = None

    def describe(self) -> dict[str, str]:
        """Which prompt it is, for the details of a report."""
        if self.recording:
            return describe(self.recording)
        return {"speaker": self.speaker, "kind": self.kind, "text": self.text}


def recorded_prompts(clips: Iterable[Clip]) -> tuple[Prompt, ...]:
    """Return the prompts of recordings."""
    return tuple(Prompt(clip.text, clip.speaker, clip.kind, clip) for clip in clips)


def unrecorded_prompts(sentences: Iterable[GroupedText], speakers: Iterable[str]) -> tuple[Prompt, ...]:
    """Return a prompt without a recording for every speaker and sentence, speaker by speaker."""
    sentences = tuple(sentences)
    return tuple(Prompt(one.text, speaker, one.group) for speaker in speakers for one in sentences)


def describe(clip: Clip) -> dict[str, str]:
    """Which clip it is, for the details of a report."""
    return {name: getattr(clip, name) for name in ("corpus", "speaker", "id", "split", "kind", "text")}


@dataclass(frozen=True, eq=False)
class Reference:
    """A recording, and what a vocoder is given of it."""

    clip: Clip
    audio: Floats = field(repr=False)
    """(samples,) at the mel's sample rate."""
    mel_config: MelConfig

    @cached_property
    def mel(self) -> Floats:
        """(T, num_bands) natural-log mel."""
        return log_mel(self.audio, self.mel_config)

    @cached_property
    def pitch(self) -> tuple[Floats, Floats]:
        """The recording's own F0 in natural log of Hertz and its voicing of 0 or 1, each (T, 1). Raises as `estimate_f0`."""
        f0_hz, voicing = estimate_f0(self.audio, self.mel_config)
        return interpolate_log_f0(f0_hz, TYPICAL_HZ)[:, None], voicing[:, None]


def read_references(clips: Iterable[Clip], mel_config: MelConfig) -> list[Reference]:
    """The recordings of `clips` at the mel's rate. Raises AudioError for what cannot be read."""
    return [Reference(clip, read_audio(clip.audio, mel_config.sample_rate), mel_config) for clip in clips]
