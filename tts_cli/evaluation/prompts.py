"""Prompts of an evaluation: held-out recordings listed in `splits.csv`, and files of sentences without recordings."""

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
"""F0 in Hertz that stands for an utterance without a voiced frame."""


class GroupedText(NamedTuple):
    """Sentence of a file `group|text`, to be spoken without a recording to compare with."""

    group: str
    """Kind of sentence, such as `statement`; a report has one group of rows for each."""
    text: str


def read_sentences(path: Path, limit: int | None = None) -> tuple[GroupedText, ...]:
    """Read the sentences of a file with lines `group|text`, at most the first `limit` of each group.

    Raises:
        CorpusError: if the file is missing or holds no sentence, or a line lacks its group or text.
    """
    if not path.is_file():
        hint = "name a file of lines 'group|text' with --sentences, or run the command in the folder that holds data/"
        raise CorpusError(f"{path}: no such file of sentences", hint)
    taken: Counter[str] = Counter()
    sentences = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        group, _, text = (part.strip() for part in line.partition("|"))
        if not group or not text:
            raise CorpusError(f"{path}:{number}: the line is not of the form 'group|text'", hint="write group, bar and text")
        taken[group] += 1
        if limit is None or taken[group] <= limit:
            sentences.append(GroupedText(group, text))
    if not sentences:
        raise CorpusError(f"{path}: the file holds no sentence", "write one sentence a line: 'group|text'")
    return tuple(sentences)


def read_prompts(corpora: Path, split: str, speakers: Collection[str] = (), limit: int | None = None) -> tuple[Clip, ...]:
    """Read the clips of one `split` of `splits.csv`.

    Args:
        corpora: folder with `splits.csv` and a folder for each corpus.
        split: name of the split: `train`, `validation`, `test` or `unseen`.
        speakers: speakers to read, in this order; empty: all speakers of the split.
        limit: largest number of clips of each speaker; None: all.

    Returns:
        The clips, speaker by speaker.

    Raises:
        CorpusError: if `splits.csv` or a recording is missing, or a speaker has no clip in the split.
    """
    path = corpora / "splits.csv"
    rows = _complete(corpora, {key: row for key, row in read_splits(path).items() if row.split == split})
    known = list(dict.fromkeys(row.speaker for row in rows.values()))
    unknown = [name for name in speakers if name not in known]
    if unknown or not rows:
        wanted, hint = ", ".join(unknown) or "any speaker", "there are prompts of: " + (", ".join(known) or "no speaker")
        raise CorpusError(f"{path}: no '{split}' prompt of {wanted}", hint)
    chosen: Splits = {}
    for speaker in speakers or known:
        chosen.update([(key, row) for key, row in rows.items() if row.speaker == speaker][:limit])
    return tuple(_located(corpora, chosen))


def parallel_speakers(corpora: Path, split: str) -> tuple[str, ...]:
    """Return the speakers who read the same texts in one split of `corpora`/splits.csv; see `parallel_readers`.

    Raises:
        CorpusError: if `splits.csv` cannot be read.
    """
    rows = {key: row for key, row in read_splits(corpora / "splits.csv").items() if row.split == split}
    return parallel_readers((row.speaker, row.text) for row in _complete(corpora, rows).values())


