"""Opening of a prepared corpus: inconsistent ones are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tts_cli.audio.mel import MelConfig
from tts_cli.corpora.manifest import Corpus, check_mel, open_corpus, write_corpus
from tts_cli.errors import ConfigError, CorpusError
from tts_cli.text.phones import SYMBOLS


@pytest.fixture
def copy(prepared: Corpus, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared.folder, tmp_path / "copy"))


def edit_first_row(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    lines = (folder / "manifest.jsonl").read_text().splitlines()
    row = json.loads(lines[0])
    change(row)
    (folder / "manifest.jsonl").write_text("\n".join([json.dumps(row), *lines[1:]]))


def test_a_corpus_that_was_prepared_again_is_noticed(prepared: Corpus, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(prepared.folder, tmp_path / "corpus"))
    opened = open_corpus(copy)
    blank = opened.summary.model_copy(update={"identity": ""})
    write_corpus(copy, blank, opened.recordings)
    opened.check_unchanged()
    part = opened.of_speakers(["bert"])
    part.check_unchanged()
    write_corpus(copy, blank, opened.recordings, ["another recording"])
    for changed in (opened, part):
        with pytest.raises(CorpusError, match="prepared again while it was in use"):
            changed.check_unchanged()
    (copy / opened.recordings[0].features).unlink()
    with pytest.raises(CorpusError, match="prepared again while it was in use"):
        opened.load(opened.recordings[0])


def test_what_was_written_is_read(prepared: Corpus, copy: Path) -> None:
    opened = open_corpus(copy, prepared.mel, SYMBOLS)
    assert opened.recordings == prepared.recordings
    assert opened.speakers == ("anna", "bert", "carl")
    assert opened.summary == prepared.summary


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("split", "unseen", "manifest.jsonl:1: 'split'"),
        ("durations", [1] * 9, "durations do not match"),
        ("speaker", "nobody", "does not know the speaker 'nobody'"),
        ("tokens", ["^", "XX", *"......."], "does not know the symbols"),
        ("num_frames", "many", "manifest.jsonl:1: 'num_frames'"),
        ("surprise", 1, "manifest.jsonl:1: 'surprise'"),
    ],
)
def test_rows_that_cannot_be_trained_on_are_refused(copy: Path, key: str, value: object, reason: str) -> None:
    edit_first_row(copy, lambda row: row.update({key: value}))
    with pytest.raises(CorpusError, match=reason):
        open_corpus(copy)


def test_another_mel_configuration_is_refused(copy: Path) -> None:
    with pytest.raises(CorpusError, match="another mel configuration"):
        open_corpus(copy, MelConfig(hop_samples=256))
    with pytest.raises(CorpusError, match="another mel configuration"):
        check_mel(copy, MelConfig(hop_samples=256))
    check_mel(copy, MelConfig())


def test_an_edited_mel_configuration_is_refused(copy: Path) -> None:
    summary = json.loads((copy / "corpus.json").read_text())
    summary["mel"]["hop_samples"] = 256
    (copy / "corpus.json").write_text(json.dumps(summary))
    with pytest.raises(CorpusError, match="another mel configuration"):
        open_corpus(copy)


def test_other_symbols_are_refused(copy: Path) -> None:
    with pytest.raises(CorpusError, match="another set of symbols"):
        open_corpus(copy, symbols=SYMBOLS[:-1])


def test_an_incomplete_corpus_is_refused(copy: Path) -> None:
    (copy / "corpus.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"corpus.json: 'mel'"):
        open_corpus(copy)
    (copy / "manifest.jsonl").unlink()
    with pytest.raises(CorpusError, match=r"manifest.jsonl is missing"):
        open_corpus(copy)


def test_damaged_features_are_named(copy: Path) -> None:
    corpus = open_corpus(copy)
    first, second, third = corpus.recordings[:3]
    (copy / first.features).write_bytes((copy / first.features).read_bytes()[:500])
    shutil.copy(copy / third.features, copy / second.features)
    (copy / third.features).unlink()
    for recording, reason in [(first, "damaged"), (second, "does not have"), (third, "missing")]:
        with pytest.raises(CorpusError, match=reason) as caught:
            corpus.load(recording)
        assert recording.features in caught.value.message


def test_disjoint_prompts_leave_every_training_text_to_one_of_its_readers(prepared: Corpus) -> None:
    """The corpus has sixty texts that all three speakers read, and one more text of each speaker."""
    speakers, first = prepared.speakers, prepared.recordings[0]
    rows = [(f"text {number}", speaker) for number in range(60) for speaker in speakers] + [(name, name) for name in speakers]
    recordings = [first.model_copy(update={"normalized_text": text, "speaker": name, "split": "train"}) for text, name in rows]
    held_out = [recording.model_copy(update={"split": "test"}) for recording in recordings]
    corpus = Corpus(prepared.folder, prepared.summary, recordings + held_out).with_disjoint_prompts()
    assert corpus.of_split("test") == held_out
    kept = corpus.of_split("train")
    assert len({recording.normalized_text for recording in kept}) == len(kept) == 63
    counts = [sum(recording.speaker == name for recording in kept) for name in speakers]
    assert min(counts) > 10, "shared out evenly, as far as a hash does"
    again = Corpus(prepared.folder, prepared.summary, recordings[::-1]).with_disjoint_prompts()
    assert again.of_split("train")[::-1] == kept
