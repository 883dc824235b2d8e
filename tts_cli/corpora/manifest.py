"""A prepared corpus on disk: `manifest.jsonl`, `corpus.json` and the features, written by `tts prepare`, read by training."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
from pydantic import ValidationError

from tts_cli.audio.mel import MelConfig
from tts_cli.config import StrictModel, parse, read_mapping, suggest
from tts_cli.corpora.facts import CorpusFacts, Features, SpeakerFacts
from tts_cli.errors import CorpusError
from tts_cli.files import atomic_write

Split = Literal["train", "validation", "test"]
"""The splits of a prepared corpus. `unseen` is none of them: what is set aside can never be trained on."""

FORMAT: Literal[2] = 2
"""Version of `corpus.json`. In version 1 the speakers' F0 statistics included held-out clips."""

FEATURES = ("mel", "log_f0", "voicing", "energy", "audio")


class Recording(StrictModel):
    """One line of `manifest.jsonl`."""

    id: str
    audio_filepath: str
    """The original recording."""
    text: str
    normalized_text: str
    duration: float
    """Seconds."""
    speaker: str
    corpus: str
    split: Split
    kind: str
    """statement, wh or yes-no."""
    tokens: tuple[str, ...]
    durations: tuple[int, ...]
    """Frames of every token; they sum to `num_frames`."""
    num_frames: int
    features: str
    """Path of the features, relative to the corpus."""


class SpeakerSummary(StrictModel):
    """What a speaker brings to a corpus."""

    clips: int
    seconds: float
    mean_log_f0: float
    """Mean natural log of F0 in Hertz over the voiced frames of the training clips."""
    std_log_f0: float


class CorpusSummary(StrictModel):
    """`corpus.json`: what all the recordings have in common."""

    format: Literal[2] = FORMAT
    mel: MelConfig
    mel_hash: str
    symbols: tuple[str, ...]
    speakers: dict[str, SpeakerSummary]
    versions: dict[str, str]


class Corpus:
    """A prepared corpus, opened and checked."""

    def __init__(self, folder: Path, summary: CorpusSummary, recordings: list[Recording]) -> None:
        self.folder, self.summary, self.recordings = folder, summary, recordings

    @property
    def mel(self) -> MelConfig:
        """The mel configuration of the features."""
        return self.summary.mel

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names of the speakers, sorted; a speaker's index is its place here."""
        return tuple(sorted(self.summary.speakers))

    @property
    def facts(self) -> CorpusFacts:
        """Facts for a model that learns all speakers of this corpus."""
        summaries = self.summary.speakers
        speakers = [
            SpeakerFacts(name=name, mean_log_f0=summaries[name].mean_log_f0, std_log_f0=summaries[name].std_log_f0)
            for name in self.speakers
        ]
        return CorpusFacts(mel=self.mel, symbols=self.summary.symbols, speakers=tuple(speakers))

    def held_out(self, facts: CorpusFacts, count: int) -> list[Features]:
        """Return the first `count` utterances of the speakers of `facts`, in turns, held-out ones before others.

        Raises CorpusError when the corpus has none of these speakers, another mel configuration or other symbols.
        """
        _check_agreement(self.folder, self.summary, facts.mel, facts.symbols)
        known = [recording for recording in self.recordings if recording.speaker in facts.speaker_names]
        if not known:
            raise CorpusError(f"{self.folder}: it has no utterance of the speakers {', '.join(facts.speaker_names)}")
        return [self._features(recording, facts) for recording in _in_turns(known)[:count]]

    def _features(self, recording: Recording, facts: CorpusFacts) -> Features:
        phones = np.array([facts.symbols.index(token) for token in recording.tokens], np.int64)
        durations = np.array(recording.durations, np.int64)
        speaker = np.array(facts.speaker_names.index(recording.speaker))
        frames = self.load(recording, ("mel", "log_f0", "voicing", "energy"))
        return {"phones": phones, "durations": durations, "speaker": speaker, **frames}

    def of_speakers(self, names: Sequence[str]) -> Corpus:
        """The part of the corpus that `names` speak. Raises CorpusError for a name it lacks."""
        for name in names:
            if name not in self.summary.speakers:
                raise CorpusError(f"{self.folder}: no speaker '{name}'", hint=suggest(name, sorted(self.speakers)))
        speakers = {name: self.summary.speakers[name] for name in names}
        summary = self.summary.model_copy(update={"speakers": speakers})
        return Corpus(self.folder, summary, [recording for recording in self.recordings if recording.speaker in speakers])

    def with_disjoint_prompts(self) -> Corpus:
        """The corpus in whose split `train` every text is read by one speaker: a hash of the text chooses which of its readers.

        The other splits stay as they are, so that what is measured on them compares.
        """
        readers: dict[str, set[str]] = {}
        for recording in self.of_split("train"):
            readers.setdefault(recording.normalized_text, set()).add(recording.speaker)
        keepers = {text: sorted(names)[_digest(text) % len(names)] for text, names in readers.items()}
        kept = [r for r in self.recordings if r.split != "train" or r.speaker == keepers[r.normalized_text]]
        return Corpus(self.folder, self.summary, kept)

    def of_split(self, split: str) -> list[Recording]:
        """The recordings of one split. Raises CorpusError for `unseen`, unknown names and empty splits."""
        if split == "unseen":
            raise CorpusError("nothing trains on the split 'unseen'", hint="valid: train, validation, test")
        chosen = [recording for recording in self.recordings if recording.split == split]
        if not chosen:
            raise CorpusError(f"{self.folder}: no recording is of the split '{split}'")
        return chosen

    def load(self, recording: Recording, names: tuple[str, ...] = FEATURES) -> dict[str, np.ndarray[Any, Any]]:
        """Features `names` of `recording`: mel (T, bands), log_f0, voicing, energy (T,) float32, audio (T * hop,) int16."""
        path = self.folder / recording.features
        try:
            with np.load(path) as file:
                arrays = {name: file[name] for name in names}
        except (OSError, KeyError, ValueError, BadZipFile) as error:
            raise CorpusError(f"{path}: damaged or missing features ({error})", hint="run tts prepare again") from error
        hop = self.mel.hop_samples
        for name, array in arrays.items():
            if len(array) != recording.num_frames * (hop if name == "audio" else 1):
                raise CorpusError(f"{path}: '{name}' does not have {recording.num_frames} frames", hint="run tts prepare again")
        return arrays


