"""Planted embeddings: probes must find a session, a speaker and prosody where they are, and nothing in noise."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tts_cli.audio.mel import Floats
from tts_cli.corpora.manifest import Recording
from tts_cli.errors import InputError
from tts_cli.evaluation import statistics
from tts_cli.evaluation.measures import probes
from tts_cli.evaluation.report import Report, Row
from tts_cli.evaluation.selection.probe_material import AUDIO, EMBEDDINGS, STRETCH, TEXT, Probed, runs_of, sessions_of
from tts_cli.evaluation.selection.probe_tables import (
    LINEAR,
    OFFSETS,
    OTHERS,
    LabelledSequences,
    balanced,
    prosody_table,
    session_table,
    speaker_table,
)

pytest.importorskip("sklearn")
torch = pytest.importorskip("torch")
SIZE = 6
NUM_STORIES, LENGTH = 24, 10


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(statistics, "RESAMPLES", 199)
    monkeypatch.setattr(statistics, "SLOW_RESAMPLES", 99)
    monkeypatch.setattr(probes, "_EPOCHS", 30)


def sentence(speaker: str, story: int, place: int, session: str = "") -> Recording:
    text = f"Story {story} of {speaker}, sentence {place}."
    clip = Recording(
        id=f"{speaker}_{story:02}_{place:02}", audio_filepath="x", text=text, normalized_text=text, duration=1, speaker=speaker,
        corpus="c", split="train", kind="statement", tokens=("^", "AE1", "."), durations=(1, 2, 1), num_frames=4, features="x",
    )  # fmt: skip
    return clip.model_copy(update={"document": f"s{story}", "position": place, "session": session})


def reader(speaker: str = "ann") -> list[Recording]:
    """Return stories of a reader, of which every third is of another session."""
    return [
        sentence(speaker, story, place, "second" if story % 3 == 0 else "first")
        for story in range(NUM_STORIES)
        for place in range(LENGTH)
    ]


def planted(clips: list[Recording], told: Callable[[Recording], Floats | float], seed: int = 0) -> Probed:
    """Return noise in all sources, to whose embeddings a value of each recording is added."""
    random = np.random.default_rng(seed)
    noise = {name: random.normal(size=(len(clips), SIZE)).astype(np.float32) for name in (EMBEDDINGS, AUDIO, TEXT)}
    noise[EMBEDDINGS] += np.array([np.broadcast_to(told(clip), SIZE) for clip in clips], np.float32)
    return Probed(clips, noise, random.normal(size=(len(clips), 6)))


def story_value(clip: Recording) -> Floats:
    """Return the manner of a story, which its session does not tell."""
    return 3 * np.random.default_rng(int(clip.document[1:])).normal(size=SIZE).astype(np.float32)


def row(report: Report, name: str) -> Row:
    return next(one for one in report.rows if one.name.startswith(name))


def test_a_session_in_the_embeddings_is_found_and_noise_is_at_chance() -> None:
    report = session_table(planted(reader(), lambda clip: 2.0 * (clip.session == "second")))
    for probe in ("logistic regression", "GRU"):
        told = row(report, f"{EMBEDDINGS}, {probe}").estimates
        assert told["balanced"].low > 0.85
        assert abs(told["chance"].value - 0.5) < 0.2
        noise = row(report, f"{AUDIO}, {probe}").estimates["balanced"]
        assert noise.low < 0.5 < noise.high
    assert row(report, f"{TEXT}, logistic").estimates["majority"].value == pytest.approx(2 / 3)
    assert report.rows[0].group == "ann: 2 sessions"


def test_the_manner_of_single_stories_is_no_session() -> None:
    # Sentences of a held-out story in training would tell the session of the others.
    report = session_table(planted(reader(), story_value))
    found = row(report, f"{EMBEDDINGS}, logistic").estimates["balanced"]
    assert found.value < 0.7
    assert found.low < 0.5 < found.high + 0.1
    # Chance is not sharper than the number of stories allows.
    assert found.high - found.low > 0.1


def test_noise_is_at_chance_over_many_seeds() -> None:
    clips = reader()
    trial = LabelledSequences([clip.session for clip in clips], [clip.document for clip in clips])
    quick = replace(LINEAR, seeds=(0,))
    found = [trial.estimates(quick, planted(clips, lambda _: 0.0, seed).rows(EMBEDDINGS, range(len(clips)))) for seed in range(6)]
    assert np.mean([one["balanced"].value for one in found]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([one["chance"].value for one in found]) == pytest.approx(0.5, abs=0.04)


def test_the_order_of_ids_stands_in_for_sessions() -> None:
    clips = [
        sentence("bob", 0, place).model_copy(update={"document": "", "position": None, "id": f"b{place}"}) for place in range(480)
    ]
    kind, runs = sessions_of(clips, "bob")
    assert kind == "parts of the order of ids"
    assert [run.session for run in runs] == [f"part {1 + place // 5}" for place in range(20)]
    assert [clips[place].id for place in runs[0].places[:3]] == ["b0", "b1", "b2"]
    report = session_table(planted(clips, lambda clip: 0.01 * int(clip.id[1:])))
    assert row(report, f"{EMBEDDINGS}, logistic").estimates["balanced"].low > 0.4
    assert row(report, f"{TEXT}, logistic").estimates["balanced"].value < 0.35
    named = [clip.model_copy(update={"id": f"{clip.id}x"}) for clip in clips]
    assert sessions_of(named, "bob")[1] == []
    assert sessions_of(clips[:199], "bob")[1] == []


def test_sessions_with_few_stories_are_left_out_and_named() -> None:
    few = [clip for clip in reader() if clip.session == "first" or clip.document in ("s0", "s3", "s6", "s9")]
    assert sessions_of(few, "ann")[1] == []
    report = session_table(planted(few, lambda _: 0.0))
    assert report.rows == ()
    assert "Left out" in report.notes[1]
    assert report.notes[1].endswith(": ann.")


def test_runs_are_stories_in_order_and_stretches_of_neighbours() -> None:
    clips = [sentence("ann", 1, place) for place in (9, 2, *range(30, 42))] + [sentence("ben", 1, 0), sentence("ann", 2, 0)]
    first, second = runs_of(clips, "ann")
    assert [clips[place].position for place in first.places] == [2, 9, *range(30, 42)]
    assert [len(one) for one in first.stretches()] == [STRETCH, 6]
    assert second.stretches() == []


def test_the_speaker_is_told_by_embeddings_and_not_by_the_mean_of_offsets() -> None:
    clips = [*reader("ann"), *reader("ben"), *reader("cal")[:60]]
    report = speaker_table(planted(clips, lambda clip: 2.0 * "abc".index(clip.speaker[0])), 0.05)
    for probe in (one for one in report.rows if one.name == EMBEDDINGS):
        assert probe.estimates["balanced"].low > 0.9, probe.group
    for probe in (one for one in report.rows if one.name == OFFSETS):
        # Neither above chance nor below it, as it would be if held-out recordings took part in their centroid.
        assert probe.estimates["balanced"].value == pytest.approx(1 / 3, abs=0.12), probe.group
        assert probe.estimates["chance"].value == pytest.approx(1 / 3, abs=0.12), probe.group
    assert len(report.rows) == 4
    assert {one.estimates["balanced"].high <= 1 for one in report.rows} == {True}


def test_a_speaker_who_varies_more_is_told_by_the_gru_from_the_offsets() -> None:
    clips, random = [*reader("ann"), *reader("ben")], np.random.default_rng(5)
    wide = {"ann": 0.0, "ben": 4.0}
    report = speaker_table(planted(clips, lambda clip: (wide[clip.speaker] * random.normal(size=SIZE)).astype(np.float32)), 0.05)
    offsets = {one.group: one.estimates["balanced"].value for one in report.rows if one.name == OFFSETS}
    linear, recurrent = offsets.values()
    assert linear < 0.6
    assert recurrent > 0.8


def test_one_speaker_is_refused() -> None:
    with pytest.raises(InputError, match="two speakers"):
        speaker_table(planted(reader(), lambda _: 0.0), 0.05)


def test_dimensions_are_counted_that_surely_tell_something() -> None:
    clips = [*reader("ann")[:20], *reader("ben")[:20]]
    sources = {EMBEDDINGS: np.tile(np.sqrt(np.array([0.4, 0.08, 0.12], np.float32)), (40, 1))}
    note = speaker_table(Probed(clips, sources, np.zeros((40, 6))), 0.05).notes[1]
    assert "at least 0.3 nat, and of more than 0.05 nat in at least 2 of 3 dimensions" in note


def test_prosody_in_the_embeddings_is_found_within_speakers() -> None:
    clips = [*reader("ann"), *reader("ben")]
    data = planted(clips, lambda clip: 5.0 * (clip.speaker == "ben"))
    data.measures[:] += np.array([[100.0 * (clip.speaker == "ben")] for clip in clips])
    data.measures[:, 0] += 3 * data.sources[EMBEDDINGS][:, 2]
    data.measures[::7, 5] = np.nan
    report = prosody_table(data)
    told = row(report, EMBEDDINGS).estimates
    assert told["mean_f0"].low > 0.8
    # The difference between speakers counts as nothing.
    for key in ("f0_range", "rate", "energy_range", "pause_share", "final_slope"):
        assert told[key].value < 0.05, key
    assert row(report, OTHERS).estimates["mean_f0"].high < 0.05
    assert row(report, TEXT).estimates["mean_f0"].high < 0.05
    assert told["final_slope"].num_clips < told["mean_f0"].num_clips


def test_balanced_accuracy_weighs_labels_alike() -> None:
    labels, right = ["a"] * 8 + ["b"] * 2, [1.0] * 8 + [0.0, 1.0]
    estimate = balanced([(labels, right)], range(10))
    assert estimate.value == pytest.approx(0.75)
    assert estimate.high <= 1
