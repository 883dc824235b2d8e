"""Compressed prepared corpus: Ogg Opus audio, alignments and F0. Unpacking computes mel and energy again.

Shapes: T frames.
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from tts_cli.audio.files import quantise
from tts_cli.audio.mel import Floats, MelConfig, energy, log_mel
from tts_cli.audio.pitch import interpolate_log_f0
from tts_cli.config import parse
from tts_cli.corpora.journal import run_all
from tts_cli.corpora.manifest import Corpus, CorpusSummary, Recording, write_arrays, write_corpus
from tts_cli.errors import CorpusError, InputError

LOWEST_KBPS, HIGHEST_KBPS = 24.0, 40.0
"""Lowest and highest bit rate of the audio, in kilobits per second."""

_CLIPS = "clips.jsonl.xz"
_FRAMES = "frames.npz.xz"
_KBPS_STEP = 0.4
"""Step of bit rates: one byte in each Opus frame of 20 ms. The encoder rounds other rates up."""
_GAP_SECONDS = 0.02
"""Silence after each clip of a file: one Opus frame, so that a clip does not leak into the next one."""
_FILE_SECONDS = 120.0
"""Smallest length of a file of several clips. A separate Ogg file for each clip would cost 2.3 kb/s."""
_STEPS_PER_NEPER = 2048
"""Resolution of log F0: one step is 0.05 %."""
_RATES = (8000, 12000, 16000, 24000, 48000)
"""Sample rates of Opus, in Hz."""
_ATTEMPTS = 4
"""Encodings of the whole corpus until its size fits."""

Clips = list[Recording]
Audio = NDArray[np.int16]


@dataclass(frozen=True)
class PackedAudio:
    """Encoded audio of some clips of a corpus."""

    kbps: float
    """Bit rate in kilobits per second."""
    recordings: Clips
    """Encoded clips, in the order of `files`."""
    files: list[bytes]
    """Ogg Opus files of consecutive clips."""
    counts: list[int]
    """Number of clips in each file."""
    num_left_out: int
    """Number of training clips without room even at the lowest bit rate."""

    @property
    def num_bytes(self) -> int:
        """Return the size of all files together."""
        return sum(map(len, self.files))


def encode(corpus: Corpus, recordings: Clips, most_bytes: int) -> PackedAudio:
    """Encode `recordings` at the highest bit rate that fits into `most_bytes`.

    If even the lowest bit rate is too large, training clips are left out, the same share of each speaker. One training clip of
    each speaker and all clips of other splits stay.

    Args:
        corpus: Prepared corpus with features.
        recordings: Clips to encode.
        most_bytes: Largest size of all files together.

    Raises:
        InputError: The clips that must stay are too large, or Opus lacks the sample rate of the corpus.
    """
    if corpus.mel.sample_rate not in _RATES:
        raise InputError(
            f"{corpus.folder}: Opus has no rate of {corpus.mel.sample_rate} Hz", hint=f"prepare the corpus at one of {_RATES} Hz"
        )
    bytes_a_kilobit = _bytes_a_kilobit(corpus, recordings)
    share = 1.0
    for _ in range(_ATTEMPTS if most_bytes > 0 else 0):
        chosen = thinned(recordings, share)
        allowed = most_bytes / bytes_a_kilobit / sum(_seconds(recording, corpus.mel) for recording in chosen)
        if allowed < LOWEST_KBPS:
            share *= allowed / LOWEST_KBPS
            chosen = thinned(recordings, share)
        rate = min(max(allowed // _KBPS_STEP * _KBPS_STEP, LOWEST_KBPS), HIGHEST_KBPS)
        packed = _encode_at(rate, corpus, chosen, len(recordings) - len(chosen))
        if packed.num_bytes <= most_bytes:
            return packed
        bytes_a_kilobit *= packed.num_bytes / most_bytes * 1.002
    raise InputError(
        f"{most_bytes / 1e6:.1f} MB cannot hold the audio at {LOWEST_KBPS:g} kb/s",
        hint="allow a larger pack, or choose fewer speakers",
    )


def _bytes_a_kilobit(corpus: Corpus, recordings: Clips) -> float:
    """Return the bytes that a nominal kilobit needs, container included, measured on some of the clips."""
    some = recordings[:: max(1, len(recordings) // 500)]
    seconds = sum(_seconds(recording, corpus.mel) for recording in some)
    return 1.006 * _encode_at(LOWEST_KBPS, corpus, some, 0).num_bytes / LOWEST_KBPS / seconds


def thinned(recordings: Clips, share: float) -> Clips:
    """Return a `share` (0 to 1) of the training clips of each speaker, at least one, and all clips of other splits, in order."""
    training = [recording for recording in recordings if recording.split == "train"]
    counts, seen = Counter(recording.speaker for recording in training), Counter[str]()
    kept = {recording.features for recording in recordings if recording.split != "train"}
    for recording in sorted(training, key=lambda one: hashlib.sha256(one.features.encode()).digest()):
        if seen[recording.speaker] < max(1, share * counts[recording.speaker]):
            kept.add(recording.features)
        seen[recording.speaker] += 1
    return [recording for recording in recordings if recording.features in kept]


def write_packed(folder: Path, corpus: Corpus, rows: Clips, audio: PackedAudio) -> None:
    """Write a packed corpus into `folder`.

    Args:
        folder: Folder to write to; it is made.
        corpus: Prepared corpus with features.
        rows: Lines of the manifest. Rows without audio stay in it, but have no features.
        audio: Encoded audio of clips among `rows`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "corpus.json").write_text(corpus.summary.model_dump_json(), encoding="utf-8")
    (folder / _CLIPS).write_bytes(packed_rows(rows))
    places = {row.features: place for place, row in enumerate(rows)}
    index = {"places": np.array([places[clip.features] for clip in audio.recordings]), "counts": np.array(audio.counts)}
    (folder / _FRAMES).write_bytes(packed_frames(corpus, audio.recordings, index))
    for number, content in enumerate(audio.files):
        (folder / _audio_name(number)).write_bytes(content)


