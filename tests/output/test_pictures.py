"""Pictures of speech: rows, words and scales."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tts_cli.audio.mel import Floats, MelConfig
from tts_cli.audio.textgrid import Interval
from tts_cli.errors import OutputError
from tts_cli.output import pictures
from tts_cli.output.pictures import LONGEST_LABEL, Shown, draw, draw_contours, draw_words, label_of, median_f0, semitones

figure = pytest.importorskip("matplotlib.figure")
RATE = 16000


def tone(seconds: float, hertz: float) -> Floats:
    """Return a voice-like tone."""
    phase = 2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE
    return np.asarray(0.2 * sum(np.sin(k * phase) / k for k in range(1, 9)), np.float32)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Figures that are saved, in their order; they are written too."""
    kept: list[Any] = []
    save = pictures._save
    monkeypatch.setattr(pictures, "_save", lambda one, path: (kept.append(one), save(one, path)))
    return kept


def test_every_piece_has_its_own_row_with_its_words(drawn: list[Any], tmp_path: Path) -> None:
    words = (Interval("Is", 0.0, 0.2), Interval("it", 0.2, 0.5))
    pieces = [Shown("centroid", tone(0.5, 200), RATE, (), words), Shown("syntactic", tone(1.0, 400), RATE, (), words[:1])]
    draw_contours(tmp_path / "f0.png", {"Is it?": pieces, "Yes.": pieces[:1]}, MelConfig())
    rows = drawn[0].axes
    assert [[text.get_text() for text in axes.texts] for axes in rows] == [["Is", "it"], ["Is"], ["Is", "it"]]
    assert [axes.get_xlim() for axes in rows] == [(0.0, 1.0), (0.0, 1.0), (0.0, 0.5)], "rows of a panel have one time scale"
    assert rows[0].get_ylim() == rows[1].get_ylim()
    medians = [float(np.nanmedian(axes.lines[0].get_ydata())) for axes in rows]
    assert medians == pytest.approx([0.0, 12.0, 0.0], abs=0.2)
    with Image.open(tmp_path / "f0.png") as image:
        assert image.width == 800


def test_speech_is_drawn_with_phones_above_and_words_below(drawn: list[Any], tmp_path: Path) -> None:
    shown = Shown("one.wav", tone(0.5, 200), RATE, (Interval("AH0", 0.0, 0.2),), (Interval("a", 0.0, 0.2),))
    draw(tmp_path / "speech.png", [shown, shown], MelConfig())
    assert [text.get_text() for text in drawn[0].axes[1].texts] == ["AH", "a"]
    assert (tmp_path / "speech.png").stat().st_size > 10_000
    with pytest.raises(OutputError):
        draw(tmp_path / "none" / "speech.png", [shown], MelConfig())


def test_words_never_touch_on_their_line() -> None:
    fast = [Interval(f"wordy{place}", place * 0.05, place * 0.05 + 0.05) for place in range(40)]
    one = figure.Figure(figsize=(8, 2), layout="constrained")
    axes = one.subplots()
    axes.set_xlim(0.0, 2.0)
    draw_words(axes, fast)
    one.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not [(a, b) for place, a in enumerate(boxes) for b in boxes[:place] if a.overlaps(b)]
    assert all(box.y1 < axes.get_window_extent().y0 for box in boxes)
    labels = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert max(label.y1 for label in labels) < min(box.y0 for box in boxes), "seconds stand below the words"


def test_semitones_are_twelve_an_octave_and_keep_gaps() -> None:
    f0_hz = np.array([100.0, np.nan, 200.0, 50.0], np.float32)
    np.testing.assert_allclose(semitones(f0_hz, 100.0), [0.0, np.nan, 12.0, -12.0])
    assert median_f0(f0_hz) == 100.0
    assert median_f0(np.full(3, np.nan, np.float32)) == 1.0


def test_labels_are_plain_and_short() -> None:
    assert label_of("$x$") == label_of(r"\$x\$") == r"\$x\$"
    assert label_of("a\nb\x00") == "a b "
    assert len(label_of("x" * 1000)) == LONGEST_LABEL
