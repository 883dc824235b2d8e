"""Pictures of speech: waveform, mel spectrogram, F0, phones and words, one piece above the other."""

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
INCHES_A_CONTOUR, INCHES_A_TITLE = 1.3, 0.4
"""Height of one row of F0 contours, and of the title of a panel."""
LABEL_POINTS, WORD_POINTS = 7, 9
LETTER_POINTS, AXES_SHARE = 5.2, 0.9
"""Usual width of a letter of a word, and usual share of a figure's width that its axes take."""
LONGEST_LABEL = 80
WAVE, BOUNDARY, PITCH, QUIET = "#3c5aa0", "#9a9aa8", "#00e5ff", "#666666"
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
    phones: Sequence[Interval] = ()
    """Phones, in seconds from the first sample."""
    words: Sequence[Interval] = ()
    """Words, in seconds from the first sample."""

    @property
    def seconds(self) -> float:
        """Return the duration in seconds."""
        return len(self.audio) / self.sample_rate


def draw(path: Path, pieces: Sequence[Shown], mel: MelConfig) -> None:
    """Write a PNG with the waveform, the mel spectrogram, the F0, the phones and the words of each piece, in one time scale.

    Args:
        path: File to write, whole or not at all.
        pieces: Pieces of speech, from the top down.
        mel: Configuration of the mel spectrograms.

    Raises:
        OutputError: The file cannot be written.
        AudioError: The F0 tracker is not installed.
    """
    seconds = max(shown.seconds for shown in pieces)
    width = min(max(INCHES_A_SECOND * seconds, LEAST_INCHES), MOST_INCHES)
    figure = _figure(width, INCHES_A_PIECE * len(pieces))
    axes = figure.subplots(2 * len(pieces), 1, sharex=True, height_ratios=(1.0, 2.2) * len(pieces))
    for place, shown in enumerate(pieces):
        axes[2 * place].set_xlim(0.0, seconds)
        _draw(axes[2 * place : 2 * place + 2], shown, mel)
    axes[-1].set_xlabel("seconds")
    _save(figure, path)


def draw_contours(path: Path, panels: Mapping[str, Sequence[Shown]], mel: MelConfig) -> None:
    """Write a PNG with panels of F0 contours in semitones: one row for each piece of a panel, with its words below.

    The rows of a panel have one time scale and one F0 scale, so that they can be compared.

    Args:
        path: File to write, whole or not at all.
        panels: Pieces of speech by the title of their panel.
        mel: Configuration with the hop of the contours; audio is resampled to its sample rate.

    Raises:
        OutputError: The file cannot be written.
        AudioError: The F0 tracker is not installed.
    """
    longest = max(shown.seconds for pieces in panels.values() for shown in pieces)
    width = min(max(INCHES_A_SECOND * longest, LEAST_INCHES), MOST_INCHES)
    heights = [INCHES_A_TITLE + INCHES_A_CONTOUR * len(pieces) for pieces in panels.values()]
    figure = _figure(width, sum(heights))
    for part, (title, pieces) in zip(
        np.atleast_1d(figure.subfigures(len(panels), 1, height_ratios=heights)), panels.items(), strict=True
    ):
        part.suptitle(label_of(title), x=0.01, ha="left", fontsize=11, fontweight="bold")
        _draw_rows(part.subplots(len(pieces), 1, sharex=True, sharey=True, squeeze=False)[:, 0], pieces, mel)
    _save(figure, path)


def _draw_rows(rows: Sequence[Any], pieces: Sequence[Shown], mel: MelConfig) -> None:
    contours = [contour(shown, mel) for shown in pieces]
    reference_hz, longest = median_f0(contours[0][1]), max(shown.seconds for shown in pieces)
    for axes, shown, (centres, f0_hz) in zip(rows, pieces, contours, strict=True):
        zero = f" (0 semitones: its median, {reference_hz:.0f} Hz)" if shown is pieces[0] else ""
        axes.plot(centres, semitones(f0_hz, reference_hz), color=WAVE, linewidth=2.0)
        axes.set_title(f"{label_of(shown.title)}{zero}", loc="left", fontsize=9, pad=3)
        axes.set_ylabel("semitones", fontsize=8)
        axes.grid(axis="y", color=BOUNDARY, linewidth=0.4, alpha=0.5)
        axes.tick_params(labelsize=8)
        axes.set_xlim(0.0, longest)
        draw_words(axes, shown.words)
    rows[-1].set_xlabel("seconds", fontsize=8)


