from pathlib import Path

import numpy as np
import pytest

from tts_cli.audio.mel import MelConfig
from tts_cli.errors import CorpusError
from tts_cli.evaluation.prompts import describe, read_prompts, read_references


def test_prompts_are_those_of_the_split_and_speakers(corpora: Path) -> None:
    assert [(p.speaker, p.id) for p in read_prompts(corpora, "test")] == [("anna", "a1"), ("anna", "a2"), ("ben", "b1")]
    assert [p.text for p in read_prompts(corpora, "test", ["ben"])] == ["Yes, it is."]
    assert [p.speaker for p in read_prompts(corpora, "test", limit=1)] == ["anna", "ben"]


def test_the_splits_have_the_last_word_on_texts(corpora: Path) -> None:
    clip = read_prompts(corpora, "test")[1]
    assert describe(clip) == {
        "corpus": "reading",
        "speaker": "anna",
        "id": "a2",
        "split": "test",
        "kind": "yes-no",
        "text": "Is it?",
    }


def test_recordings_are_read_at_the_rate_of_the_mel(corpora: Path) -> None:
    (clip,) = read_prompts(corpora, "unseen")
    (reference,) = read_references([clip], MelConfig())
    assert clip.audio.name == "c-1.flac"
    assert reference.audio.dtype == np.float32
    assert len(reference.audio) == 8000
    assert reference.mel.shape == (40, 80)


def test_pitch_is_given_as_frames_of_one_channel(corpora: Path) -> None:
    pytest.importorskip("swift_f0")
    (reference,) = read_references(read_prompts(corpora, "unseen"), MelConfig())
    assert [values.shape for values in reference.pitch] == [(40, 1), (40, 1)]


def test_a_missing_recording_is_named(corpora: Path) -> None:
    with pytest.raises(CorpusError, match="'b3'"):
        read_prompts(corpora, "train")


def test_an_unknown_speaker_is_refused_with_the_known_ones(corpora: Path) -> None:
    with pytest.raises(CorpusError, match="zoe") as caught:
        read_prompts(corpora, "test", ["anna", "zoe"])
    assert caught.value.hint is not None
    assert "anna, ben" in caught.value.hint


@pytest.mark.parametrize("content", [None, "", "id,text\n1,one\n"])
def test_a_missing_or_malformed_splits_file_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "splits.csv").write_text(content, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"splits\.csv"):
        read_prompts(tmp_path, "test")
