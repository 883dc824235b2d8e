"""Plots of a report: F0 contours over words, mel spectrograms, distributions of a measure, and means with intervals."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import StringIO
from itertools import cycle
from typing import Any
from xml.etree import ElementTree

import numpy as np

from tts_cli.audio.alignment import align
from tts_cli.audio.files import resample
from tts_cli.audio.mel import Floats, MelConfig, log_mel
from tts_cli.errors import AudioError, TextError
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.statistics import Estimate
from tts_cli.output.pictures import MOST_NEPERS, Shown, contour, draw_words, median_f0, semitones
from tts_cli.output.timings import Interval, Recorded, TimedSentence
from tts_cli.text import TextFrontEnd
from tts_cli.voice.sentence import Sentence

WIDE_INCHES = 6.0
"""Width above which a figure scrolls on a narrow screen in place of shrinking."""
COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Colours that colour-blind people can tell apart (Okabe and Ito 2008)."""
DASHES = ("-", "--", "-.", ":")
POINTS = 10
"""Size of letters in points."""
_INCHES_A_SECOND, _LEAST_INCHES, _MOST_INCHES = 2.2, 6.5, 40.0
_NARROW_INCHES = 5.6
_MEL = MelConfig()
_SVG = "{http://www.w3.org/2000/svg}"
_SPACE = re.compile(r"\{[^}]*\}")


def words_of(audio: Floats, sample_rate: int, text: str) -> tuple[Interval, ...]:
    """Find the words of `text` in `audio` by forced alignment; empty if the audio does not say the text.

    Args:
        audio: (samples,)
        sample_rate: Sample rate in Hertz.
        text: American English.
    """
    resampled = resample(audio, sample_rate, _MEL.sample_rate)
    try:
        utterance = TextFrontEnd().utterance(text)
        durations = align(resampled, utterance, _MEL)
    except (AudioError, TextError):
        return ()
    sentence = Sentence.of(utterance, durations=tuple(durations.tolist()))
    return tuple(TimedSentence(sentence, 0.0, Recorded(_MEL.frame_rate)).words())


def f0_overlay(spoken: Sequence[Shown]) -> Any:
    """Draw the F0 of one utterance by several systems over its words, in semitones from the median of the first.

    The first system, such as the recordings, gives words and time axis. The others are warped to it word by word; one without
    the same words is stretched as a whole.

    Args:
        spoken: Speech by systems; the title is the name of the system.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        AudioError: The F0 tracker is not installed.
        InputError: The extra `eval` is not installed.
    """
    first, *_ = spoken
    figure, axes = _figure(_width_of(first.seconds), 3.6)
    contours = [contour(shown, _MEL) for shown in spoken]
    reference_hz = median_f0(contours[0][1])
    for shown, (seconds, f0_hz), (colour, dash) in zip(spoken, contours, _looks(), strict=False):
        marks = {"color": colour, "linestyle": dash, "linewidth": 2.4 if shown is first else 1.7}
        axes.plot(_warped(seconds, shown, first), semitones(f0_hz, reference_hz), label=_named(shown, first), **marks)
    axes.set_xlim(0.0, first.seconds)
    axes.set_ylabel(f"F0, semitones from {reference_hz:.0f} Hz", fontsize=POINTS)
    axes.grid(axis="y", color="#cccccc", linewidth=0.5)
    figure.legend(loc="outside upper left", ncols=3, fontsize=POINTS, frameon=False)
    draw_words(axes, first.words)
    return figure


def mel_pair(spoken: Sequence[Shown]) -> Any:
    """Draw the mel spectrograms of one utterance by several systems, one above the other, on one time scale.

    Args:
        spoken: Speech by systems, the recordings first; words stand above each spectrogram.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        InputError: The extra `eval` is not installed.
    """
    seconds = max(shown.seconds for shown in spoken)
    figure, _ = _figure(_width_of(seconds), 2.3 * len(spoken) + 0.4, rows=len(spoken))
    for axes, shown in zip(figure.axes, spoken, strict=True):
        heat = log_mel(resample(shown.audio, shown.sample_rate, _MEL.sample_rate), _MEL).T
        extent = (0.0, heat.shape[1] / _MEL.frame_rate, 0, _MEL.num_bands)
        marks = {"cmap": "magma", "vmin": heat.max() - MOST_NEPERS, "interpolation": "none"}
        axes.imshow(heat, origin="lower", aspect="auto", extent=extent, **marks)
        axes.set_xlim(0.0, seconds)
        axes.set_ylabel(f"{shown.title}\nmel band", fontsize=POINTS)
        draw_words(axes, shown.words, is_above=True)
    axes.tick_params(axis="x", labelbottom=True, length=3)
    axes.set_xlabel("seconds", fontsize=POINTS)
    return figure


