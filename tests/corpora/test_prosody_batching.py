"""Batches of prosody: rare kinds come often, readers lend each other their prosody, and who does not ask is not taken to ask."""

from __future__ import annotations

import pickle
import shutil
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from synthetic import MEL, make_recording

from tts_cli.corpora.batching import AcousticBatches
from tts_cli.corpora.manifest import Corpus, CorpusSummary, SpeakerSummary, open_corpus, write_corpus
from tts_cli.corpora.prosody_batching import FINAL_S, RANGES, MelProsodyBatches, ProsodyBatches, rises
from tts_cli.text.phones import SYMBOLS

FRAMES = 400
ANNA, BERT, CARL = ((5.3, 0.2), (4.7, 0.16), (5.0, 0.9))
"""Mean and deviation of log F0 of each speaker; the range of carl is out of bounds."""
KINDS = ("statement", "yes-no", "yes-no", "wh", "statement", "exclamation")
LEVELS = (-2.0, -4.0, -3.0)
"""Mean energy of each speaker's recordings."""
FALLING = 2
"""Number, modulo the kinds, of the clips whose yes/no question falls at its end."""


def features(num_frames: int, mean: float, level: float, rate: float, seed: int) -> dict[str, np.ndarray]:
    """Return features of a clip: F0 falls, and changes by `rate` over its last 40 frames."""
    contour = mean + 0.2 * np.cos(np.arange(num_frames) / num_frames * 3)
    contour[-40:] += rate * np.linspace(0, 1, 40)
    random = np.random.default_rng(seed)
    frames = {"log_f0": contour, "voicing": random.random(num_frames) > 0.2, "energy": level + random.standard_normal(num_frames)}
    return {name: values.astype(np.float32) for name, values in frames.items()}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Write a corpus of three speakers with 24 clips each, in all kinds; every fourth is for validation. It has no mels."""
    folder = tmp_path_factory.mktemp("prosody")
    (folder / "features" / "toy").mkdir(parents=True)
    statistics = dict(zip(("anna", "bert", "carl"), (ANNA, BERT, CARL), strict=True))
    rows = []
    for number in range(72):
        speaker, kind = list(statistics)[number // 24], KINDS[number % len(KINDS)]
        num_frames = 100 + (number * 37) % 60
        row = make_recording(number, num_frames, speaker, "validation" if number % 4 == 3 else "train")
        mark = "." if kind in ("statement", "exclamation") else "?"
        rows.append(row.model_copy(update={"kind": kind, "tokens": (*row.tokens[:-1], mark)}))
        rate = -0.3 if number % len(KINDS) == FALLING else 0.8 if kind == "yes-no" else -0.2
        np.savez(folder / row.features, **features(num_frames, statistics[speaker][0], LEVELS[number // 24], rate, number))
    summaries = {
        name: SpeakerSummary(clips=24, seconds=1.0, mean_log_f0=mean, std_log_f0=deviation)
        for name, (mean, deviation) in statistics.items()
    }
    write_corpus(folder, CorpusSummary(mel=MEL, mel_hash=MEL.hash, symbols=SYMBOLS, speakers=summaries, versions={}), rows)
    return open_corpus(folder)


def make(corpus: Corpus, split: str = "train", seed: int = 0, times: int = 1, lent: float = 0.0) -> ProsodyBatches:
    return ProsodyBatches(corpus, split, FRAMES, seed, times, lent)


def epoch(batches: ProsodyBatches, number: int = 0) -> range:
    count = len([*batches.in_order()])
    return range(number * count, (number + 1) * count)


@pytest.mark.parametrize("times", [1, 3])
def test_rare_kinds_come_several_times_an_epoch(corpus: Corpus, times: int) -> None:
    batches = make(corpus, times=times)
    for number in (0, 1):
        found = Counter(one.id for step in epoch(batches, number) for one in batches.members(step))
        wanted = {one.id: 1 if one.kind == "statement" else times for one in corpus.of_split("train")}
        assert found == wanted


def test_a_batch_has_the_tokens_of_an_acoustic_batch(corpus: Corpus) -> None:
    recordings = [one for one in corpus.of_split("train") if one.kind == "wh"][:3]
    batch = make(corpus).collate(recordings)
    assert set(batch) == {
        *("phones", "durations", "token_mask", "phone_mask", "token_log_f0", "token_voicing", "token_energy", "speaker"),
        "f0_drift",
    }
    for row, recording in enumerate(recordings):
        num_tokens = len(recording.tokens)
        assert [SYMBOLS[index] for index in batch["phones"][row, :num_tokens]] == list(recording.tokens)
        assert batch["durations"][row, :num_tokens].tolist() == list(recording.durations)
        loaded = corpus.load(recording, ("energy",))["energy"]
        first, second = recording.durations[0], sum(recording.durations[:2])
        assert batch["token_energy"][row, 1, 0] == pytest.approx(loaded[first:second].mean(), abs=1e-4)


def test_yes_no_questions_that_do_not_rise_are_statements(corpus: Corpus) -> None:
    recordings = [one for one in corpus.recordings if "?" in one.tokens]
    batch = make(corpus).collate(recordings)
    ends = [SYMBOLS[row[len(one.tokens) - 1]] for row, one in zip(batch["phones"], recordings, strict=True)]
    falling = [int(one.id.removeprefix("clip")) % len(KINDS) == FALLING for one in recordings]
    assert ends == ["." if falls else "?" for falls in falling]
    assert 0 < sum(falling) < len(falling)


def test_lending_moves_f0_and_energy_to_those_of_the_borrower(corpus: Corpus) -> None:
    batches = make(corpus, lent=1.0)
    statistics = (ANNA, BERT, CARL)
    pairs = Counter[tuple[int, int]]()
    for step in epoch(batches):
        members = batches.members(step)
        before, after = batches.collate(members), batches.batch(step)
        for row, recording in enumerate(members):
            lender, borrower = corpus.speakers.index(recording.speaker), int(after["speaker"][row])
            pairs[lender, borrower] += 1
            if recording.kind == "statement":
                continue
            (mean, deviation), (new_mean, new_deviation) = statistics[lender], statistics[borrower]
            factor = np.clip(new_deviation / deviation, *RANGES)
            wanted = (before["token_log_f0"][row] - mean) * factor + new_mean
            inside = before["token_mask"][row] > 0
            torch.testing.assert_close(after["token_log_f0"][row][inside], wanted[inside].float(), atol=1e-5, rtol=1e-5)
            assert not after["token_log_f0"][row][~inside].any()
            wanted = before["token_energy"][row] - LEVELS[lender] + LEVELS[borrower]
            torch.testing.assert_close(after["token_energy"][row][inside], wanted[inside], atol=0.15, rtol=0)
            assert not after["token_energy"][row][~inside].any()
        for name in before.keys() - {"speaker", "token_log_f0", "token_energy"}:
            assert torch.equal(before[name], after[name]), name
    assert pairs.keys() == {(lender, borrower) for lender in range(3) for borrower in range(3)}


def test_rare_kinds_are_lent_more_often(corpus: Corpus) -> None:
    batches, changed, total = make(corpus, lent=0.8), Counter[bool](), Counter[bool]()
    for step in range(12 * len(epoch(batches))):
        members, batch = batches.members(step), batches.batch(step)
        for recording, speaker in zip(members, batch["speaker"], strict=True):
            is_rare = recording.kind != "statement"
            total[is_rare] += 1
            changed[is_rare] += corpus.speakers[speaker] != recording.speaker
    # A third of the borrowers are the lenders.
    assert changed[True] / total[True] == pytest.approx(0.8 * 2 / 3, abs=0.08)
    assert changed[False] / total[False] == pytest.approx(0.2 * 2 / 3, abs=0.08)


def test_without_lending_prosody_stays_with_its_speaker(corpus: Corpus) -> None:
    batches = make(corpus)
    for step in epoch(batches):
        assert same(batches.batch(step), batches.collate(batches.members(step)))


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_a_batch_depends_on_seed_and_step_alone(corpus: Corpus) -> None:
    def fresh(seed: int = 1) -> ProsodyBatches:
        return make(corpus, seed=seed, times=3, lent=0.6)

    replayed = fresh()
    steps = [replayed.batch(step) for step in range(40)]
    assert same(fresh().batch(37), steps[37])
    assert same(pickle.loads(pickle.dumps(fresh())).batch(2), steps[2])
    assert not any(same(fresh(2).batch(step), steps[step]) for step in range(5))


def test_validation_has_every_clip_once_with_its_own_speaker(corpus: Corpus) -> None:
    plain, given = AcousticBatches(corpus, "validation", FRAMES), make(corpus, "validation", lent=1.0)
    recordings = [one for members in given.recordings_in_order() for one in members]
    assert recordings == [one for members in plain.recordings_in_order() for one in members]
    assert sorted(one.id for one in recordings) == sorted(one.id for one in corpus.of_split("validation"))
    speakers = [corpus.speakers[index] for batch in given.in_order() for index in batch["speaker"]]
    assert speakers == [one.speaker for one in recordings]


def end(values: list[float], num_voiced: int = 60, tail: int = 0) -> dict[str, Any]:
    """Return features: F0 runs through `values` over the last `FINAL_S` seconds of voicing, and `tail` unvoiced frames follow."""
    last = round(FINAL_S * MEL.frame_rate)
    contour = np.concatenate([np.linspace(6, 4, 60), np.interp(np.linspace(0, 1, last), np.linspace(0, 1, len(values)), values)])
    voicing = np.zeros(len(contour))
    voicing[len(contour) - num_voiced :] = 1
    return {"log_f0": np.append(contour, np.linspace(9, 0, tail)), "voicing": np.append(voicing, np.zeros(tail))}


def test_an_utterance_rises_by_its_last_voiced_frames() -> None:
    rate = MEL.frame_rate
    assert rises(end([5.0, 5.2]), rate)
    assert not rises(end([5.2, 5.0]), rate)
    assert rises(end([5.0, 4.9, 5.4], tail=30), rate)
    assert not rises(end([5.2, 5.0], tail=30), rate)
    assert not rises(end([5.0, 5.2], num_voiced=5), rate)
    assert rises(end([5.0, 5.2], num_voiced=6), rate)
    assert not rises({"log_f0": np.ones(50), "voicing": np.zeros(50)}, rate)
    # An earlier rise is none at the end.
    early = end([5.2, 5.0], num_voiced=84)
    early["log_f0"][:60] = np.linspace(4, 6, 60)
    assert not rises(early, rate)


@pytest.fixture(scope="module")
def heard(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Copy the corpus, with mels; return the copy."""
    folder = tmp_path_factory.mktemp("heard") / "corpus"
    shutil.copytree(corpus.folder, folder)
    for recording in corpus.recordings:
        arrays = dict(np.load(folder / recording.features))
        np.savez(folder / recording.features, mel=np.full((recording.num_frames, MEL.num_bands), -4, np.float32), **arrays)
    return open_corpus(folder)


