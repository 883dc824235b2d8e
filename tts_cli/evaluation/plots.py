"""Plots of a report: F0 contours over words, mel spectrograms, distributions of a measure, and means with intervals."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from io import StringIO
from itertools import cycle
from typing import Any
from warnings import catch_warnings, filterwarnings
from xml.etree import ElementTree

import numpy as np

from tts_cli.audio.alignment import align
from tts_cli.audio.files import resample
from tts_cli.audio.mel import Floats, MelConfig, log_mel
from tts_cli.audio.textgrid import Interval
from tts_cli.errors import AudioError, TextError
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.statistics import Estimate
from tts_cli.evaluation.systems import RECORDINGS
from tts_cli.output.pictures import MOST_NEPERS, Shown, contour, draw_words, label_of, median_f0, semitones
from tts_cli.output.timings import Recorded, TimedSentence
from tts_cli.text import TextFrontEnd
from tts_cli.voice.sentence import Sentence

WIDE_INCHES = 6.0
"""Width above which a figure scrolls on a narrow screen in place of shrinking."""
RECORDED = "#000000"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Colours of systems that colour-blind people can tell apart (Okabe and Ito 2008)."""
DASHES = ("-", "--", "-.", ":")
POINTS = 10
"""Size of letters in points."""
SCATTER, MANY_POINTS = 0.16, 200
"""Largest distance of a point from the middle of its row, where rows are 1 apart; most points of a row that are not a bitmap."""
MOST_PAIRS = 60
"""Most lines between pairs that can be told apart."""
RASTER_DPI = 150
"""Resolution of bitmaps in a plot, in dots per inch."""
LONGEST_NAME = 28
"""Most characters of the name of a system or a row."""
_INCHES_A_SECOND, _LEAST_INCHES, _MOST_INCHES = 2.2, 6.5, 40.0
_NARROW_INCHES = 5.0
_MEL = MelConfig()
_LEFT_OUT = {"{http://www.w3.org/2000/svg}metadata", "{http://www.w3.org/2000/svg}style"}
_SPACE = re.compile(r"\{[^}]*\}")
_REFERENCE = re.compile(r"#((?![0-9a-f]{6}\b)[\w.-]+)")
"""Reference to an id in the value of an attribute; no colour."""


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
    width, letters = _width_of(first.seconds), max(len(_named(shown, first)) for shown in spoken)
    columns = max(1, int((width - 0.5) / (0.6 + 0.085 * letters)))
    figure, axes = _figure(width, 3.3 + 0.22 * -(-len(spoken) // columns))
    contours = [contour(shown, _MEL) for shown in spoken]
    reference_hz = median_f0(contours[0][1])
    for shown, (seconds, f0_hz), (colour, dash) in zip(spoken, contours, _looks(shown.title for shown in spoken), strict=True):
        marks = {"color": colour, "linestyle": dash, "linewidth": 2.4 if shown is first else 1.7}
        axes.plot(_warped(seconds, shown, first), semitones(f0_hz, reference_hz), label=_named(shown, first), **marks)
    axes.set_xlim(0.0, first.seconds)
    axes.set_xlabel("seconds", fontsize=POINTS)
    axes.set_ylabel(f"F0, semitones from {reference_hz:.0f} Hz", fontsize=POINTS)
    axes.grid(axis="y", color="#cccccc", linewidth=0.5)
    figure.legend(loc="outside upper left", ncols=columns, fontsize=POINTS, frameon=False)
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
        axes.set_ylabel(f"{label_of(shown.title, LONGEST_NAME)}\nmel band", fontsize=POINTS)
        draw_words(axes, shown.words, is_above=True)
    axes.set_xlabel("seconds", fontsize=POINTS)
    return figure


def distribution(values: Mapping[str, Sequence[float]], label: str, is_paired: bool = True) -> Any:
    """Draw the values of each system as points and a box: quartiles and median, whiskers at most 1.5 box lengths long.

    Args:
        values: Values by name of the system. If all have one length, value i of each belongs to the same utterance, and a line
            joins them unless there are more than `MOST_PAIRS`. NaN is left out.
        label: Name of the measure with its unit.
        is_paired: Draw those lines.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        InputError: The extra `eval` is not installed.
    """
    figure, axes = _figure(_NARROW_INCHES, 0.9 + 0.55 * len(values))
    arrays = [np.asarray(each, np.float64) for each in values.values()]
    finite = [each[np.isfinite(each)] for each in arrays]
    if is_paired and {len(each) for each in arrays} <= {min(len(arrays[0]), MOST_PAIRS)}:
        axes.plot(np.array(arrays), np.arange(len(arrays)), color="#999999", linewidth=0.5, alpha=0.5, zorder=1)
    # Points without lines are scattered across the box, so that equal ones can be told apart.
    _draw_points(axes, finite, [colour for colour, _ in _looks(values)], 0.0 if axes.lines else SCATTER)
    marks: dict[str, Any] = {name: {"color": "#444444"} for name in ("boxprops", "whiskerprops", "capprops")}
    marks |= {"medianprops": {"color": "#000000"}, "orientation": "horizontal", "showfliers": False, "zorder": 4}
    axes.boxplot(finite, positions=range(len(finite)), widths=0.5, **marks)
    _name_rows(axes, list(values), label)
    return figure


def _draw_points(axes: Any, rows: Sequence[Any], colours: Sequence[str], scatter: float) -> None:
    """Draw the values of each row as points, at most `scatter` above or below it; many of them as a bitmap."""
    generator = np.random.default_rng(0)
    for place, (values, colour) in enumerate(zip(rows, colours, strict=True)):
        heights = place + generator.uniform(-scatter, scatter, len(values))
        many = {"markersize": 3, "rasterized": True} if len(values) > MANY_POINTS else {"markersize": 5}
        axes.plot(values, heights, "o", color=colour, alpha=0.6, markeredgewidth=0, zorder=3, **many)


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
    rows: list[tuple[str, Estimate | None]] = []
    for group, own in estimates.items():
        rows += [*([(group, None)] if group else []), *own.items()]
    figure, axes = _figure(_NARROW_INCHES, 0.9 + 0.36 * len(rows))
    names = list(dict.fromkeys(name for name, one in rows if one))
    looks = dict(zip(names, _looks(names), strict=True))
    for place, (name, one) in enumerate(rows):
        if one is None:
            continue
        ends = [[max(one.value - one.low, 0.0)], [max(one.high - one.value, 0.0)]]
        axes.errorbar([one.value], [place], xerr=ends, fmt="o", color=looks[name][0], capsize=4, markersize=6)
    _name_rows(axes, [name for name, _ in rows], label)
    for place, (_, one) in enumerate(rows):
        if one is None:
            axes.get_yticklabels()[place].set_fontweight("bold")
            axes.axhline(place - 0.5, color="#999999", linewidth=0.6)
    return figure


def inline_svg(figure: Any, alt: str, prefix: str = "") -> str:
    """Return a figure as an SVG element for an HTML page: letters are outlines, and no style needs permission.

    Args:
        figure: A `matplotlib.figure.Figure`.
        alt: Description of the picture.
        prefix: Beginning of all ids in the element, of its own for each figure of a page.
    """
    root = ElementTree.fromstring(_svg(figure))  # noqa: S314 - Matplotlib wrote it
    for parent in root.iter():
        for child in [one for one in parent if one.tag in _LEFT_OUT]:
            parent.remove(child)
    wanted = {found for one in root.iter() for value in one.attrib.values() for found in _REFERENCE.findall(value)}
    for one in root.iter():
        one.tag, one.attrib = _SPACE.sub("", one.tag), _attributes(one.attrib, wanted, prefix)
    root.attrib |= {"role": "img", "aria-label": alt, "stroke-linejoin": "round", "stroke-linecap": "butt"}
    if figure.get_figwidth() > WIDE_INCHES:
        root.set("class", "wide")
    return ElementTree.tostring(root, encoding="unicode")


def _svg(figure: Any) -> str:
    """Return the SVG that Matplotlib writes, the same for the same figure."""
    from matplotlib import rc_context

    text = StringIO()
    with rc_context({"svg.hashsalt": "report", "svg.fonttype": "path"}), catch_warnings():
        # A letter that the font lacks becomes a box.
        filterwarnings("ignore", message="Glyph")
        figure.savefig(text, format="svg", dpi=RASTER_DPI, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return text.getvalue()


def _attributes(attributes: Mapping[str, str], wanted: Container[str], prefix: str) -> dict[str, str]:
    """Return attributes for an element in a page.

    They have no namespaces. Those of `style` become attributes of their own, since the policy of the page bars styles. Ids and
    references get the `prefix`; ids that are not `wanted` are dropped.
    """
    kept = {_SPACE.sub("", name): _REFERENCE.sub(rf"#{prefix}\1", value) for name, value in attributes.items()}
    declared = (part.split(":", 1) for part in kept.pop("style", "").split(";") if ":" in part)
    found = kept.pop("id", "")
    marks = {"id": f"{prefix}{found}"} if found in wanted else {}
    return {**kept, **{name.strip(): value.strip() for name, value in declared}, **marks}


def _figure(width: float, height: float, rows: int = 1) -> tuple[Any, Any]:
    """Return a figure of `width` by `height` inches and the first of its axes, which lie in `rows`."""
    figure = require("matplotlib.figure").Figure(figsize=(width, height), layout="constrained", facecolor="none")
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    for each in axes:
        each.tick_params(labelsize=POINTS)
        each.spines[["top", "right"]].set_visible(False)
    return figure, axes[0]


def _width_of(seconds: float) -> float:
    return min(max(_INCHES_A_SECOND * seconds + 1.0, _LEAST_INCHES), _MOST_INCHES)


def _looks(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return colour and dash of each system: the recordings are black, and no other system is."""
    others = ((colour, dash) for dash in cycle(DASHES) for colour in COLOURS)
    return [(RECORDED, DASHES[0]) if name == RECORDINGS else next(others) for name in names]


def _name_rows(axes: Any, names: Sequence[str], label: str) -> None:
    axes.set_yticks(range(len(names)), [label_of(name, LONGEST_NAME) for name in names], fontsize=POINTS)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel(label_of(label), fontsize=POINTS)
    axes.grid(axis="x", color="#cccccc", linewidth=0.5)
    axes.set_axisbelow(True)


def _has_words_of(shown: Shown, first: Shown) -> bool:
    return bool(first.words) and [word.label for word in shown.words] == [word.label for word in first.words]


def _named(shown: Shown, first: Shown) -> str:
    name = label_of(shown.title, LONGEST_NAME)
    return name if _has_words_of(shown, first) or not first.words else f"{name} (words not found)"


def _warped(seconds: Floats, shown: Shown, first: Shown) -> Floats:
    """Map times (T,) of `shown` to times of `first`, so that words begin and end together."""
    both = (shown, first) if _has_words_of(shown, first) else ()
    edges = [[0.0, *(edge for word in one.words for edge in (word.start_s, word.end_s)), one.seconds] for one in both]
    mine, theirs = edges or ([0.0, shown.seconds], [0.0, first.seconds])
    return np.asarray(np.interp(seconds, mine, theirs), np.float32)
