"""Measurement of systems: each utterance is spoken and measured in a worker process, and results are kept for the next run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soundfile

from tts_cli.audio.files import quantise
from tts_cli.audio.formats import FORMATS
from tts_cli.blocks.streamable import Fault
from tts_cli.corpora.journal import key_of
from tts_cli.evaluation.engine import run
from tts_cli.evaluation.measures.instruments import VERSIONS, Instruments, PromptFigures
from tts_cli.evaluation.measures.recognition import WordErrors
from tts_cli.evaluation.prepared import own_voices
from tts_cli.evaluation.prompts import Prompt
from tts_cli.evaluation.sources import print_of
from tts_cli.evaluation.systems import System, SystemOutput
from tts_cli.files import atomic_write

JOURNAL = "speech.jsonl"
"""File of kept results in `engine.cache_folder()`."""
AUDIO_FOLDER = "audio"
"""Folder of the utterances in the folder of a report."""
SPEECH = "speech"
"""Name of the part that every run takes: CPU time, duration and faults of an utterance."""
_AUDIO = "audio"
_VERSIONS = {**VERSIONS, SPEECH: 1, _AUDIO: 1}
_SEED_STEP = 1000
"""Difference of two noise seeds. Sentence i of a text adds i to the seed, so seeds of two runs must lie far apart."""


class Kit(Protocol):
    """Protocol of a description of instruments that a worker process opens."""

    def open(self) -> Instruments:
        """Return the instruments; the same ones at each call in one process."""


@dataclass(frozen=True)
class StandardKit:
    """Description of the instruments of some parts. It can be pickled, and results that they measured are kept."""

    parts: tuple[str, ...]
    own: Path | None = None
    """Folder of the speakers' own recordings, for identity: a prepared corpus, or corpora with `splits.csv`."""

    def open(self) -> Instruments:
        """Return the instruments. Raises InputError for an unknown part, or without the extra `eval`."""
        return _opened(self)


@lru_cache(maxsize=2)
def _opened(kit: StandardKit) -> Instruments:
    return Instruments.of(kit.parts, own_voices(kit.own) if kit.own else None)


@dataclass(frozen=True)
class GivenKit:
    """Instruments that are open already. Results that they measured are not kept, since nothing names them."""

    instruments: Instruments

    def open(self) -> Instruments:
        """Return the instruments."""
        return self.instruments


@dataclass(frozen=True)
class Keeping:
    """Way to run measurements: worker processes, and folder of audio."""

    jobs: int = 1
    """Number of worker processes, for systems that can be pickled."""
    folder: Path | None = None
    """Folder that gets the first utterance of every prompt as FLAC; None: no audio is written."""


def measure_system(system: System, kit: Kit | Instruments, keeping: Keeping = Keeping()) -> list[PromptFigures]:
    """Speak and measure every prompt of `system` with all its noise seeds.

    Results are kept between runs if the system has an identity and the kit is a `StandardKit`: each is written as soon as it is
    known, so that a stopped run continues.

    Returns:
        Measures of each prompt, in the order of `system.prompts`.

    Raises:
        AudioError: if an utterance is silent.
        InputError: if the extra `eval` is not installed.
        OutputError: if results or audio cannot be written.
    """
    kit = GivenKit(kit) if isinstance(kit, Instruments) else kit
    is_kept = isinstance(kit, StandardKit) and system.identity is not None
    tasks = list(_tasks(system, kit, keeping.folder))
    jobs = keeping.jobs if system.identity else 1
    found = run(tasks, system.name, jobs, JOURNAL if is_kept else None).found
    unwritten = [replace(task, measures=(_AUDIO,)) for task in tasks if task.file and not task.is_written]
    run(unwritten, f"{system.name}: audio", jobs)
    results = iter([found[task] for task in tasks])
    return [_figures_of(prompt, list(islice(results, system.num_seeds))) for prompt in system.prompts]


def _tasks(system: System, kit: Kit, folder: Path | None) -> Iterator[UtteranceTask]:
    """Yield a task for every prompt and seed. Word errors are counted, and audio is written, for the first seed alone."""
    parts = (*kit.open().parts, SPEECH)
    files = audio_files(system, folder) if folder else {}
    # Tasks go to worker processes one by one; each would carry all prompts.
    alone = replace(system, prompts=(), copy=None)
    for prompt in system.prompts:
        for seed in range(system.num_seeds):
            wanted = tuple(name for name in parts if name != "wer" or seed == 0)
            yield UtteranceTask(alone, prompt, seed, kit, wanted, None if seed else files.get(prompt))


def _figures_of(prompt: Prompt, found: Sequence[Mapping[str, Any]]) -> PromptFigures:
    """Return the measures of a prompt from the results of its seeds."""
    first = found[0]
    seeds = []
    for one in found:
        merged = {name: value for part, values in one.items() if part not in ("wer", SPEECH) for name, value in values.items()}
        spoken = one[SPEECH]
        seeds.append({**merged, "cpu": spoken["cpu_s"] / spoken["audio_s"]} if "cpu_s" in spoken else merged)
    faults = first[SPEECH]["faults"]
    return PromptFigures(
        prompt,
        tuple(seeds),
        WordErrors(**first["wer"]) if "wer" in first else None,
        None if faults is None else tuple(Fault(**fault) for fault in faults),
    )