def distribution(values: Mapping[str, Sequence[float]], label: str) -> Any:
    """Draw the values of each system as points and a box: quartiles and median, whiskers at most 1.5 box lengths long.

    Args:
        values: Values by name of the system. If all have one length, value i of each belongs to the same utterance, and a line
            joins them. NaN is left out.
        label: Name of the measure with its unit.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        InputError: The extra `eval` is not installed.
    """
    figure, axes = _figure(_NARROW_INCHES, 0.9 + 0.55 * len(values))
    arrays = [np.asarray(each, np.float64) for each in values.values()]
    finite = [each[np.isfinite(each)] for each in arrays]
    places = np.arange(len(arrays))
    if len({len(each) for each in arrays}) == 1:
        axes.plot(np.array(arrays), places, color="#999999", linewidth=0.5, alpha=0.5, zorder=1)
    lines = {name: {"color": "#444444"} for name in ("boxprops", "whiskerprops", "capprops")}
    axes.boxplot(
        finite,
        positions=places,
        orientation="horizontal",
        widths=0.5,
        showfliers=False,
        medianprops={"color": "#000000"},
        **lines,
    )
    for place, each, (colour, _) in zip(places, finite, _looks(), strict=False):
        axes.plot(each, np.full(len(each), place), "o", color=colour, markersize=4, alpha=0.6, markeredgewidth=0, zorder=3)
    _name_rows(axes, list(values), label)
    return figure


def means(estimates: Mapping[str, Mapping[str, Estimate]], label: str) -> Any:
    """Draw means with their intervals, one row for each system in each group.

    Args:
        estimates: Estimates by group and name of the system; "" names a group that needs no name.
        label: Name of the measure with its unit.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        InputError: The extra `eval` is not installed.
    """
    rows = [(group, name, one) for group, own in estimates.items() for name, one in own.items()]
    figure, axes = _figure(_NARROW_INCHES, 0.9 + 0.36 * len(rows))
    looks = dict(zip(dict.fromkeys(name for _, name, _ in rows), _looks(), strict=False))
    for place, (group, name, one) in enumerate(rows):
        ends = [[max(one.value - one.low, 0.0)], [max(one.high - one.value, 0.0)]]
        axes.errorbar([one.value], [place], xerr=ends, fmt="o", color=looks[name][0], capsize=4, markersize=6)
        if place and rows[place - 1][0] != group:
            axes.axhline(place - 0.5, color="#999999", linewidth=0.6)
    _name_rows(axes, [f"{group}: {name}" if group else name for group, name, _ in rows], label)
    return figure


def inline_svg(figure: Any, alt: str) -> str:
    """Return a figure as an SVG element for an HTML page: letters are outlines, and no style needs permission.

    Args:
        figure: A `matplotlib.figure.Figure`.
        alt: Description of the picture.
    """
    from matplotlib import rc_context

    text = StringIO()
    with rc_context({"svg.hashsalt": alt, "svg.fonttype": "path"}):
        figure.savefig(text, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    root = ElementTree.fromstring(text.getvalue())  # noqa: S314 - Matplotlib wrote it
    for parent in root.iter():
        for child in [one for one in parent if one.tag in (f"{_SVG}metadata", f"{_SVG}style")]:
            parent.remove(child)
    for one in root.iter():
        one.tag = _SPACE.sub("", one.tag)
        one.attrib = _attributes(one.attrib)
    root.attrib |= {"role": "img", "aria-label": alt, "stroke-linejoin": "round", "stroke-linecap": "butt"}
    if figure.get_figwidth() > WIDE_INCHES:
        root.set("class", "wide")
    return ElementTree.tostring(root, encoding="unicode")


def _attributes(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return attributes without namespaces, with those of `style` as attributes of their own: the page's policy bars styles."""
    kept = {_SPACE.sub("", name): value for name, value in attributes.items()}
    declared = (part.split(":", 1) for part in kept.pop("style", "").split(";") if ":" in part)
    return {**kept, **{name.strip(): value.strip() for name, value in declared}}


def _figure(width: float, height: float, rows: int = 1) -> tuple[Any, Any]:
    """Return a figure of `width` by `height` inches and the first of its axes, which lie in `rows`."""
    figure = require("matplotlib.figure").Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    for each in axes:
        each.tick_params(labelsize=POINTS)
        each.spines[["top", "right"]].set_visible(False)
    return figure, axes[0]


def _width_of(seconds: float) -> float:
    return min(max(_INCHES_A_SECOND * seconds + 1.0, _LEAST_INCHES), _MOST_INCHES)


def _looks() -> Any:
    """Return an endless iterator of colours and dashes, all pairs of which differ."""
    return cycle((colour, dash) for dash in DASHES for colour in COLOURS)


def _name_rows(axes: Any, names: Sequence[str], label: str) -> None:
    axes.set_yticks(range(len(names)), names, fontsize=POINTS)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel(label, fontsize=POINTS)
    axes.grid(axis="x", color="#cccccc", linewidth=0.5)
    axes.set_axisbelow(True)


def _has_words_of(shown: Shown, first: Shown) -> bool:
    return bool(first.words) and [word.label for word in shown.words] == [word.label for word in first.words]


def _named(shown: Shown, first: Shown) -> str:
    return shown.title if _has_words_of(shown, first) or not first.words else f"{shown.title} (words not found)"


def _warped(seconds: Floats, shown: Shown, first: Shown) -> Floats:
    """Map times (T,) of `shown` to times of `first`, so that words begin and end together."""
    both = (shown, first) if _has_words_of(shown, first) else ()
    edges = [[0.0, *(edge for word in one.words for edge in (word.start_s, word.end_s)), one.seconds] for one in both]
    mine, theirs = edges or ([0.0, shown.seconds], [0.0, first.seconds])
    return np.asarray(np.interp(seconds, mine, theirs), np.float32)
