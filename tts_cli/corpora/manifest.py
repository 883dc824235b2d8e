"""Prepared corpus on disk: `manifest.jsonl`, `corpus.json` and features. `tts prepare` writes it, training reads it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, get_args
from zipfile import BadZipFile

import numpy as np
from pydantic import Field, ValidationError

from tts_cli.audio.mel import MelConfig
from tts_cli.config import StrictModel, parse, read_mapping, suggest
from tts_cli.corpora.drift import DriftSummary
from tts_cli.corpora.facts import CorpusFacts, English, Features, SpeakerFacts
from tts_cli.errors import CorpusError
from tts_cli.files import atomic_write

Split = Literal["train", "validation", "test"]
"""Splits of a prepared corpus. Clips of `unseen` in `splits.csv` are not prepared, so no model can train on them."""

FORMAT: Literal[2] = 2
"""Version of `corpus.json`. In version 1 the speakers' F0 statistics included held-out clips."""

FEATURES = ("mel", "log_f0", "voicing", "energy", "audio")
"""Names of the arrays in a file of features."""
_AGAIN = "run tts prepare again"


class Recording(StrictModel):
    """Clip of a prepared corpus: a line of `manifest.jsonl`."""

    id: str
    audio_filepath: str
    """Path of the original recording."""
    text: str
    """Text of the transcript."""
    normalized_text: str
    """Words as they are spoken, with numbers written out."""
    duration: float
    """Length in seconds."""
    speaker: str
    corpus: str
    split: Split
    kind: str
    """Kind of sentence, one of `layouts.KINDS`."""
    tokens: tuple[str, ...]
    durations: tuple[int, ...]
    """Mel frames of each token; the sum is `num_frames`."""
    num_frames: int
    features: str
    """Path of the features, relative to the folder of the corpus."""
    document: str = ""
    """Story, chapter or passage that the sentence belongs to; "" if it stands alone."""
    position: int | None = None
    """Place of the sentence in its document; places may be missing. None if unknown."""
    session: str = ""
    """Recording session, with one microphone, level and state of the voice; "" if unknown."""
    f0_drift: float = 0.0
    """Drift of the voice in this session, to be subtracted from log F0, see `corpora.drift`."""
    level_drift: float = 0.0
    """Drift of the level in this session, to be subtracted from log mel and energy."""


class SpeakerSummary(StrictModel):
    """Number of clips, their length, and F0 statistics of a speaker."""

    clips: int
    seconds: float
    mean_log_f0: float
    """Mean natural log of F0 in Hz over the voiced frames of the training clips."""
    std_log_f0: float
    """Standard deviation of the natural log of F0 in Hz."""


class CorpusSummary(StrictModel):
    """Contents of `corpus.json`: mel configuration, symbols and speakers of all recordings."""

    format: Literal[2] = FORMAT
    mel: MelConfig
    mel_hash: str
    symbols: tuple[str, ...]
    """Symbols of the tokens; the id of a symbol is its index."""
    speakers: dict[str, SpeakerSummary]
    """Speakers by name."""
    versions: dict[str, str]
    """Versions of the packages and algorithms that prepared the corpus."""
    language: English = "en-US"
    """English of the texts."""
    drift: dict[str, DriftSummary] = Field(default_factory=dict)
    """Drift over sessions of each speaker; empty in a corpus of an earlier version, which tells no drift of its clips."""
    identity: str = ""
    """Hash of summary, manifest and recordings, which `write_corpus` computes; "" in a corpus of an earlier version."""


