"""Batches: every clip once an epoch, no dependence on earlier batches, and correct padding."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest
import torch

from tts_cli.corpora.batching import AcousticBatches, FeatureCache, SegmentBatches, cut
from tts_cli.corpora.manifest import Corpus
from tts_cli.corpora.token_means import token_mean
from tts_cli.errors import CorpusError

BATCH_FRAMES = 400


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("kind", ["acoustic", "segments"])
def test_a_batch_depends_on_seed_and_step_alone(prepared: Corpus, kind: str) -> None:
    def make(seed: int) -> AcousticBatches | SegmentBatches:
        if kind == "acoustic":
            return AcousticBatches(prepared, "train", BATCH_FRAMES, seed)
        return SegmentBatches(prepared, "train", 4, 16, (3, 2), seed)

    replayed, fresh = make(1), make(1)
    steps = [replayed.batch(step) for step in range(40)]
    assert same(fresh.batch(37), steps[37])
    assert same(fresh.batch(2), steps[2])
    assert not any(same(make(2).batch(step), steps[step]) for step in range(5))


def test_an_epoch_holds_every_clip_once_and_keeps_to_the_size(prepared: Corpus) -> None:
    batches = AcousticBatches(prepared, "train", BATCH_FRAMES)
    expected = Counter(recording.num_frames for recording in prepared.of_split("train"))
    count = len([*batches.in_order()])
    for epoch in range(3):
        steps = [batches.batch(step) for step in range(epoch * count, (epoch + 1) * count)]
        assert Counter(int(n) for batch in steps for n in batch["frame_mask"].sum((1, 2))) == expected
        for batch in steps:
            assert batch["mel"].shape[0] * batch["mel"].shape[1] <= BATCH_FRAMES
            assert batch["frame_mask"].mean() > 0.8


def test_epochs_are_shuffled_differently(prepared: Corpus) -> None:
    batches = AcousticBatches(prepared, "train", BATCH_FRAMES)
    count = len([*batches.in_order()])
    lengths = [[batches.batch(epoch * count + step)["mel"].shape[1] for step in range(count)] for epoch in range(2)]
    assert lengths[0] != lengths[1]


def test_an_acoustic_batch_holds_what_its_clips_hold(prepared: Corpus) -> None:
    batches = AcousticBatches(prepared, "train", BATCH_FRAMES)
    recordings = prepared.of_split("train")[:3]
    batch = batches.collate(recordings)
    for row, recording in enumerate(recordings):
        features, num_frames, num_tokens = prepared.load(recording), recording.num_frames, len(recording.tokens)
        assert torch.equal(batch["mel"][row, :num_frames], torch.from_numpy(features["mel"]))
        assert (batch["mel"][row, num_frames:] == prepared.mel.silence).all()
        assert (batch["energy"][row, num_frames:] == 0).all()
        assert batch["durations"][row].sum() == num_frames
        symbols = [prepared.summary.symbols[index] for index in batch["phones"][row, :num_tokens]]
        assert symbols == list(recording.tokens)
        assert batch["phone_mask"][row, :, 0].tolist()[:num_tokens] == [float(token.isalnum()) for token in recording.tokens]
        assert prepared.speakers[batch["speaker"][row]] == recording.speaker
    assert {name: value.dtype for name, value in batch.items()} == {
        **dict.fromkeys(["phones", "durations", "speaker"], torch.int64),
        **dict.fromkeys(["token_mask", "phone_mask", "frame_mask", "mel", "log_f0", "voicing", "energy"], torch.float32),
        **dict.fromkeys(["token_log_f0", "token_voicing", "token_energy", "f0_drift"], torch.float32),
    }


def test_token_means() -> None:
    frames = np.arange(10, dtype=np.float32)[:, None]
    assert token_mean(frames, np.array([0, 4, 0, 6, 0]))[:, 0].tolist() == [1.5, 1.5, 1.5, 6.5, 6.5]


def test_token_log_f0_is_over_voiced_frames_where_there_are_any(prepared: Corpus) -> None:
    recording = prepared.of_split("train")[0]
    batch, features = AcousticBatches(prepared, "train", BATCH_FRAMES).collate([recording]), prepared.load(recording)
    start = 0
    for token, duration in enumerate(recording.durations):
        span = slice(start, start + duration)
        start += duration
        if not duration:
            continue
        voiced = features["voicing"][span] > 0
        wanted = features["log_f0"][span][voiced if voiced.any() else slice(None)].mean()
        assert batch["token_log_f0"][0, token, 0] == pytest.approx(wanted, abs=1e-4)
        assert batch["token_voicing"][0, token, 0] == pytest.approx(voiced.mean(), abs=1e-5)


def test_validation_visits_every_clip_once(prepared: Corpus) -> None:
    batches = list(AcousticBatches(prepared, "validation", BATCH_FRAMES).in_order())
    assert sum(len(batch["speaker"]) for batch in batches) == len(prepared.of_split("validation"))


def test_segments_are_stretches_of_clips_with_their_audio(prepared: Corpus) -> None:
    segments = SegmentBatches(prepared, "train", 16, 24, (5, 3))
    batch = segments.batch(0)
    hop = prepared.mel.hop_samples
    assert batch["mel"].shape == (16, 32, 80)
    assert batch["log_f0"].shape == batch["voicing"].shape == (16, 32, 1)
    assert batch["audio"].shape == (16, 24 * hop)
    clips = {recording.speaker: [] for recording in prepared.recordings}
    for recording in prepared.of_split("train"):
        clips[recording.speaker].append(prepared.load(recording))
    for row in range(16):
        candidates = clips[prepared.speakers[batch["speaker"][row]]]
        start = int(batch["log_f0"][row, 5, 0])
        assert any(is_stretch(clip, start, batch["mel"][row], batch["audio"][row], hop) for clip in candidates)


def is_stretch(clip: dict[str, np.ndarray], start: int, mel: torch.Tensor, audio: torch.Tensor, hop: int) -> bool:
    samples = cut(clip["audio"], start * hop, (start + 24) * hop, 0).astype(np.float32) / 32768
    return np.array_equal(samples, audio.numpy()) and np.array_equal(
        cut(clip["mel"], start - 5, start + 27, mel_floor()), mel.numpy()
    )


def mel_floor() -> float:
    return float(np.float32(np.log(1e-5)))


def test_margins_beyond_a_clip_are_silence(prepared: Corpus) -> None:
    segments = SegmentBatches(prepared, "train", 4, 200, (5, 3))
    batch = segments.batch(0)
    assert (batch["mel"][:, :5] == prepared.mel.silence).all()
    assert (batch["mel"][:, 130:] == prepared.mel.silence).all()
    assert (batch["audio"][:, 125 * 200 :] == 0).all()
    assert (batch["voicing"][:, 130:] == 0).all()


def test_small_speakers_come_more_often_than_their_size(prepared: Corpus) -> None:
    segments = SegmentBatches(prepared, "train", 64, 8)
    drawn = Counter(int(speaker) for step in range(30) for speaker in segments.batch(step)["speaker"])
    frames = Counter[str]()
    for recording in prepared.of_split("train"):
        frames[recording.speaker] += recording.num_frames
    roots = {name: count**0.75 for name, count in frames.items()}
    for index, name in enumerate(prepared.speakers):
        assert drawn[index] / drawn.total() == pytest.approx(roots[name] / sum(roots.values()), abs=0.04)


def test_unseen_is_refused(prepared: Corpus) -> None:
    with pytest.raises(CorpusError, match="unseen"):
        SegmentBatches(prepared, "unseen", 4, 8)
    with pytest.raises(CorpusError, match="no recording is of the split") as refused:
        AcousticBatches(prepared, "test", BATCH_FRAMES)
    assert "--splits FILE" in (refused.value.hint or "")


def test_the_cache_stays_within_its_size(prepared: Corpus) -> None:
    recordings = prepared.of_split("train")
    size = sum(array.nbytes for array in prepared.load(recordings[0], ("mel",)).values())
    cache = FeatureCache(prepared, ("mel",), max_bytes=size)
    first = cache.load(recordings[0])
    assert cache.load(recordings[0]) is first
    for recording in recordings[:10]:
        cache.load(recording)
    assert cache.load(recordings[0]) is not first


def test_what_is_read_has_no_say_in_who_shares_a_batch(prepared: Corpus) -> None:
    """Batches do not depend on the texts: recordings of one prompt are not paired."""
    texts = [{"text": f"{number}", "normalized_text": f"{number}"} for number in range(len(prepared.recordings))]
    told = [recording.model_copy(update=text) for recording, text in zip(prepared.recordings, texts, strict=True)]
    same, other = (
        AcousticBatches(Corpus(prepared.folder, prepared.summary, r), "train", 400) for r in (prepared.recordings, told)
    )
    for step in range(len([*same.in_order()])):
        assert torch.equal(same.batch(step)["mel"], other.batch(step)["mel"])


def test_batches_can_go_to_another_process(prepared: Corpus) -> None:
    batches = SegmentBatches(prepared, "train", 2, 8, (2, 1), seed=3)
    first = batches.batch(0)
    again = pickle.loads(pickle.dumps(batches)).batch(0)
    assert same(first, again)
