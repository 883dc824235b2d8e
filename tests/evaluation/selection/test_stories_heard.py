from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tts_cli.corpora.manifest import Recording
from tts_cli.errors import InputError
from tts_cli.evaluation import statistics
from tts_cli.evaluation.measures.distributions import MEASURES
from tts_cli.evaluation.selection.tables import Standardised, cost_table, recognition_table
from tts_cli.evaluation.selection.tasks import OTHERS, RECORDING, Found, SelectionTask, settings_of
from tts_cli.evaluation.selection.variety import story_table

pytest.importorskip("scipy")
SETTINGS = settings_of(("centroid", "bert"))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 199)
    monkeypatch.setattr(statistics, "SLOW_RESAMPLES", 99)


def sentence(document: str, place: int | None, speaker: str = "ann") -> Recording:
    clip = Recording(
        id=f"{document}{place}", audio_filepath="x", text=f"{document} {place}.", normalized_text=f"{document} {place}.",
        duration=1, speaker=speaker, corpus="c", split="test", kind="statement", tokens=("^", "AE1"), durations=(1, 1),
        num_frames=2, features="x",
    )  # fmt: skip
    return clip.model_copy(update={"document": document, "position": place})


def results(name: str, rows: Mapping[Recording, np.ndarray]) -> dict[SelectionTask, dict[str, object]]:
    return {
        SelectionTask(name, Path(), "prosody", clip.speaker, clip.text, clip): {
            "sentences": [dict(zip(MEASURES, row.tolist(), strict=True))]
        }
        for clip, row in rows.items()
    }


def scored(clips: list[Recording], centroid: float, bert: float) -> Standardised:
    """Return scores of outputs that deviate from the recordings' mean so many times as much as the recordings."""
    random = np.random.default_rng(0)
    rows = {clip: random.normal(size=6) for clip in clips}
    found: Found = {
        RECORDING: results(RECORDING, rows),
        OTHERS: results(OTHERS, rows),
        "centroid": results("centroid", {clip: centroid * row for clip, row in rows.items()}),
        "bert, top 1": results("bert, top 1", {clip: 5 + bert * row for clip, row in rows.items()}),
    }
    return Standardised(found, SETTINGS)


def test_the_deviation_in_stories_is_a_multiple_of_the_recordings() -> None:
    clips = [sentence(story, place) for story in ("cake", "mat", "sea") for place in (4, 1, 3, 2)]
    report = story_table(scored(clips, 0.5, 1.1), ["centroid", "bert, top 1"])
    for name, times in (("centroid", 0.5), ("bert, top 1", 1.1)):
        (row,) = (row for row in report.rows if row.name == name)
        for key in ("within", "next", *MEASURES):
            assert row.estimates[key].value == pytest.approx(times)
            assert row.estimates[key].low == pytest.approx(times)
    assert report.rows[0].num_clips == 3
    assert "3 stories with 12 recorded sentences" in report.notes[0]


def test_neighbours_are_those_by_position() -> None:
    clips = [sentence("mat", place) for place in (3, 1, 2)]
    scores = scored(clips, 1.0, 1.0)
    rows = {clip: np.full(6, float(clip.position)) for clip in clips}  # type: ignore[attr-defined]
    scores.rows[RECORDING] = rows
    scores.rows["centroid"] = {clip: row * (-1 if clip.position == 3 else 1) for clip, row in rows.items()}  # type: ignore[attr-defined]
    (row, _) = story_table(scores, ["centroid", RECORDING]).rows
    assert row.estimates["next"].value == pytest.approx(np.sqrt((1 + 25) / 2))


def test_a_figure_that_lacks_is_left_out_on_both_sides() -> None:
    clips = [sentence(story, place) for story in ("cake", "mat") for place in (1, 2, 3)]
    scores = scored(clips, 0.5, 1.0)
    scores.rows["centroid"][clips[0]][5] = np.nan
    (row,) = story_table(scores, ["centroid"]).rows
    assert row.estimates["final_slope"].value == pytest.approx(0.5)


def test_readers_are_shown_apart() -> None:
    clips = [sentence("mat", place, speaker) for speaker in ("ann", "ben") for place in (1, 2, 3)]
    report = story_table(scored(clips, 0.5, 1.0), ["centroid"])
    assert [(row.group, row.num_clips) for row in report.rows] == [("all speakers", 2), ("ann", 1), ("ben", 1)]


def test_without_stories_the_part_is_refused() -> None:
    alone = [sentence("", None).model_copy(update={"id": f"x{place}"}) for place in range(3)]
    scores = scored([*alone, sentence("mat", 1)], 0.5, 1.0)
    with pytest.raises(InputError, match="no story has two sentences"):
        story_table(scores, ["centroid"])


def test_damage_is_the_difference_from_the_centroid() -> None:
    clips = [sentence("", None).model_copy(update={"id": str(place), "normalized_text": str(place)}) for place in range(20)]

    def planted(errors: int, quality: float, mos: float) -> tuple[dict[str, object], dict[str, object]]:
        return {"errors": errors, "words": 10, "heard": "", "quality": quality}, {"naturalness": mos}

    figures = {RECORDING: planted(0, 3.5, 4.5), "centroid": planted(1, 3.0, 4.0), "bert, top 1": planted(2, 3.2, 3.9)}
    heard: list[Found] = [
        {
            name: {SelectionTask(name, Path(), work, "ann", clip.id, clip): pair[place] for clip in clips}  # type: ignore[arg-type]
            for name, pair in figures.items()
        }
        for place, work in enumerate(("understood", "naturalness"))
    ]
    rows = {row.name: row.estimates for row in recognition_table(heard[0], heard[1], SETTINGS).rows}
    assert list(rows) == [RECORDING, "centroid", "bert, top 1", "bert, top 1 - centroid"]
    assert rows[RECORDING]["naturalness"].value == pytest.approx(4.5)
    assert rows["bert, top 1"]["wer"].value == pytest.approx(0.2)
    worse = rows["bert, top 1 - centroid"]
    assert [worse[key].value for key in ("wer", "quality", "naturalness")] == pytest.approx([0.1, 0.2, -0.1])


def test_first_audio_is_a_ratio_to_a_voice_in_the_same_run() -> None:
    costs = [{"analysis_ms": 5.0, "selection_ms": 1.0, "together_ms": 6.0, "first_audio_ms": 30.0, "against_ms": 20.0}] * 5
    (row,) = cost_table({"bert, top 1": costs}, "arctic-16k").rows
    assert row.estimates["ratio"].value == pytest.approx(1.5)
    alone = cost_table({"bert, top 1": costs})
    assert "ratio" not in alone.rows[0].estimates
    assert [column.key for column in alone.columns][-1] == "first_audio_ms"
