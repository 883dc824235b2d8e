"""Tasks of the evaluation of prosody: utterances of systems and recordings, spoken and measured in worker processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

from tts_cli.corpora.journal import key_of
from tts_cli.errors import AudioError
from tts_cli.evaluation.engine import run
from tts_cli.evaluation.measures.comparison import analyse
from tts_cli.evaluation.measures.endings import SpokenProsody
from tts_cli.evaluation.measuring import spoken_seeds
from tts_cli.evaluation.prompts import Prompt
from tts_cli.evaluation.systems import System

VERSION = 1
"""Version of the measures. Raise it if the same audio would get other values; kept results are then measured again."""
JOURNAL = "prosody.jsonl"
"""File of kept results in `engine.cache_folder()`."""
_MEASURE = "prosody"


@dataclass(frozen=True)
class HeardPrompt:
    """Measured utterances of one prompt: one for each noise seed."""

    prompt: Prompt
    spoken: tuple[SpokenProsody, ...]


@dataclass(frozen=True, eq=False)
class ProsodyTask:
    """Task of one utterance: a prompt, spoken by a system with one noise seed, or recorded. See `engine.Task`."""

    system: System
    """System without its prompts."""
    prompt: Prompt
    place: int
    """Place of the noise seed, from 0."""
    measures: tuple[str, ...] = (_MEASURE,)

    @property
    def label(self) -> str:
        """Name of the system, speaker and text."""
        return f"{self.system.name}: {self.prompt.speaker}: {self.prompt.text}"

    def key(self, measure: str) -> str:
        """Return the key of the result: it depends on the system, the prompt, the seed and the version of the measures."""
        identity = self.system.identity(self.prompt) if self.system.identity else self.system.name
        return key_of(VERSION, measure, identity, self.prompt.text, self.prompt.speaker, self.place)

    def measure(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Speak the prompt and return its prosody by name. Raises AudioError if the audio cannot be read."""
        spoken = next(spoken_seeds(self.system, self.prompt, self.place))
        found = SpokenProsody.of(analyse(spoken.samples, spoken.sample_rate, self.prompt.text))
        return {name: asdict(found) for name in names}


def hear(system: System, prompts: Sequence[Prompt], jobs: int = 1) -> tuple[list[HeardPrompt], dict[str, str]]:
    """Speak and measure `prompts`; results of earlier runs are taken from the cache if the system has an identity.

    Returns:
        The measured prompts without those that failed, in their order, and the error messages of these by label.

    Raises:
        InputError: if the voice lacks a speaker.
        OutputError: if a result cannot be kept.
    """
    alone = replace(system, prompts=(), copy=None)
    tasks = [ProsodyTask(alone, prompt, place) for prompt in prompts for place in range(system.num_seeds)]
    is_kept = system.identity is not None
    results = run(tasks, system.name, jobs if is_kept else 1, JOURNAL if is_kept else None, tolerated=(AudioError,))
    left, heard = iter(tasks), []
    for prompt in prompts:
        found = [results.found[task] for task in islice(left, system.num_seeds)]
        if all(found):
            heard.append(HeardPrompt(prompt, tuple(SpokenProsody.parse(one[_MEASURE]) for one in found)))
    return heard, results.failures