def parallel_readers(read: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the speakers who share at least half of their texts with other speakers.

    Args:
        read: pairs of speaker and text, one for each clip.

    Returns:
        The speakers in the order of their first clip; empty if there are fewer than two.
    """
    texts: dict[str, set[str]] = {}
    for speaker, text in read:
        texts.setdefault(speaker, set()).add(text)
    readers = Counter(text for own in texts.values() for text in own)
    found = tuple(name for name, own in texts.items() if 2 * sum(readers[text] > 1 for text in own) >= len(own))
    return found if len(found) > 1 else ()


def _complete(corpora: Path, rows: Splits) -> Splits:
    """Return `rows` with the speakers and texts that they do not give, from the transcripts of their corpora."""
    scant = {key: row for key, row in rows.items() if not (row.speaker and row.text)}
    found = {(clip.corpus, clip.id): clip for clip in _located(corpora, scant)}
    told = {key: replace(scant[key], speaker=clip.speaker, kind=clip.kind, text=clip.text) for key, clip in found.items()}
    return {**rows, **told}


def _located(corpora: Path, rows: Splits) -> Iterator[Clip]:
    sources = {corpus: read_source(corpora / corpus) for corpus, _ in rows}
    clips = {(corpus, clip.id): clip for corpus, source in sources.items() for clip in source.clips}
    for key, row in rows.items():
        if key not in clips:
            hint = "add the recording to the corpus, or leave out the line"
            raise CorpusError(f"{row.where}: '{key[0]}' has no recording of '{key[1]}'", hint)
        if clips[key].is_part:
            hint = "prepare the corpus, and name the recordings that it has in its folder cut"
            raise CorpusError(f"{row.where}: '{key[1]}' is a part of a longer recording, which is not cut here", hint)
        yield row.applied_to(clips[key])


@dataclass(frozen=True)
class Prompt:
    """Text to be spoken in the voice of one speaker, with that speaker's recording of it if there is one."""

    text: str
    speaker: str
    kind: str = ""
    """Kind of sentence, such as `statement`."""
    recording: Clip | None = None
    name: str = ""
    """Name of a sentence without a recording, such as `0001`."""

    @property
    def id(self) -> str:
        """Id of the recording, or the name of a sentence without one."""
        return self.recording.id if self.recording else self.name

    def describe(self) -> dict[str, str]:
        """Return the fields that identify the prompt in the details of a report."""
        if self.recording:
            return describe(self.recording)
        named = {"id": self.name} if self.name else {}
        return {"speaker": self.speaker, **named, "kind": self.kind, "text": self.text}


def recorded_prompts(clips: Iterable[Clip]) -> tuple[Prompt, ...]:
    """Return a prompt for each recorded clip."""
    return tuple(Prompt(clip.text, clip.speaker, clip.kind, clip) for clip in clips)


def unrecorded_prompts(sentences: Iterable[GroupedText], speakers: Iterable[str]) -> tuple[Prompt, ...]:
    """Return a prompt without a recording for every speaker and sentence, speaker by speaker; names count the sentences: 0001."""
    numbered = [(f"{place:04}", one) for place, one in enumerate(sentences, 1)]
    return tuple(Prompt(one.text, speaker, one.group, name=name) for speaker in speakers for name, one in numbered)


def describe(clip: Clip) -> dict[str, str]:
    """Return the fields that identify a clip in the details of a report: corpus, speaker, id, split, kind and text."""
    return {name: getattr(clip, name) for name in ("corpus", "speaker", "id", "split", "kind", "text")}


@dataclass(frozen=True, eq=False)
class Reference:
    """Recording for copy-synthesis, with the inputs of a vocoder: mel spectrogram, F0 and voicing."""

    clip: Clip
    audio: Floats = field(repr=False)
    """(samples,) at the mel's sample rate."""
    mel_config: MelConfig

    @cached_property
    def mel(self) -> Floats:
        """Natural-log mel spectrogram, shape (T, bands)."""
        return log_mel(self.audio, self.mel_config)

    @cached_property
    def pitch(self) -> tuple[Floats, Floats]:
        """F0 and voicing of the recording, shape (T, 1) each.

        F0 is the natural log of Hertz, interpolated over unvoiced frames; voicing is 0 or 1.

        Raises:
            AudioError: if the F0 tracker is not installed.
        """
        f0_hz, voicing = estimate_f0(self.audio, self.mel_config)
        return interpolate_log_f0(f0_hz, TYPICAL_HZ)[:, None], voicing[:, None]


def read_references(clips: Iterable[Clip], mel_config: MelConfig) -> list[Reference]:
    """Read the recordings of `clips`, resampled to the sample rate of `mel_config`.

    Raises:
        AudioError: if a recording cannot be read.
    """
    return [Reference(clip, read_audio(clip.audio, mel_config.sample_rate), mel_config) for clip in clips]