def packed_rows(rows: Clips) -> bytes:
    """Return the compressed manifest, without the paths of the original recordings."""
    lines = (json.dumps(row.model_copy(update={"audio_filepath": row.id}).model_dump(), ensure_ascii=False) for row in rows)
    return lzma.compress("\n".join(lines).encode(), preset=9)


def packed_frames(corpus: Corpus, recordings: Clips, index: Mapping[str, NDArray[Any]] | None = None) -> bytes:
    """Return compressed arrays: voicing and log F0 of the frames of `recordings`, and the arrays of `index`."""
    voiced, steps, levels = [], [], []
    for recording in recordings:
        features = corpus.load(recording, ("log_f0", "voicing"))
        voiced.append(features["voicing"] > 0)
        steps.append(np.round(features["log_f0"][voiced[-1]] * _STEPS_PER_NEPER).astype(np.int32))
        levels.append(features["log_f0"][0])
    buffer = io.BytesIO()
    changes = np.diff(np.concatenate(steps), prepend=0).astype(np.int32)
    bits = np.packbits(np.concatenate(voiced))
    named: dict[str, Any] = {"voiced": bits, "log_f0_changes": changes, "unvoiced_log_f0": np.array(levels, np.float32)}
    np.savez(buffer, **named, **dict[str, Any](index or {}))
    return lzma.compress(buffer.getvalue(), preset=9)


def unpack_corpus(folder: Path, output: Path, num_processes: int) -> None:
    """Unpack a packed corpus into a prepared corpus. Do nothing if `output` has a complete one.

    Args:
        folder: Folder that `write_packed` wrote.
        output: Folder of the prepared corpus.
        num_processes: Number of worker processes.

    Raises:
        CorpusError: The packed corpus is damaged.
        OutputError: `output` cannot be written.
    """
    if (output / "manifest.jsonl").is_file():
        return
    try:
        summary = parse(CorpusSummary, json.loads((folder / "corpus.json").read_text(encoding="utf-8")), str(folder))
        rows = [Recording.model_validate_json(line) for line in lzma.decompress((folder / _CLIPS).read_bytes()).splitlines()]
        tasks = {str(number): task for number, task in enumerate(_tasks(folder, output, summary.mel, rows))}
    except (OSError, ValueError, lzma.LZMAError) as error:
        raise CorpusError(f"{folder}: the packed corpus is damaged: {error}", hint="pack it again") from error
    for _ in run_all(_write_clips, tasks, num_processes):
        pass
    write_corpus(output, summary, rows)


@dataclass(frozen=True)
class _Task:
    """Task of a worker: decode an audio file and write the features of its clips."""

    audio: Path
    output: Path
    mel: MelConfig
    rows: Clips
    f0: list[tuple[Floats, Floats]]
    """Log F0 and voicing (T,) of each clip."""


