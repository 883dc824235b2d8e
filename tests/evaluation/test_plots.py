"""Plots of a report: their axes, lines and texts, and their form in a page."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tts_cli.audio.files import read_native
from tts_cli.audio.mel import Floats
from tts_cli.audio.textgrid import Interval
from tts_cli.evaluation.plots import COLOURS, RECORDED, distribution, f0_overlay, inline_svg, means, mel_pair, words_of
from tts_cli.evaluation.statistics import Estimate
from tts_cli.output.pictures import Shown

pytest.importorskip("matplotlib")
RECORDING = Path(__file__).parents[2] / "data/kathleen/wavs/arctic_b0457.flac"
RATE = 16000
HOSTILE = "$\\frac{1}{$ <b>& " + "x" * 1000


def glide(seconds: float, from_hz: float, to_hz: float) -> Floats:
    """Return a voice-like tone whose F0 glides evenly in semitones."""
    time = np.arange(round(seconds * RATE)) / RATE
    f0_hz = from_hz * (to_hz / from_hz) ** (time / seconds)
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE
    return np.asarray(0.2 * sum(np.sin(k * phase) / k for k in range(1, 9)), np.float32)


def line(figure: Any, index: int) -> tuple[Any, Any]:
    """Return the finite points of a line of the first axes: x and y."""
    drawn = [one for one in figure.axes[0].lines if len(one.get_xdata()) > 2][index]
    x, y = np.asarray(drawn.get_xdata()), np.asarray(drawn.get_ydata())
    return x[np.isfinite(y)], y[np.isfinite(y)]


def test_the_words_of_a_recording_are_found_in_their_order() -> None:
    audio, rate = read_native(RECORDING)
    words = words_of(audio, rate, "It was sanctification and salvation.")
    assert [word.label for word in words] == ["It", "was", "sanctification", "and", "salvation"]
    edges = [edge for word in words for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)
    assert 0 <= edges[0] < edges[-1] <= len(audio) / rate + 0.02
    assert words[2].end_s - words[2].start_s == max(word.end_s - word.start_s for word in words)


@pytest.mark.parametrize("text", ["Nobody ever read these nine words to her there.", "", "..."])
def test_audio_that_does_not_say_the_text_has_no_words(text: str) -> None:
    assert words_of(*read_native(RECORDING), text) == ()


def test_f0_is_in_semitones_from_the_median_of_the_first() -> None:
    figure = f0_overlay([Shown("recordings", glide(1.0, 200, 200), RATE), Shown("ours", glide(1.0, 400, 400), RATE)])
    assert np.median(line(figure, 0)[1]) == pytest.approx(0.0, abs=0.01)
    assert np.median(line(figure, 1)[1]) == pytest.approx(12.0, abs=0.2)
    assert "200 Hz" in figure.axes[0].get_ylabel() or "199 Hz" in figure.axes[0].get_ylabel()
    assert figure.axes[0].get_xlabel() == "seconds"


def test_an_utterance_is_warped_word_by_word_to_the_first() -> None:
    first = Shown("recordings", glide(1.0, 150, 250), RATE, (), (Interval("one", 0.0, 0.5), Interval("two", 0.5, 1.0)))
    # The second word takes as long as in the first, the first word three times as long.
    slow = np.concatenate([glide(1.5, 150, 150), glide(0.5, 250, 250)])
    ours = Shown("ours", slow, RATE, (), (Interval("one", 0.0, 1.5), Interval("two", 1.5, 2.0)))
    x, y = line(f0_overlay([first, ours]), 1)
    assert 0.9 < x.max() <= 1.0
    assert x[np.argmax(y > y.mean())] == pytest.approx(0.5, abs=0.03)


def test_an_utterance_with_other_words_is_stretched_and_the_legend_says_so() -> None:
    first = Shown("recordings", glide(1.0, 150, 250), RATE, (), (Interval("one", 0.0, 1.0),))
    figure = f0_overlay([first, Shown("ours", glide(2.0, 150, 250), RATE)])
    assert line(figure, 1)[0].max() <= 1.0
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["recordings", "ours (words not found)"]


def test_silence_and_noise_are_drawn() -> None:
    silence = Shown("recordings", np.zeros(RATE, np.float32), RATE)
    noise = Shown("ours", np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32), RATE)
    for figure in (f0_overlay([silence, noise]), mel_pair([silence, noise])):
        assert inline_svg(figure, "silence").startswith("<svg")


def test_mels_have_one_time_scale_and_their_own_words() -> None:
    short = Shown("recordings", glide(0.5, 150, 250), RATE, (), (Interval("yes", 0.0, 0.5),))
    figure = mel_pair([short, Shown("ours", glide(1.0, 150, 250), 24000, (), (Interval("yes", 0.2, 0.7),))])
    assert [axes.get_xlim() for axes in figure.axes] == [(0.0, pytest.approx(1.0 * RATE / 24000))] * 2
    assert [axes.images[0].get_extent()[1] for axes in figure.axes] == [pytest.approx(0.5), pytest.approx(0.675, abs=0.02)]
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes] == [["yes"], ["yes"]]


def test_a_distribution_joins_pairs_and_leaves_out_nan() -> None:
    values = {"recordings": [1.0, 2.0, np.nan], "ours": [2.0, 3.0, 4.0], "theirs": [5.0, 6.0, 7.0]}
    figure = distribution(values, "WER (%)")
    points = [one for one in figure.axes[0].lines if one.get_marker() == "o"]
    assert [list(one.get_xdata()) for one in points] == [[1.0, 2.0], [2.0, 3.0, 4.0], [5.0, 6.0, 7.0]]
    assert [one.get_color() for one in points] == [RECORDED, *COLOURS[:2]], "recordings are black wherever they stand"
    pairs = [list(one.get_xdata()) for one in figure.axes[0].lines if one.get_linewidth() == 0.5]
    assert pairs[:2] == [[1.0, 2.0, 5.0], [2.0, 3.0, 6.0]]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == list(values)
    unpaired = distribution({"ours": [1.0, 2.0], "theirs": [1.0]}, "WER (%)")
    apart = distribution(values, "WER (%)", is_paired=False)
    crowd = distribution({"ours": [1.0] * 100, "theirs": [2.0] * 100}, "WER (%)")
    assert not [one for figure in (unpaired, apart, crowd) for one in figure.axes[0].lines if one.get_linewidth() == 0.5]
    many = inline_svg(distribution({"ours": np.linspace(0, 1, 5000).tolist()}, "WER (%)"), "Many values.")
    assert "data:image/png" in many
    assert len(many) < 100_000


@pytest.mark.parametrize("values", [[], [np.nan], [1.0], [2.0, 2.0]])
def test_few_values_are_drawn(values: list[float]) -> None:
    assert inline_svg(distribution({"ours": values}, "WER (%)"), "few").startswith("<svg")


def test_means_have_the_ends_of_their_intervals() -> None:
    figure = means({"anna": {"ours": Estimate(2.0, 1.0, 4.0, 9)}, "ben": {"ours": Estimate(3.0, 3.0, 3.0, 1)}}, "score")
    bars = [container.lines[2][0].get_segments()[0].tolist() for container in figure.axes[0].containers]
    assert bars == [[[1.0, 1.0], [4.0, 1.0]], [[3.0, 3.0], [3.0, 3.0]]], "each below the name of its group"
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["anna", "ours", "ben", "ours"]
    alone = means({"": {"ours": Estimate(2.0, 1.0, 4.0, 9)}}, "score")
    assert [text.get_text() for text in alone.axes[0].get_yticklabels()] == ["ours"]
    assert figure.axes[0].yaxis_inverted(), "the first row is at the top"


def test_more_systems_than_colours_differ_by_their_dashes() -> None:
    tone = glide(0.3, 200, 210)
    figure = f0_overlay([Shown(f"system {number}", tone, RATE) for number in range(12)])
    looks = {(one.get_color(), one.get_linestyle()) for one in figure.axes[0].lines if len(one.get_xdata()) > 2}
    assert len(looks) == 12


def test_hostile_names_are_drawn_as_they_are() -> None:
    shown = Shown(HOSTILE, glide(0.3, 200, 210), RATE, (), (Interval(HOSTILE, 0.0, 0.3),))
    figures = f0_overlay([shown, shown]), mel_pair([shown]), distribution({HOSTILE: [1.0]}, HOSTILE)
    for figure in (*figures, means({HOSTILE: {HOSTILE: Estimate(1, 0, 2, 3)}}, HOSTILE)):
        assert figure.get_figwidth() < 20
        assert inline_svg(figure, HOSTILE).count("<svg") == 1


def test_a_picture_in_a_page_needs_no_style_and_names_no_address() -> None:
    svg = inline_svg(distribution({"ours": [1.0, 2.0]}, "WER (%)"), "Two values.", "first-")
    assert not re.search(r"style=|<style|xmlns|https?:|<metadata", svg)
    assert 'role="img"' in svg
    assert 'aria-label="Two values."' in svg
    assert 'class="wide"' not in svg
    assert set(re.findall(r'href="#([^"]+)', svg)) <= set(re.findall(r' id="(first-[^"]+)"', svg))
    assert re.search(r'stroke="#0072b2"|fill="#0072b2"', svg), "colours survive"