def _in_turns(recordings: Sequence[Recording]) -> list[Recording]:
    """Sort held-out recordings before others; of either the first of every speaker, then the second, ..."""
    counts: Counter[tuple[bool, str]] = Counter()
    places: list[tuple[bool, int]] = []
    for recording in recordings:
        is_trained_on = recording.split == "train"
        places.append((is_trained_on, counts[is_trained_on, recording.speaker]))
        counts[is_trained_on, recording.speaker] += 1
    order = sorted(range(len(places)), key=places.__getitem__)
    return [recordings[index] for index in order]


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def write_arrays(path: Path, arrays: dict[str, Any]) -> None:
    """Write the features of a recording, arrays by name, whole or not at all. Raises OutputError."""
    with atomic_write(path, "wb", parents=True) as file:
        np.savez(file, **arrays)


def write_corpus(folder: Path, summary: CorpusSummary, recordings: list[Recording]) -> None:
    """Writes `corpus.json` and, last, `manifest.jsonl`: where that lies, the corpus is complete. Raises OutputError."""
    with atomic_write(folder / "corpus.json") as file:
        file.write(json.dumps(summary.model_dump(), indent=1, ensure_ascii=False) + "\n")
    with atomic_write(folder / "manifest.jsonl") as file:
        file.writelines(json.dumps(recording.model_dump(), ensure_ascii=False) + "\n" for recording in recordings)


def open_corpus(folder: Path, mel: MelConfig | None = None, symbols: tuple[str, ...] | None = None) -> Corpus:
    """The prepared corpus in `folder`. Raises CorpusError when it is incomplete, damaged or disagrees with these."""
    if not (folder / "manifest.jsonl").is_file():
        raise CorpusError(f"{folder}: not a prepared corpus, manifest.jsonl is missing", hint="run tts prepare first")
    summary = _read_summary(folder)
    _check_agreement(folder, summary, mel, symbols)
    recordings = [_checked(recording, where, summary) for where, recording in _read_manifest(folder / "manifest.jsonl")]
    return Corpus(folder, summary, recordings)


def check_mel(folder: Path, mel: MelConfig) -> None:
    """Raises CorpusError when `folder` holds a corpus of another mel configuration."""
    if (folder / "corpus.json").is_file() and _format(read_mapping(folder / "corpus.json")) == FORMAT:
        _check_agreement(folder, _read_summary(folder), mel, None)


def _read_summary(folder: Path) -> CorpusSummary:
    path = folder / "corpus.json"
    mapping = read_mapping(path)
    if _format(mapping) != FORMAT:
        hint = "run tts prepare again on the same sources: what did not change is not computed again"
        raise CorpusError(f"{path}: corpus format {_format(mapping)}, this version reads {FORMAT}", hint=hint)
    return parse(CorpusSummary, mapping, str(path))


def _format(mapping: dict[str, Any]) -> object:
    return mapping.get("format", FORMAT)


def _check_agreement(folder: Path, summary: CorpusSummary, mel: MelConfig | None, symbols: tuple[str, ...] | None) -> None:
    found = summary.mel_hash
    wanted = summary.mel.hash if mel is None else mel.hash
    if found != wanted or found != summary.mel.hash:
        raise CorpusError(f"{folder}: prepared with another mel configuration ({found}, not {wanted})", hint="prepare it anew")
    if symbols is not None and summary.symbols != symbols:
        raise CorpusError(f"{folder}: prepared with another set of symbols", hint="run tts prepare again")


def _read_manifest(path: Path) -> Iterator[tuple[str, Recording]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            where = f"{path}:{number}"
            try:
                yield where, Recording.model_validate_json(line)
            except ValidationError as error:
                first = error.errors()[0]
                raise CorpusError(f"{where}: '{'.'.join(map(str, first['loc']))}': {first['msg']}") from error


def _checked(recording: Recording, where: str, summary: CorpusSummary) -> Recording:
    if sum(recording.durations) != recording.num_frames or len(recording.durations) != len(recording.tokens):
        raise CorpusError(f"{where}: the durations do not match the tokens and the number of frames")
    if recording.speaker not in summary.speakers:
        raise CorpusError(f"{where}: corpus.json does not know the speaker '{recording.speaker}'")
    unknown = set(recording.tokens) - set(summary.symbols)
    if unknown:
        raise CorpusError(f"{where}: corpus.json does not know the symbols {sorted(unknown)}")
    return recording
