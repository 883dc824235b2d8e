from pathlib import Path

import numpy as np
import pytest

from tts_cli.audio.mel import MelConfig
from tts_cli.errors import CorpusError
from tts_cli.evaluation.prompts import (
    describe,
    parallel_readers,
    parallel_speakers,
    read_prompts,
    read_references,
    read_sentences,
)
from tts_cli.text import TextFrontEnd

ROOT = Path(__file__).parents[2]


def test_prompts_are_those_of_the_split_and_speakers(corpora: Path) -> None:
    assert [(p.speaker, p.id) for p in read_prompts(corpora, "test")] == [("anna", "a1"), ("anna", "a2"), ("ben", "b1")]
    assert [p.text for p in read_prompts(corpora, "test", ["ben"])] == ["Yes, it is."]
    assert [p.speaker for p in read_prompts(corpora, "test", limit=1)] == ["anna", "ben"]


def test_parallel_speakers_share_half_of_their_texts(corpora: Path) -> None:
    assert parallel_speakers(ROOT / "data", "test") == ("kathleen", "slt", "bdl")
    assert parallel_speakers(corpora, "test") == ("anna", "ben")
    assert parallel_speakers(corpora, "unseen") == ()
    read = [(name, text) for name, texts in {"a": "xyz", "b": "xuvw", "c": "xyz"}.items() for text in texts]
    assert parallel_readers(read) == ("a", "c"), "one text in four is a chance"
    assert parallel_readers(read[:7]) == (), "nobody reads the same alone"


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


def test_splits_without_speakers_and_texts_take_those_of_the_transcripts(corpora: Path) -> None:
    rows = "corpus,id,split\nreading,a1,test\nreading,a2,test\nothers,b1,test\n"
    (corpora / "splits.csv").write_text(rows, encoding="utf-8")
    clips = read_prompts(corpora, "test", ["reading"])
    assert [(clip.id, clip.speaker, clip.text, clip.kind) for clip in clips] == [
        ("a1", "reading", "Yes, it is.", "statement"),
        ("a2", "reading", "Is it.", "statement"),
    ]
    assert parallel_speakers(corpora, "test") == ("reading", "others")


def test_parts_of_a_recording_are_no_prompts(corpora: Path) -> None:
    row = '{"audio": "wavs/a1.flac", "text": "Yes.", "start": 0.1, "end": 0.4, "id": "a1"}\n'
    (corpora / "reading" / "manifest.jsonl").write_text(row, encoding="utf-8")
    (corpora / "splits.csv").write_text("corpus,id,split\nreading,a1,test\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"splits.csv:2: 'a1' is a part of a longer recording"):
        read_prompts(corpora, "test")


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


def test_sentences_are_read_with_their_groups(tmp_path: Path) -> None:
    file = tmp_path / "some.txt"
    file.write_text("list|One, two.\nlist|Three.\nletters|A | B.\n", encoding="utf-8")
    assert read_sentences(file) == (("list", "One, two."), ("list", "Three."), ("letters", "A | B."))
    assert [sentence.text for sentence in read_sentences(file, limit=1)] == ["One, two.", "A | B."]


@pytest.mark.parametrize(("content", "message"), [(None, "no such file"), ("", "no sentence"), ("a|b\nword\n", r"some\.txt:2")])
def test_sentences_that_cannot_be_read_are_named(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "some.txt").write_text(content, encoding="utf-8")
    with pytest.raises(CorpusError, match=message):
        read_sentences(tmp_path / "some.txt")


def test_the_hard_sentences_are_what_their_groups_say() -> None:
    sentences = read_sentences(ROOT / "data/hard-sentences.txt")
    texts = {group: [s.text for s in sentences if s.group == group] for group in dict.fromkeys(s.group for s in sentences)}
    assert {group: len(set(members)) for group, members in texts.items()} == dict.fromkeys(
        ("long", "repeated", "list", "letters", "numbers"), 20
    )
    assert all(40 <= len(text.split()) <= 70 for text in texts["long"])
    assert all(any(character.isdigit() for character in text) for text in texts["numbers"])


def test_the_varied_sentences_can_be_spoken_and_need_every_way_of_splitting() -> None:
    front_end, sentences = TextFrontEnd(), read_sentences(ROOT / "data/varied-sentences.txt")
    lengths = [len(front_end.utterance(sentence.text).tokens) for sentence in sentences]
    assert len({sentence.text for sentence in sentences}) == len(lengths) == 100
    assert min(lengths) < 8
    assert sum(128 < length <= 200 for length in lengths) >= 5
    assert sum(length > 200 for length in lengths) >= 5
