"""Pictures of the utterances with the lowest naturalness: spectrograms of recording, copy and synthesis."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tts_cli.audio.files import resample
from tts_cli.audio.mel import Floats, MelConfig, magnitude_spectrogram
from tts_cli.errors import InputError
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.measures.instruments import Instruments, PromptFigures
from tts_cli.evaluation.report import save_figure
from tts_cli.evaluation.systems import SystemOutput
from tts_cli.output.outlets import make_folder

NUM_WORST = 10
"""Number of utterances drawn for each system."""

_FRAMING = MelConfig(fft_samples=512, hop_samples=64)
"""Windows of 32 ms every 4 ms, long enough to resolve the harmonics of low voices."""
_RANGE_DB = 80.0
_INCHES_A_SECOND, _LEAST_INCHES, _MOST_INCHES = 2.5, 8.0, 32.0
_INCHES_A_PANEL = 3.0

Panels = Mapping[str, SystemOutput]
"""Utterances of one text by title of their panel, from top to bottom."""


def require_naturalness(instruments: Instruments) -> None:
    """Raise InputError if naturalness is not measured, since the pictures show the utterances that are lowest in it."""
    if not instruments.predict:
        raise InputError(
            "pictures show the utterances with the lowest DistillMOS, which is not measured", "add --part naturalness"
        )


def draw_worst(
    folder: Path, name: str, found: Sequence[PromptFigures], instruments: Instruments, panels: Callable[[PromptFigures], Panels]
) -> None:
    """Draw the `NUM_WORST` utterances of a system with the lowest naturalness, one PNG file each.

    Args:
        folder: folder of the files, made if missing. File names begin with the rank, 01 for the lowest.
        name: name of the system.
        found: measures of the system's prompts.
        instruments: instruments that predict the naturalness shown in the titles.
        panels: function from a measured prompt to the utterances of its picture.

    Raises:
        OutputError: if a file cannot be written.
        InputError: if the extra `eval` is not installed.
    """
    ranked = sorted((one for one in found if "naturalness" in one.figures), key=lambda one: one.figures["naturalness"])
    make_folder(folder)
    for rank, one in enumerate(ranked[:NUM_WORST], 1):
        prompt = one.prompt
        named = f"{rank:02}-{name}-{prompt.speaker}-{prompt.recording.id if prompt.recording else prompt.text[:24]}"
        scored = {f"{each}: DistillMOS {_score(instruments, audio)}": audio for each, audio in panels(one).items()}
        draw_spectrograms(folder / f"{re.sub(r'[^A-Za-z0-9.-]+', '_', named)}.png", f"{prompt.speaker}: {prompt.text}", scored)


def worst_seed(one: PromptFigures) -> int:
    """Return the index of the noise seed with the lowest naturalness."""
    return min(range(len(one.seeds)), key=lambda seed: one.seeds[seed].get("naturalness", np.inf))


def _score(instruments: Instruments, spoken: SystemOutput) -> str:
    return f"{instruments.predict(spoken.samples, spoken.sample_rate):.2f}" if instruments.predict else ""


def draw_spectrograms(file: Path, title: str, panels: Panels) -> None:
    """Draw the spectrograms of `panels` up to 8 kHz, one above the other on a common time axis, and write the PNG atomically.

    Raises:
        OutputError: if the file cannot be written.
        InputError: if the extra `eval` is not installed.
    """
    seconds = max(spoken.audio_s for spoken in panels.values())
    width = min(max(_INCHES_A_SECOND * seconds, _LEAST_INCHES), _MOST_INCHES)
    size = (width, _INCHES_A_PANEL * len(panels))
    figure = require("matplotlib.figure").Figure(figsize=size, layout="constrained")
    figure.suptitle(title)
    for axes, (name, spoken) in zip(np.atleast_1d(figure.subplots(len(panels), 1, sharex=True)), panels.items(), strict=True):
        levels = _levels(resample(spoken.samples, spoken.sample_rate, _FRAMING.sample_rate))
        extent = (0, len(levels) / _FRAMING.frame_rate, 0, _FRAMING.sample_rate / 2000)
        axes.imshow(levels.T, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=-_RANGE_DB, vmax=0)
        axes.set_title(name, loc="left", fontsize=10)
        axes.set_ylabel("kHz")
    axes.set_xlim(0, seconds)
    axes.set_xlabel("seconds")
    save_figure(figure, file, dpi=100)


def _levels(audio: Floats) -> Floats:
    """Return the spectrogram of `audio` (samples,) at 16 kHz in dB relative to its loudest bin, shape (T, bins)."""
    magnitude = magnitude_spectrogram(audio, _FRAMING)
    return np.asarray(20 * np.log10(np.maximum(magnitude, 1e-9) / max(float(magnitude.max()), 1e-9)), np.float32)
