"""Report of an evaluation of speech as a folder: utterances as JSON lines, audio, plots and players."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.audio.files import read_native
from tts_cli.evaluation.html import PlayerRow, ReportPage, Sound
from tts_cli.evaluation.measures.definitions import MEASURES
from tts_cli.evaluation.measures.instruments import PromptFigures
from tts_cli.evaluation.plots import distribution, f0_overlay, mel_pair, words_of
from tts_cli.evaluation.prompts import Prompt
from tts_cli.evaluation.report import Reports
from tts_cli.evaluation.systems import RECORDINGS
from tts_cli.files import atomic_write
from tts_cli.output.pictures import Shown

UTTERANCES_FILE = "utterances.jsonl"
"""File of the measures of each utterance in the folder of a report, one JSON object a line."""
MOST_PLAYED = 20
"""Most utterances with players in the page; their audio is in the page."""
MOST_DRAWN = 3
"""Most utterances with plots of F0 and mel spectrograms."""
_MOST_IN_PLOT = 4
DISTRIBUTED = ("naturalness", "wer", "cosine", "mcd_dtw", "f0_rmse_semitones_dtw", "duration_error_ms", "pesq")
"""Measures with a plot of their distribution over utterances."""
_CAPTIONS = {"naturalness": "DistillMOS {:.2f}", "wer": "WER {:.0f} %", "f0_rmse_semitones_dtw": "F0 RMSE {:.2f} st"}

Spoken = dict[str, PromptFigures]
"""Measures of one text by name of the system."""


@dataclass(frozen=True)
class SpeechReports(Reports):
    """Tables and paired tests of an evaluation of speech, with the measures and the audio of every utterance."""

    measured: Mapping[str, Sequence[PromptFigures]] = field(default_factory=dict)
    """Measures of the prompts of each system, by its name."""
    recordings: str = RECORDINGS
    """Name of the system that plays the recordings."""
    files: Mapping[str, Mapping[Prompt, Path]] = field(default_factory=dict)
    """Audio file of each prompt, by name of the system; empty if no audio was kept."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """Origin of each system in words, by its name; see `SystemSource.describe`."""

    def lede(self) -> str:
        """Return a sentence on systems, prompts, speakers and splits, for the top of the page."""
        prompts = [one.prompt for found in self.measured.values() for one in found]
        speakers = ", ".join(dict.fromkeys(prompt.speaker for prompt in prompts))
        splits = ", ".join(dict.fromkeys(prompt.recording.split for prompt in prompts if prompt.recording))
        of_split = f", recordings of the split {splits}" if splits else ""
        num_texts = len({prompt.text for prompt in prompts})
        return f"Systems: {', '.join(self.measured)}. Texts: {num_texts}{of_split}. Speakers: {speakers}."

    def illustrate(self, page: ReportPage, folder: Path) -> None:
        """Write `utterances.jsonl` into `folder`, and add systems, plots and players to `page`.

        Raises:
            OutputError: The file cannot be written.
        """
        with atomic_write(folder / UTTERANCES_FILE, parents=True) as file:
            file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in self.utterances(folder))
        page.section("Systems")
        page.facts({name: self._origin(name) for name in self.measured})
        self._distributions(page)
        chosen = self._chosen()
        self._plots(page, chosen[:MOST_DRAWN])
        self._players(page, chosen)

    def utterances(self, folder: Path) -> Iterator[dict[str, Any]]:
        """Yield system, prompt, measures and audio file, relative to `folder`, of every utterance."""
        for name, found in self.measured.items():
            for one in found:
                file = self.files.get(name, {}).get(one.prompt)
                audio = {"audio": file.relative_to(folder).as_posix()} if file else {}
                kept = one.as_dict()
                prompt = {key: kept.pop(key) for key in one.prompt.describe()}
                measures = {key: kept.pop(key) for key in one.figures}
                yield {"system": name, "prompt": prompt, "measures": measures, **kept, **audio}

    def _origin(self, name: str) -> str:
        described = "recordings" if name == self.recordings else self.origins.get(name, "")
        return f"{described or 'given'}; {len(self.measured[name])} prompts"

    def _distributions(self, page: ReportPage) -> None:
        page.section("Distributions over utterances", "Each point is an utterance; the box spans the quartiles.")
        for key in DISTRIBUTED:
            values = {name: [value_of(one, key) for one in found] for name, found in self.measured.items()}
            known = {name: own for name, own in values.items() if np.isfinite(own).any()}
            if known:
                title = MEASURES[key].title
                medians = ", ".join(f"{name} {np.nanmedian(own):.3g}" for name, own in known.items())
                page.figure(distribution(known, title), f"Box plots of {title} over utterances. Medians: {medians}.")

    def _chosen(self) -> list[Spoken]:
        """Return at most `MOST_PLAYED` texts, evenly spaced, each by every system that spoke it and has audio."""
        if not self.files:
            return []
        first = next(found for found in self.measured.values() if found)
        places = np.linspace(0, len(first) - 1, min(len(first), MOST_PLAYED)).round().astype(int)
        return [self.of_prompt(first[place].prompt) for place in places]

    def of_prompt(self, prompt: Prompt) -> Spoken:
        """Return the utterances of a prompt; of a system with a voice of its own, that of the text."""
        spoken: Spoken = {}
        for name, found in self.measured.items():
            of_text = [one for one in found if one.prompt.text == prompt.text]
            same = [one for one in of_text if one.prompt == prompt] or [one for one in of_text if not one.prompt.recording]
            if same:
                spoken[name] = same[0]
        return spoken

    def _sound(self, name: str, one: PromptFigures) -> tuple[Any, int]:
        return read_native(self.files[name][one.prompt])

    def _plots(self, page: ReportPage, chosen: Sequence[Spoken]) -> None:
        recorded = [spoken for spoken in chosen if self.recordings in spoken and len(spoken) > 1]
        if not recorded:
            return
        page.section("F0 and mel spectrograms", "The recording gives words and time; other utterances are warped to its words.")
        for spoken in recorded:
            prompt = spoken[self.recordings].prompt
            names = [self.recordings, *(name for name in spoken if name != self.recordings)][:_MOST_IN_PLOT]
            shown = [self._shown(name, spoken[name]) for name in names]
            page.subsection(f"{prompt.speaker}: {prompt.text}")
            compared = ", ".join(names)
            page.figure(f0_overlay(shown), f"F0 in semitones over the words of the recording: {compared}.")
            page.figure(mel_pair(shown), f"Mel spectrograms, from the top down: {compared}.")

    def _shown(self, name: str, one: PromptFigures) -> Shown:
        samples, rate = self._sound(name, one)
        return Shown(name, samples, rate, words=words_of(samples, rate, one.prompt.text))

    def _players(self, page: ReportPage, chosen: Sequence[Spoken]) -> None:
        if not chosen:
            return
        total = max(len(found) for found in self.measured.values())
        page.section(
            "Listen", f"{len(chosen)} of {total} utterances. The folder beside this page holds the audio of all of them."
        )
        rows = []
        for spoken in chosen:
            prompt = next(iter(spoken.values())).prompt
            sounds = {name: Sound(*self._sound(name, one), _caption(one)) for name, one in spoken.items()}
            rows.append(PlayerRow(f"{prompt.speaker} {prompt.id}".strip(), sounds, prompt.text))
        page.players(rows)


def value_of(one: PromptFigures, key: str) -> float:
    """Return a measure of an utterance as a table shows it, such as percent; NaN if it is undefined."""
    if key == "wer":
        value = one.words.errors / one.words.words if one.words else float("nan")
    else:
        value = one.figures.get(key, float("nan"))
    return value * MEASURES[key].scale


def _caption(one: PromptFigures) -> str:
    shown = [(text, value_of(one, key)) for key, text in _CAPTIONS.items()]
    return ", ".join(text.format(value) for text, value in shown if np.isfinite(value))