def label_of(text: str, longest: int = LONGEST_LABEL) -> str:
    """Return `text` as Matplotlib writes it plainly: dollars stand for themselves; after `longest` characters it is cut."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: longest + 1])
    cut = printable if len(printable) <= longest else f"{printable[: longest - 1]}…"
    return cut.replace(r"\$", "$").replace("$", r"\$")


def contour(shown: Shown, mel: MelConfig) -> tuple[Floats, Floats]:
    """Return the centres of T frames in seconds, and their F0 in Hz (NaN in unvoiced and in single frames), each of shape (T,).

    Raises:
        AudioError: The F0 tracker is not installed.
    """
    return _contour(resample(shown.audio, shown.sample_rate, mel.sample_rate), mel)


def median_f0(f0_hz: Floats) -> float:
    """Return the median of the voiced frames of `f0_hz` (T,) in Hz; 1 if all are NaN."""
    voiced = f0_hz[np.isfinite(f0_hz)]
    return float(np.median(voiced)) if len(voiced) else 1.0


def semitones(f0_hz: Floats, reference_hz: float) -> Floats:
    """Return F0 in semitones above `reference_hz`, shape (T,); NaN stays NaN."""
    return np.asarray(12.0 * np.log2(f0_hz / reference_hz), np.float32)


def draw_words(axes: Any, words: Sequence[Interval], is_above: bool = False) -> None:
    """Write the words at their times along the x axis of Matplotlib axes, and draw a faint line at each boundary.

    A word that would touch the one before it goes one line further from the axes. The width and the x limits of the axes must be
    final.

    Args:
        axes: Axes with seconds on x.
        words: Words, in seconds.
        is_above: Write above the axes in place of below.
    """
    for edge in {edge for word in words for edge in (word.start_s, word.end_s)}:
        axes.axvline(edge, color=BOUNDARY, linewidth=0.5, alpha=0.6, zorder=2 if is_above else 0)
    levels, line = _levels(axes, words), 1.25 * WORD_POINTS
    for word, level in zip(words, levels, strict=True):
        place = ((word.start_s + word.end_s) / 2, 1.0 if is_above else 0.0)
        offset = (0, 4 + level * line if is_above else -(level + 1) * line)
        marks = {"xycoords": axes.get_xaxis_transform(), "textcoords": "offset points", "ha": "center", "fontsize": WORD_POINTS}
        axes.annotate(label_of(word.label), place, offset, va="baseline", annotation_clip=False, **marks)
    if not is_above:
        axes.tick_params(axis="x", length=0, pad=7 + line * (1 + max(levels, default=-1)), labelcolor=QUIET)


def _levels(axes: Any, words: Sequence[Interval]) -> list[int]:
    """Return the line of each word, 0 for the one nearest to the axes: the first line on which it has room."""
    low, high = axes.get_xlim()
    points = axes.figure.bbox.width / axes.figure.dpi * 72 * AXES_SHARE
    seconds_a_letter = LETTER_POINTS / points * (high - low)
    ends: list[float] = []
    found = []
    for word in words:
        middle, half = (word.start_s + word.end_s) / 2, seconds_a_letter * (len(word.label) + 1) / 2
        level = next((place for place, end in enumerate(ends) if end <= middle - half), len(ends))
        ends[level : level + 1] = [middle + half]
        found.append(level)
    return found


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
    wave.set_title(label_of(shown.title), loc="left", fontsize=10)
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
    draw_words(bands, shown.words)


def _draw_pitch(pitch: Any, audio: Floats, mel: MelConfig) -> None:
    pitch.plot(*_contour(audio, mel), color=PITCH, linewidth=2.0)
    pitch.set_ylabel("F0 (Hz)")
    pitch.set_ylim(bottom=0.0)


def _contour(audio: Floats, mel: MelConfig) -> tuple[Floats, Floats]:
    """Return the centres of T frames in seconds, and their F0 in Hz (NaN in unvoiced frames), each of shape (T,)."""
    f0_hz = track_f0(audio, mel)
    centres = ((np.arange(len(f0_hz)) + 0.5) / mel.frame_rate).astype(np.float32)
    voiced = np.pad(f0_hz > 0, 1)
    # A voiced frame alone is no line, and its F0 is rarely right.
    shown = voiced[1:-1] & (voiced[:-2] | voiced[2:])
    return centres, np.where(shown, f0_hz, np.float32(np.nan))


def _draw_phones(axes: Any, phones: Sequence[Interval]) -> None:
    """Draw a line at each boundary, and the names of the phones above the mel, alternating between two heights."""
    for place, phone in enumerate(phones):
        for panel in axes:
            panel.axvline(phone.start_s, color=BOUNDARY, linewidth=0.5)
            panel.axvline(phone.end_s, color=BOUNDARY, linewidth=0.5)
        label = phone.label.rstrip("012")
        middle, height = (phone.start_s + phone.end_s) / 2, (1.01, 1.06)[place % 2]
        axes[1].text(middle, height, label, transform=axes[1].get_xaxis_transform(), ha="center", fontsize=LABEL_POINTS)
