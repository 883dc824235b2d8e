"""Pictures of speech: waveform, mel spectrogram, F0 and phones, one piece above the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.audio.files import resample
from tts_cli.audio.mel import Floats, MelConfig, log_mel
from tts_cli.audio.pitch import track_f0
from tts_cli.audio.textgrid import Interval
from tts_cli.files import atomic_write

INCHES_A_SECOND, LEAST_INCHES, MOST_INCHES = 3.0, 8.0, 60.0
"""Scale, minimum and maximum of the width of a picture."""
INCHES_A_PIECE = 5.0
"""Height of one piece of speech in a picture."""
INCHES_A_CONTOUR = 3.0
"""Height of one panel of F0 contours."""
LABEL_POINTS = 7
WAVE, BOUNDARY, PITCH = "#3c5aa0", "#9a9aa8", "#00e5ff"
MOST_NEPERS = 9.0
"""Range of colours of a mel spectrogram: from its maximum down, in nepers."""


@dataclass(frozen=True)
class Shown:
    """Piece of speech to be drawn."""

    title: str
    audio: Floats
    """Samples, shape (samples,)."""
    sample_rate: int
    """Sample rate in Hz."""
    phones: Sequence[Interval]
    """Phones, in seconds from the first sample."""


def draw(path: Path, pieces: Sequence[Shown], mel: MelConfig) -> None:
    """Write a PNG with the waveform, the mel spectrogram, the F0 and the phones of each piece, in one time scale.

    Args:
        path: File to write, whole or not at all.
        pieces: Pieces of speech, from the top down.
        mel: Configuration of the mel spectrograms.

    Raises:
        OutputError: The file cannot be written.
        AudioError: The F0 tracker is not installed.
    """
    seconds = max(len(shown.audio) / shown.sample_rate for shown in pieces)
    width = min(max(INCHES_A_SECOND * seconds, LEAST_INCHES), MOST_INCHES)
    figure = _figure(width, INCHES_A_PIECE * len(pieces))
    axes = figure.subplots(2 * len(pieces), 1, sharex=True, height_ratios=(1.0, 2.2) * len(pieces))
    for place, shown in enumerate(pieces):
        _draw(axes[2 * place : 2 * place + 2], shown, mel)
    axes[-1].set_xlim(0.0, seconds)
    axes[-1].set_xlabel("seconds")
    _save(figure, path)


def draw_contours(path: Path, panels: Mapping[str, Mapping[str, Floats]], mel: MelConfig) -> None:
    """Write a PNG with panels of F0 contours.

    Args:
        path: File to write, whole or not at all.
        panels: Audio by its name in the legend, by the title of its panel. Audio has shape (samples,) and the mel's sample rate.
        mel: Configuration with the sample rate and the hop of the contours.

    Raises:
        OutputError: The file cannot be written.
        AudioError: The F0 tracker is not installed.
    """
    figure = _figure(LEAST_INCHES, INCHES_A_CONTOUR * len(panels))
    for axes, (title, audios) in zip(np.atleast_1d(figure.subplots(len(panels), 1)), panels.items(), strict=True):
        for name, audio in audios.items():
            axes.plot(*_contour(audio, mel), label=name, linewidth=1.8)
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_xlabel("seconds")
        axes.set_ylabel("F0 (Hz)")
        axes.legend(fontsize=8)
    _save(figure, path)


def _figure(width: float, height: float) -> Any:
    """Return an empty figure of Matplotlib; sizes in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Any, path: Path) -> None:
    with atomic_write(path, "wb") as file:
        figure.savefig(file, format="png", dpi=100)


def _draw(axes: Any, shown: Shown, mel: MelConfig) -> None:
    """Draw the waveform of a piece on the first of two axes, and its mel spectrogram, F0 and phones on the second."""
    wave, bands = axes
    wave.set_title(shown.title, loc="left", fontsize=10)
    seconds = np.arange(len(shown.audio)) / shown.sample_rate
    wave.plot(seconds, shown.audio, color=WAVE, linewidth=0.4)
    wave.set_ylabel("waveform")
    audio = resample(shown.audio, shown.sample_rate, mel.sample_rate)
    heat = log_mel(audio, mel).T
    extent = (0.0, heat.shape[1] / mel.frame_rate, 0, mel.num_bands)
    bands.imshow(heat, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=heat.max() - MOST_NEPERS)
    bands.set_ylabel("mel band")
    _draw_pitch(bands.twinx(), audio, mel)
    _draw_phones(axes, shown.phones)


def _draw_pitch(pitch: Any, audio: Floats, mel: MelConfig) -> None:
    pitch.plot(*_contour(audio, mel), color=PITCH, linewidth=2.0)
    pitch.set_ylabel("F0 (Hz)")
    pitch.set_ylim(bottom=0.0)


def _contour(audio: Floats, mel: MelConfig) -> tuple[Floats, Floats]:
    """Return the centres of T frames in seconds, and their F0 in Hz (NaN in unvoiced frames), each of shape (T,)."""
    f0_hz = track_f0(audio, mel)
    centres = ((np.arange(len(f0_hz)) + 0.5) / mel.frame_rate).astype(np.float32)
    return centres, np.where(f0_hz > 0, f0_hz, np.float32(np.nan))


def _draw_phones(axes: Any, phones: Sequence[Interval]) -> None:
    """Draw a line at each boundary, and the names of the phones above the mel, alternating between two heights."""
    for place, phone in enumerate(phones):
        for panel in axes:
            panel.axvline(phone.start_s, color=BOUNDARY, linewidth=0.5)
            panel.axvline(phone.end_s, color=BOUNDARY, linewidth=0.5)
        label = phone.label.rstrip("012")
        middle, height = (phone.start_s + phone.end_s) / 2, (1.01, 1.06)[place % 2]
        axes[1].text(middle, height, label, transform=axes[1].get_xaxis_transform(), ha="center", fontsize=LABEL_POINTS)