class Corpus:
    """Prepared corpus, opened by `open_corpus`."""

    def __init__(self, folder: Path, summary: CorpusSummary, recordings: list[Recording]) -> None:
        self.folder, self.summary, self.recordings = folder, summary, recordings

    @property
    def mel(self) -> MelConfig:
        """Return the mel configuration of the features."""
        return self.summary.mel

    @property
    def speakers(self) -> tuple[str, ...]:
        """Return the names of the speakers, sorted. The id of a speaker is its index here."""
        return tuple(sorted(self.summary.speakers))

    @property
    def facts(self) -> CorpusFacts:
        """Return the facts for a model that learns all speakers of this corpus."""
        summaries = self.summary.speakers
        speakers = [
            SpeakerFacts(name=name, mean_log_f0=summaries[name].mean_log_f0, std_log_f0=summaries[name].std_log_f0)
            for name in self.speakers
        ]
        language = self.summary.language
        return CorpusFacts(mel=self.mel, symbols=self.summary.symbols, speakers=tuple(speakers), language=language)

    def check_unchanged(self) -> None:
        """Raise CorpusError if the corpus on disk is no longer the one that was opened."""
        if _read_summary(self.folder).identity != self.summary.identity:
            hint = "start the command again; a training resumes from its last checkpoint, if the new corpus has the same speakers"
            raise CorpusError(f"{self.folder}: the corpus was prepared again while it was in use, and has changed", hint)

    def check_drift(self) -> None:
        """Raise CorpusError if the corpus was prepared by a version that did not measure drift over sessions."""
        if not self.summary.drift:
            message = f"{self.folder}: its drift over sessions is not known, so batches.normalise_sessions cannot subtract it"
            raise CorpusError(message, hint="run tts prepare again on the same sources, or set batches.normalise_sessions=false")

    def held_out(self, facts: CorpusFacts, count: int) -> list[Features]:
        """Return the features of `count` utterances, those of validation and test before those of training.

        The speakers take turns.

        Args:
            facts: Speakers, mel configuration and symbols of a model.
            count: Largest number of utterances.

        Raises:
            CorpusError: The corpus has none of these speakers, another mel configuration or other symbols.
        """
        _check_agreement(self.folder, self.summary, facts.mel, facts.symbols)
        known = [recording for recording in self.recordings if recording.speaker in facts.speaker_names]
        if not known:
            raise CorpusError(
                f"{self.folder}: it has no utterance of the speakers {', '.join(facts.speaker_names)}",
                hint=f"choose a corpus with these speakers; this one has {', '.join(self.speakers)}",
            )
        return [self._features(recording, facts) for recording in _in_turns(known)[:count]]

    def _features(self, recording: Recording, facts: CorpusFacts) -> Features:
        phones = np.array([facts.symbols.index(token) for token in recording.tokens], np.int64)
        durations = np.array(recording.durations, np.int64)
        speaker = np.array(facts.speaker_names.index(recording.speaker))
        frames = self.load(recording, ("mel", "log_f0", "voicing", "energy"))
        return {"phones": phones, "durations": durations, "speaker": speaker, **frames}

    def of_speakers(self, names: Sequence[str]) -> Corpus:
        """Return the part of the corpus with the speakers `names`. Raises CorpusError for a speaker that it lacks."""
        for name in names:
            if name not in self.summary.speakers:
                raise CorpusError(f"{self.folder}: no speaker '{name}'", hint=suggest(name, sorted(self.speakers)))
        speakers = {name: self.summary.speakers[name] for name in names}
        summary = self.summary.model_copy(update={"speakers": speakers})
        return Corpus(self.folder, summary, [recording for recording in self.recordings if recording.speaker in speakers])

    def with_disjoint_prompts(self) -> Corpus:
        """Return the corpus with one speaker for each text of the split `train`.

        A hash of the text chooses among its speakers; recordings by the others are left out. The other splits stay unchanged, so
        that figures on them stay comparable.
        """
        readers: dict[str, set[str]] = {}
        for recording in self.of_split("train"):
            readers.setdefault(recording.normalized_text, set()).add(recording.speaker)
        keepers = {text: sorted(names)[_digest(text) % len(names)] for text, names in readers.items()}
        kept = [r for r in self.recordings if r.split != "train" or r.speaker == keepers[r.normalized_text]]
        return Corpus(self.folder, self.summary, kept)

    def of_split(self, split: str) -> list[Recording]:
        """Return the recordings of one split. Raises CorpusError for `unseen`, unknown names and empty splits."""
        if split == "unseen":
            raise CorpusError("nothing trains on the split 'unseen'", hint="valid: train, validation, test")
        chosen = [recording for recording in self.recordings if recording.split == split]
        if not chosen:
            hint = "valid: train, validation, test"
            if split in get_args(Split):
                hint = f"prepare more recordings, or assign some to '{split}': tts prepare --splits FILE"
            raise CorpusError(f"{self.folder}: no recording is of the split '{split}'", hint)
        return chosen

    def load(self, recording: Recording, names: tuple[str, ...] = FEATURES) -> dict[str, np.ndarray[Any, Any]]:
        """Return features of a recording of T frames, by name.

        Args:
            recording: Clip of this corpus.
            names: Features to load, of `FEATURES`.

        Returns:
            `mel` (T, bands), `log_f0`, `voicing`, `energy` (T,), all float32; `audio` (T * hop,) int16.

        Raises:
            CorpusError: The file is missing or damaged.
        """
        path = self.folder / recording.features
        try:
            with np.load(path) as file:
                arrays = {name: file[name] for name in names}
        except (OSError, KeyError, ValueError, BadZipFile) as error:
            self.check_unchanged()
            raise CorpusError(f"{path}: damaged or missing features ({error})", hint=_AGAIN) from error
        hop = self.mel.hop_samples
        for name, array in arrays.items():
            if len(array) != recording.num_frames * (hop if name == "audio" else 1):
                self.check_unchanged()
                raise CorpusError(f"{path}: '{name}' does not have {recording.num_frames} frames", hint=_AGAIN)
        return arrays


def _in_turns(recordings: Sequence[Recording]) -> list[Recording]:
    """Sort held-out recordings before training ones; in each group, speakers take turns."""
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
    """Write arrays by name to an npz file, completely or not at all. Raises OutputError."""
    with atomic_write(path, "wb", parents=True) as file:
        np.savez(file, **arrays)