def test_with_mels_a_batch_has_the_frames_and_says_who_is_lent(heard: Corpus) -> None:
    acoustic = AcousticBatches(heard, "train", FRAMES, seed=3)
    batches = MelProsodyBatches(heard, "train", FRAMES, 3, 1, 0.8)
    tokens_only = ProsodyBatches(heard, "train", FRAMES, 3, 1, 0.8)
    statistics, lendings = (ANNA, BERT, CARL), 0
    for step in epoch(batches):
        members = batches.members(step)
        plain, batch = acoustic.collate(members), batches.batch(step)
        assert batch.keys() == {*plain, "lent"}
        expected = tokens_only.batch(step)
        assert same({name: batch[name] for name in expected}, expected)
        assert torch.equal(batch["mel"], plain["mel"])
        for row, recording in enumerate(members):
            inside = plain["frame_mask"][row] > 0
            (mean, deviation), (new_mean, new_deviation) = (
                statistics[place] for place in (heard.speakers.index(recording.speaker), int(batch["speaker"][row]))
            )
            moved = (plain["log_f0"][row] - mean) * np.clip(new_deviation / deviation, *RANGES) + new_mean
            wanted = moved if batch["lent"][row] else plain["log_f0"][row]
            torch.testing.assert_close(batch["log_f0"][row][inside], wanted[inside].float(), atol=1e-5, rtol=1e-5)
            assert not batch["log_f0"][row][~inside].any()
        lendings += int(batch["lent"].sum())
        assert not batches.collate(members)["lent"].any()
    assert 0 < lendings < len(batches.recordings)


def test_a_question_that_falls_is_a_statement_with_mels_too(heard: Corpus) -> None:
    recordings = [one for one in heard.recordings if "?" in one.tokens]
    with_mels = MelProsodyBatches(heard, "train", FRAMES, 0, 1, 0.0).collate(recordings)
    assert torch.equal(with_mels["phones"], make(heard).collate(recordings)["phones"])