@dataclass(frozen=True, eq=False)
class UtteranceTask:
    """Task of one utterance: a prompt, spoken by a system with one noise seed. See `engine.Task`."""

    system: System
    """System without its prompts."""
    prompt: Prompt
    place: int
    """Place of the noise seed, from 0."""
    kit: Kit
    measures: tuple[str, ...]
    file: Path | None = None
    """FLAC file to write; None: none."""

    @property
    def label(self) -> str:
        """Name of the system and text."""
        return f"{self.system.name}: {self.prompt.text}"

    def key(self, measure: str) -> str:
        """Return the key of a part's results: they depend on the system, the recording, the prompt, the seed and the measures."""
        prompt, recording = self.prompt, self.prompt.recording
        if self.system.identity is None:
            return f"{measure}|{self.system.name}|{prompt}|{self.place}"
        recorded = (print_of(recording.audio), recording.text) if recording else ()
        spoken = self.system.identity(prompt), self.system.origin, prompt.text, prompt.speaker, self.place
        return key_of(_VERSIONS[measure], measure, spoken, recorded, self._further(measure))

    def _further(self, measure: str) -> tuple[str, ...]:
        """Return what only one part depends on: the speaker's own recordings, or the name of the file."""
        if measure == _AUDIO and self.file:
            return self.file.parent.name, self.file.name
        voices = self.kit.open().voices if measure == "identity" else None
        return voices.prints(self.prompt.speaker) if voices else ()

    @property
    def is_written(self) -> bool:
        """True if the file holds the audio of this task."""
        try:
            with soundfile.SoundFile(str(self.file)) as opened:
                return bool(opened.comment == self.key(_AUDIO))
        except (soundfile.LibsndfileError, OSError):
            return False

    def measure(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Speak the prompt, write the file, and return results by part.

        Raises:
            AudioError: if the utterance is silent.
            OutputError: if the file cannot be written.
        """
        spoken = next(spoken_seeds(self.system, self.prompt, self.place))
        if self.file:
            self._write(self.file, spoken)
        parts = [name for name in names if name not in (SPEECH, _AUDIO)]
        found = self.kit.open().by_part(parts, self.prompt, spoken, self.system.origin) if parts else {}
        return {**found, **{name: _facts(spoken) for name in names if name not in parts}}

    def _write(self, file: Path, spoken: SystemOutput) -> None:
        flac = FORMATS["flac"]
        with (
            atomic_write(file, "wb", parents=True) as opened,
            soundfile.SoundFile(opened, "w", spoken.sample_rate, 1, flac.codec, format=flac.container) as written,
        ):
            written.comment = self.key(_AUDIO)
            written.write(quantise(spoken.samples))


def _facts(spoken: SystemOutput) -> dict[str, Any]:
    """Return CPU time, duration and faults of an utterance as JSON values."""
    faults = None if spoken.faults is None else [asdict(fault) for fault in spoken.faults]
    timed = {"cpu_s": spoken.cpu_s} if np.isfinite(spoken.cpu_s) else {}
    return {"audio_s": spoken.audio_s, "sample_rate": spoken.sample_rate, "faults": faults, **timed}


def spoken_seeds(system: System, prompt: Prompt, first: int = 0) -> Iterator[SystemOutput]:
    """Speak `prompt` once with each noise seed of `system`, from the place `first` on, and yield the utterances."""
    for place in range(first, system.num_seeds):
        yield SystemOutput(*system.speak(prompt, place * _SEED_STEP))


def audio_files(system: System, folder: Path) -> dict[Prompt, Path]:
    """Return the file of each prompt's audio in the folder of a system: `SPEAKER/ID.flac`."""
    taken: set[str] = set()
    files: dict[Prompt, Path] = {}
    for prompt in dict.fromkeys(system.prompts):
        stem = _free(f"{file_name(prompt.speaker)}/{file_name(prompt.id or prompt.text[:40])}", taken)
        files[prompt] = folder / f"{stem}.flac"
    return files


def file_name(text: str) -> str:
    """Return `text` as the name of a file: runs of other characters than letters, digits, dots and hyphens become `_`."""
    return re.sub(r"[^\w.-]+", "_", text).strip(".") or "_"


def distinct_file_names(texts: Iterable[str]) -> list[str]:
    """Return a file name for each text, all different, on systems that ignore case too."""
    taken: set[str] = set()
    return [_free(file_name(text), taken) for text in texts]


def _free(name: str, taken: set[str]) -> str:
    numbered = (f"{name}-{number}" for number in count(2))
    free = next(one for one in chain([name], numbered) if one.lower() not in taken)
    taken.add(free.lower())
    return free