def write_corpus(folder: Path, summary: CorpusSummary, recordings: list[Recording], fingerprints: Sequence[str] = ()) -> None:
    """Write `corpus.json` and then `manifest.jsonl`, which marks the corpus as complete.

    Args:
        folder: Folder of the prepared corpus.
        summary: Contents of `corpus.json`; an identity that it has, as that of an unpacked corpus, is kept.
        recordings: Lines of the manifest.
        fingerprints: Hashes of the recordings, which become part of the identity.

    Raises:
        OutputError: A file cannot be written.
    """
    lines = [json.dumps(recording.model_dump(exclude_defaults=True), ensure_ascii=False) + "\n" for recording in recordings]
    identity = summary.identity or hashlib.sha256("".join([str(summary), *lines, *fingerprints]).encode()).hexdigest()[:24]
    with atomic_write(folder / "corpus.json") as file:
        file.write(json.dumps(summary.model_dump() | {"identity": identity}, indent=1, ensure_ascii=False) + "\n")
    with atomic_write(folder / "manifest.jsonl") as file:
        file.writelines(lines)


def open_corpus(folder: Path, mel: MelConfig | None = None, symbols: tuple[str, ...] | None = None) -> Corpus:
    """Open the prepared corpus in `folder`.

    Args:
        folder: Folder that `tts prepare` wrote.
        mel: Mel configuration that the corpus must have; None accepts any.
        symbols: Symbols that the corpus must have; None accepts any.

    Raises:
        CorpusError: The corpus is incomplete or damaged, or has another mel configuration or other symbols.
    """
    if not (folder / "manifest.jsonl").is_file():
        raise CorpusError(f"{folder}: not a prepared corpus, manifest.jsonl is missing", hint="run tts prepare first")
    summary = _read_summary(folder)
    _check_agreement(folder, summary, mel, symbols)
    recordings = [_checked(recording, where, summary) for where, recording in _read_manifest(folder / "manifest.jsonl")]
    return Corpus(folder, summary, recordings)


def prepared_ids(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield corpus and id of each clip that the manifest in `folder` lists, if there is one. Damaged lines are left out."""
    manifest = folder / "manifest.jsonl"
    lines = manifest.read_text(encoding="utf-8", errors="replace").splitlines() if manifest.is_file() else []
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            row = json.loads(line)
            yield str(row["corpus"]), str(row["id"])


def check_mel(folder: Path, mel: MelConfig) -> None:
    """Raise CorpusError if `folder` has a corpus of another mel configuration."""
    if (folder / "corpus.json").is_file() and _format(read_mapping(folder / "corpus.json")) == FORMAT:
        _check_agreement(folder, _read_summary(folder), mel, None)


def _read_summary(folder: Path) -> CorpusSummary:
    path = folder / "corpus.json"
    mapping = read_mapping(path)
    if _format(mapping) != FORMAT:
        hint = "run tts prepare again on the same sources; unchanged results are reused"
        raise CorpusError(f"{path}: corpus format {_format(mapping)}, this version reads {FORMAT}", hint=hint)
    return parse(CorpusSummary, mapping, str(path))


def _format(mapping: dict[str, Any]) -> object:
    return mapping.get("format", FORMAT)


def _check_agreement(folder: Path, summary: CorpusSummary, mel: MelConfig | None, symbols: tuple[str, ...] | None) -> None:
    found = summary.mel_hash
    wanted = summary.mel.hash if mel is None else mel.hash
    if found != wanted or found != summary.mel.hash:
        raise CorpusError(f"{folder}: prepared with another mel configuration ({found}, not {wanted})", hint=_AGAIN)
    if symbols is not None and summary.symbols != symbols:
        raise CorpusError(f"{folder}: prepared with another set of symbols", hint=_AGAIN)


def _read_manifest(path: Path) -> Iterator[tuple[str, Recording]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            where = f"{path}:{number}"
            try:
                yield where, Recording.model_validate_json(line)
            except ValidationError as error:
                first = error.errors()[0]
                raise CorpusError(f"{where}: '{'.'.join(map(str, first['loc']))}': {first['msg']}", hint=_AGAIN) from error


def _checked(recording: Recording, where: str, summary: CorpusSummary) -> Recording:
    if sum(recording.durations) != recording.num_frames or len(recording.durations) != len(recording.tokens):
        raise CorpusError(f"{where}: the durations do not match the tokens and the number of frames", hint=_AGAIN)
    if recording.speaker not in summary.speakers:
        raise CorpusError(f"{where}: corpus.json does not know the speaker '{recording.speaker}'", hint=_AGAIN)
    unknown = set(recording.tokens) - set(summary.symbols)
    if unknown:
        raise CorpusError(f"{where}: corpus.json does not know the symbols {sorted(unknown)}", hint=_AGAIN)
    return recording
