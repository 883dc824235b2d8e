"""Drift of mean F0 and level over recording sessions: planted drift is found and subtracted, chance is left alone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from synthetic import SAMPLE

from tts_cli.corpora import drift as drifting
from tts_cli.corpora.batching import AcousticBatches
from tts_cli.corpora.drift import ClipFacts, Drift, DriftSummary, estimate_drift
from tts_cli.corpora.manifest import Corpus, open_corpus
from tts_cli.corpora.prosody_batching import ProsodyBatches
from tts_cli.errors import CorpusError

F0_OF, LEVEL_OF = {"mon": 0.10, "tue": -0.02, "wed": -0.08}, {"mon": -0.3, "tue": 0.1, "wed": 0.4}
"""Planted drift of each session."""


def told_clips(stories: int = 8, sentences: int = 10, spread: float = 0.03) -> list[ClipFacts]:
    """Return clips of three sessions of several stories. F0 and level vary by session, story and sentence."""
    generator = np.random.default_rng(3)
    clips = []
    for session, f0 in F0_OF.items():
        for story in range(stories):
            own = generator.normal(0, (spread, 0.2))
            for sentence in range(sentences):
                log_f0, level = np.array([f0, LEVEL_OF[session]]) + own + generator.normal(0, (0.05, 0.1))
                document, is_training = f"{session}{story}", story > 0
                clips.append(
                    ClipFacts("ann", "toy", f"{document}-{sentence}", session, document, is_training, 90, 5 + log_f0, level - 2)
                )
    return clips


def untold_clips(count: int = 500, step: float = 0.0, name: str = "a{:04d}") -> list[ClipFacts]:
    """Return clips without a session, whose F0 falls by `step` in the middle."""
    generator = np.random.default_rng(5)
    values = generator.normal(0, 0.05, count) - step * (np.arange(count) >= count // 2)
    return [ClipFacts("ann", "toy", name.format(i), "", "", i % 10 > 0, 90, 5 + value, -2) for i, value in enumerate(values)]


def test_planted_sessions_are_found() -> None:
    clips = told_clips()
    drifts, summaries = estimate_drift(clips)
    mean = np.mean(list(F0_OF.values()))
    for session, planted in F0_OF.items():
        [found] = {drift.f0 for clip, drift in zip(clips, drifts, strict=True) if clip.session == session}
        assert found == pytest.approx(planted - mean, abs=0.025)
    left = np.array([clip.level - drift.level for clip, drift in zip(clips, drifts, strict=True)])
    assert left.std() == pytest.approx(0.1, abs=0.02)
    summary = summaries["ann"]
    assert (summary.source, summary.sessions) == ("sessions", 3)
    values = np.array([clip.log_f0 for clip in clips])
    removed = 1 - (values - [drift.f0 for drift in drifts]).var() / values.var()
    assert summary.f0_removed == pytest.approx(removed, abs=1e-3) and 0.5 < removed < 0.8 < summary.level_removed


def test_what_stories_do_by_themselves_is_no_drift_of_f0() -> None:
    """Sessions without an effect of their own stay as they are, however much their few stories differ."""
    moved = []
    for seed in range(20):
        generator = np.random.default_rng(seed)
        story = generator.normal(0, 0.1, 6)
        clips = [
            ClipFacts("ann", "toy", str(n), "am" if n % 6 < 3 else "pm", str(n % 6), True, 90, 5 + story[n % 6] + value, -2)
            for n, value in enumerate(generator.normal(0, 0.01, 300))
        ]
        moved.append(max(abs(drift.f0) for drift in estimate_drift(clips)[0]))
    assert np.median(moved) == 0.0 and np.mean(moved) < 0.03


def test_training_frames_keep_their_mean_and_held_out_clips_tell_nothing() -> None:
    clips = told_clips()
    drifts, _ = estimate_drift(clips)
    trained = [drift.f0 for clip, drift in zip(clips, drifts, strict=True) if clip.is_training]
    assert np.mean(trained) == pytest.approx(0, abs=1e-5)
    changed = [clip if clip.is_training else dataclasses.replace(clip, log_f0=4.0, level=0.0) for clip in clips]
    others, _ = estimate_drift(changed)
    for clip, one, two in zip(clips, drifts, others, strict=True):
        assert one.f0 == two.f0
        assert not clip.is_training or one.level == pytest.approx(two.level, abs=0.01)


def test_the_order_of_ids_tells_a_step_where_no_session_is_given() -> None:
    clips = untold_clips(step=0.12)
    drifts, summaries = estimate_drift(clips[::-1])
    found = np.array([drift.f0 for drift in drifts])[::-1]
    assert found[:200] == pytest.approx(0.06, abs=0.03) and found[300:] == pytest.approx(-0.06, abs=0.03)
    assert summaries["ann"].source == "order of ids" and summaries["ann"].f0_removed > 0.4
    assert {drift.level for drift in drifts} == {0.0}


@pytest.mark.parametrize(
    "clips",
    [
        untold_clips(),
        untold_clips(step=0.12, name="{}-added"),
        untold_clips(count=drifting.FEWEST_ORDERED, step=0.12),
        [dataclasses.replace(clip, speaker=f"libri_{clip.id}") for clip in untold_clips(step=0.12)],
    ],
    ids=["chance", "no numbers", "few", "one clip each"],
)
def test_where_nothing_tells_of_sessions_nothing_is_subtracted(clips: list[ClipFacts]) -> None:
    drifts, summaries = estimate_drift(clips)
    assert set(drifts) == {Drift()} and {one.source for one in summaries.values()} == {"none"}


def test_unvoiced_clips_do_not_move_a_session() -> None:
    clips = told_clips()
    unvoiced = [dataclasses.replace(clip, id=f"u{clip.id}", num_voiced=0, log_f0=0.0) for clip in clips[:40]]
    with_them = estimate_drift([*clips, *unvoiced])[0][: len(clips)]
    assert [one.f0 for one in with_them] == [one.f0 for one in estimate_drift(clips)[0]]


@pytest.fixture
def drifted(prepared: Corpus) -> Corpus:
    """Return the corpus with a drift of some clips; its arrays stay as they are on disk."""
    rows = [row.model_copy(update={"f0_drift": 0.05, "level_drift": 0.25}) for row in prepared.recordings[:30]]
    summary = prepared.summary.model_copy(update={"drift": {name: DriftSummary() for name in prepared.speakers}})
    return Corpus(prepared.folder, summary, [*rows, *prepared.recordings[30:]])


def test_batches_subtract_the_drift_where_it_is_asked(drifted: Corpus) -> None:
    rows = [drifted.recordings[3], drifted.recordings[33]]
    plain = AcousticBatches(drifted, "train", 3000).collate(rows)
    batch = AcousticBatches(drifted, "train", 3000, normalise_sessions=True).collate(rows)
    inside, tokens = plain["frame_mask"][0, :, 0] > 0, plain["token_mask"][0, :, 0] > 0
    silence = torch.tensor(drifted.mel.silence)
    torch.testing.assert_close(batch["mel"][0, inside], torch.maximum(plain["mel"][0, inside] - 0.25, silence))
    torch.testing.assert_close(batch["energy"][0, inside], plain["energy"][0, inside] - 0.25)
    torch.testing.assert_close(batch["token_energy"][0, tokens], plain["token_energy"][0, tokens] - 0.25)
    torch.testing.assert_close(batch["token_log_f0"][0, tokens], plain["token_log_f0"][0, tokens] - 0.05)
    assert batch["f0_drift"].tolist() == pytest.approx([0.05, 0.0]) and plain["f0_drift"].tolist() == [0.0, 0.0]
    for name in plain.keys() - {"f0_drift"}:
        assert torch.equal(batch[name][1], plain[name][1])
    for name in ("log_f0", "voicing", "durations", "phones"):
        assert torch.equal(batch[name], plain[name])
    again = AcousticBatches(drifted, "train", 3000, normalise_sessions=True)
    for _ in range(2):
        torch.testing.assert_close(again.collate(rows)["mel"], batch["mel"])


def test_batches_of_a_flow_subtract_it_too(drifted: Corpus) -> None:
    rows = [drifted.recordings[3]]
    plain, batch = (ProsodyBatches(drifted, "train", 3000, 0, 1, 0.0, wanted).collate(rows) for wanted in (False, True))
    torch.testing.assert_close(batch["token_log_f0"], plain["token_log_f0"] - 0.05)
    torch.testing.assert_close(batch["token_energy"], plain["token_energy"] - 0.25)


def test_a_corpus_of_an_earlier_version_knows_no_drift(prepared: Corpus) -> None:
    assert not prepared.summary.drift
    with pytest.raises(CorpusError, match="normalise_sessions") as caught:
        AcousticBatches(prepared, "train", 3000, normalise_sessions=True)
    assert caught.value.hint and "tts prepare" in caught.value.hint


def test_a_preparation_finds_a_planted_level(tmp_path: Path) -> None:
    pytest.importorskip("swift_f0")
    from tts_cli.corpora import prepare
    from tts_cli.corpora.prepare import PrepareOptions

    folder = tmp_path / "tales"
    (folder / "wavs").mkdir(parents=True)
    lines, rows = [], ["corpus,id,split,session"]
    texts = dict(line.split("|") for line in (SAMPLE / "kathleen" / "metadata.csv").read_text().splitlines())
    for number, (name, text) in enumerate(list(texts.items())[:8]):
        audio, rate = soundfile.read(SAMPLE / "kathleen" / "wavs" / f"{name}.flac")
        soundfile.write(folder / "wavs" / f"{name}.wav", audio * (0.25 if number % 2 else 1.0), rate)
        lines.append(f"{name}|{text}\n")
        rows.append(f"tales,{name},train,{'near far'.split()[number % 2]}")
    (folder / "metadata.csv").write_text("".join(lines))
    (tmp_path / "splits.csv").write_text("\n".join(rows) + "\n")
    report = prepare.prepare([folder], tmp_path / "out", PrepareOptions(splits=tmp_path / "splits.csv"))
    corpus = open_corpus(tmp_path / "out")
    found = {row.session: row.level_drift for row in corpus.recordings}
    assert found["near"] - found["far"] == pytest.approx(np.log(4), abs=0.25)
    told: dict[str, Any] = report.drift["tales"]
    assert (told["source"], told["sessions"]) == ("sessions", 2) and told["level_removed"] > 0.9
    assert json.loads((tmp_path / "out" / "report.json").read_text())["drift"]["tales"] == told
    batches = AcousticBatches(corpus, "train", 3000, normalise_sessions=True)
    loudest = {row.session: float(batches.collate([row])["mel"].max()) for row in corpus.recordings}
    assert abs(loudest["near"] - loudest["far"]) < 0.6