def _tasks(folder: Path, output: Path, mel: MelConfig, rows: Clips) -> Iterator[_Task]:
    with np.load(io.BytesIO(lzma.decompress((folder / _FRAMES).read_bytes()))) as file:
        frames = {name: file[name] for name in file.files}
    clips = [rows[place] for place in frames["places"]]
    f0 = list(_contours(frames, clips))
    start = 0
    for number, count in enumerate(frames["counts"].tolist()):
        part = slice(start, start + count)
        yield _Task(folder / _audio_name(number), output, mel, clips[part], f0[part])
        start += count


def _contours(frames: dict[str, NDArray[Any]], rows: Clips) -> Iterator[tuple[Floats, Floats]]:
    """Yield log F0 (T,), interpolated through unvoiced frames, and voicing (T,) of each clip."""
    voiced = np.unpackbits(frames["voiced"]).astype(bool)
    log_f0 = (np.cumsum(frames["log_f0_changes"]) / _STEPS_PER_NEPER).astype(np.float64)
    frame = place = 0
    for row, level in zip(rows, frames["unvoiced_log_f0"], strict=True):
        voicing = voiced[frame : frame + row.num_frames]
        f0_hz: NDArray[Any] = np.zeros(row.num_frames)
        number = int(voicing.sum())
        f0_hz[voicing] = np.exp(log_f0[place : place + number])
        yield interpolate_log_f0(f0_hz, float(np.exp(level))), voicing.astype(np.float32)
        frame, place = frame + row.num_frames, place + number


def _write_clips(task: _Task) -> int:
    """Write the features of the clips of one audio file. Return the number of clips."""
    try:
        samples, rate = soundfile.read(task.audio, dtype="float32")
    except soundfile.LibsndfileError as error:
        raise CorpusError(f"{task.audio}: cannot be read: {error}", hint="pack it again") from error
    lengths = [row.num_frames * task.mel.hop_samples for row in task.rows]
    gap = _gap_samples(task.mel)
    if rate != task.mel.sample_rate or len(samples) != sum(lengths) + gap * len(lengths):
        raise CorpusError(f"{task.audio}: its length or sample rate does not match its clips", hint="pack it again")
    start = 0
    for row, length, (log_f0, voicing) in zip(task.rows, lengths, task.f0, strict=True):
        audio = quantise(samples[start : start + length])
        mel = log_mel((audio / 32768.0).astype(np.float32), task.mel)
        features = {"mel": mel, "log_f0": log_f0, "voicing": voicing, "energy": energy(mel)[:, 0], "audio": audio}
        write_arrays(task.output / row.features, features)
        start += length + gap
    return len(task.rows)


def _encode_at(kbps: float, corpus: Corpus, recordings: Clips, num_left_out: int) -> PackedAudio:
    files = list(_files(recordings, corpus.mel))
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        encoded = list(threads.map(lambda clips: _opus(_joined(corpus, clips), corpus.mel.sample_rate, kbps), files))
    return PackedAudio(kbps, recordings, encoded, [len(clips) for clips in files], num_left_out)


def _files(recordings: Iterable[Recording], mel: MelConfig) -> Iterator[Clips]:
    """Yield the clips of each file."""
    clips: Clips = []
    for recording in recordings:
        clips.append(recording)
        if sum(_seconds(clip, mel) for clip in clips) >= _FILE_SECONDS:
            yield clips
            clips = []
    if clips:
        yield clips


def _joined(corpus: Corpus, clips: Clips) -> Audio:
    gap = np.zeros(_gap_samples(corpus.mel), np.int16)
    return np.concatenate([part for clip in clips for part in (corpus.load(clip, ("audio",))["audio"], gap)])


def _opus(audio: Audio, sample_rate: int, kbps: float) -> bytes:
    buffer = io.BytesIO()
    # libsndfile maps compression levels 0 to 1 to 256 to 6 kb/s for each channel.
    level = (256 - kbps) / 250
    soundfile.write(buffer, audio, sample_rate, format="OGG", subtype="OPUS", compression_level=level)
    return buffer.getvalue()


def _seconds(recording: Recording, mel: MelConfig) -> float:
    return recording.num_frames / mel.frame_rate + _GAP_SECONDS


def _gap_samples(mel: MelConfig) -> int:
    return round(_GAP_SECONDS * mel.sample_rate)


def _audio_name(number: int) -> str:
    return f"audio-{number:04d}.opus"
