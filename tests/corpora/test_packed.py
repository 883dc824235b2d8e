"""Packed corpora: unchanged rows and alignments, nearly unchanged sound, and the allowed size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from synthetic import MEL, spoken_recording, write_spoken_corpus

from tts_cli.audio.mel import log_mel
from tts_cli.corpora.manifest import Corpus, open_corpus
from tts_cli.corpora.packed import HIGHEST_KBPS, LOWEST_KBPS, encode, thinned, unpack_corpus, write_packed
from tts_cli.errors import CorpusError, InputError


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return write_spoken_corpus(tmp_path_factory.mktemp("spoken"), 4)


def _seconds(corpus: Corpus) -> float:
    return sum(recording.num_frames for recording in corpus.recordings) / MEL.frame_rate


def test_what_is_unpacked_is_the_corpus_but_for_the_codec(spoken: Corpus, tmp_path: Path) -> None:
    with_audio = [recording for recording in spoken.recordings if recording.id != "bdl-2"]
    write_packed(tmp_path / "packed", spoken, spoken.recordings, encode(spoken, with_audio, 10_000_000))
    unpack_corpus(tmp_path / "packed", tmp_path / "corpus", 1)
    again = open_corpus(tmp_path / "corpus")
    assert again.summary == spoken.summary
    assert [row.model_copy(update={"audio_filepath": ""}) for row in again.recordings] == [
        row.model_copy(update={"audio_filepath": ""}) for row in spoken.recordings
    ]
    for recording in with_audio:
        before, after = spoken.load(recording), again.load(recording)
        assert np.array_equal(before["voicing"], after["voicing"])
        np.testing.assert_allclose(after["log_f0"], before["log_f0"], atol=3e-4)
        assert np.abs(after["mel"] - before["mel"]).mean() < 0.3
        np.testing.assert_array_equal(after["mel"], log_mel((after["audio"] / 32768).astype(np.float32), MEL))
        assert _lag(before["audio"], after["audio"]) == 0
    with pytest.raises(CorpusError, match="bdl-2"):
        again.load(next(recording for recording in again.recordings if recording.id == "bdl-2"))


def _lag(one: np.ndarray, other: np.ndarray) -> int:
    """Return the shift, in samples, that maximises the correlation of two recordings."""
    inner = one[400:-400].astype(float)
    likeness = {shift: inner @ other[400 + shift : len(other) - 400 + shift].astype(float) for shift in range(-400, 401)}
    return max(likeness, key=likeness.__getitem__)


def test_the_bit_rate_is_the_highest_that_fits(spoken: Corpus) -> None:
    most = round(_seconds(spoken) * 33 * 1000 / 8)
    packed = encode(spoken, spoken.recordings, most)
    assert packed.num_left_out == 0
    assert LOWEST_KBPS < packed.kbps < HIGHEST_KBPS
    assert 0.9 * most < packed.num_bytes <= most


def test_where_the_lowest_rate_does_not_fit_training_clips_are_left_out(spoken: Corpus) -> None:
    most = round(_seconds(spoken) * 17 * 1000 / 8)
    packed = encode(spoken, spoken.recordings, most)
    assert packed.kbps == LOWEST_KBPS
    assert packed.num_bytes <= most
    assert 0 < packed.num_left_out == len(spoken.recordings) - len(packed.recordings)
    assert {(row.speaker, row.split) for row in packed.recordings} == {(row.speaker, row.split) for row in spoken.recordings}
    with pytest.raises(InputError, match="24 kb/s"):
        encode(spoken, spoken.recordings, 2000)


def test_every_speaker_loses_the_same_share(spoken: Corpus) -> None:
    rows = [
        spoken_recording(f"{speaker}-{n}", speaker, "train", 10)
        for speaker, count in (("a", 40), ("b", 10))
        for n in range(count)
    ]
    kept = [row.speaker for row in thinned(rows, 0.5)]
    assert (kept.count("a"), kept.count("b")) == (20, 5)
    assert [row.speaker for row in thinned(rows, 0.0)] == ["a", "b"]
    assert thinned(spoken.recordings, 1.0) == spoken.recordings


def test_a_damaged_pack_is_refused(spoken: Corpus, tmp_path: Path) -> None:
    write_packed(tmp_path, spoken, spoken.recordings, encode(spoken, spoken.recordings, 10_000_000))
    content = (tmp_path / "frames.npz.xz").read_bytes()
    (tmp_path / "frames.npz.xz").write_bytes(content[:200])
    with pytest.raises(CorpusError, match="damaged"):
        unpack_corpus(tmp_path, tmp_path / "corpus", 1)
    (tmp_path / "frames.npz.xz").write_bytes(content)
    (tmp_path / "audio-0000.opus").write_bytes(b"no audio")
    with pytest.raises(CorpusError, match="audio-0000"):
        unpack_corpus(tmp_path, tmp_path / "corpus", 1)
    assert not (tmp_path / "corpus" / "manifest.jsonl").exists()
