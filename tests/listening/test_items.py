"""Items of a listening test: which recordings and sentences are taken, and in which order."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile
from small_corpora import SPOKEN, write_corpora

from tts_cli.errors import ConfigError, CorpusError
from tts_cli.listening.config import ListeningConfig
from tts_cli.listening.items import ChosenItems, choose_items, in_turns


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpora(tmp_path_factory.mktemp("corpora"))


def chosen(items: dict[str, Any], corpora: Path | None, scratch: Path, **more: Any) -> ChosenItems:
    systems = {"people": {"recordings": True}, "other": {"plays": "source"} if "targets" in items else {"addon": "tiny-acoustic"}}
    config = ListeningConfig.model_validate({"kind": "mushra", "title": "A", "systems": systems, "items": items, **more})
    return choose_items(config, corpora, scratch, "test.yaml", "low")


def test_speakers_and_kinds_take_turns(corpora: Path, tmp_path: Path) -> None:
    test = chosen({"split": "test", "count": 6}, corpora, tmp_path, training=0).test
    assert [item.prompt.speaker for item in test] == ["high", "low"] * 3
    assert {item.prompt.kind for item in test} == {"statement", "wh", "yes-no"}
    assert len({item.name for item in test}) == 6
    assert all(item.prompt.recording and item.group == item.prompt.kind for item in test)


def test_the_seed_chooses(corpora: Path, tmp_path: Path) -> None:
    def names(seed: int) -> list[str]:
        return [item.name for item in chosen({"split": "test"}, corpora, tmp_path, seed=seed).test]

    assert names(1) == names(1)
    assert len({tuple(names(seed)) for seed in range(8)}) > 1


def test_training_pages_take_other_items_where_there_are_some(corpora: Path, tmp_path: Path) -> None:
    found = chosen({"split": "test", "count": 4}, corpora, tmp_path, training=2)
    assert len(found.training) == 2 and not set(found.training) & set(found.test) and found.notes == ()
    found = chosen({"split": "test", "count": 20}, corpora, tmp_path, training=2)
    assert len(found.test) == 8 and set(found.training) <= set(found.test)
    assert any("20 items; 8 fit" in note for note in found.notes) and any("training" in note for note in found.notes)


def test_kinds_speakers_and_exclusions(corpora: Path, tmp_path: Path) -> None:
    test = chosen(
        {"split": "test", "speakers": ["low"], "kinds": ["wh", "yes-no"], "exclude": ["arctic_a0207"]}, corpora, tmp_path
    ).test
    assert [item.name for item in test] == ["low/arctic_a0098"]
    longest = min(soundfile.info(item.prompt.recording.audio).duration for item in test if item.prompt.recording)
    with pytest.raises(CorpusError, match="no recording fits"):
        chosen({"split": "test", "longest": longest / 4}, corpora, tmp_path)


def test_recordings_of_a_prepared_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        SimpleNamespace(
            corpus="c",
            id=f"{place}",
            speaker=speaker,
            text=f"Text {place}.",
            audio_filepath=f"/{place}.wav",
            kind="wh",
            split=split,
        )
        for place, (speaker, split) in enumerate([("low", "test"), ("high", "test"), ("low", "train"), ("low", "validation")])
    ]
    opened: list[Path] = []
    corpus = SimpleNamespace(recordings=rows, speakers=("high", "low"))
    monkeypatch.setattr("tts_cli.listening.items.open_corpus", lambda folder: opened.append(folder) or corpus)
    test = chosen({"data": tmp_path / "prepared"}, None, tmp_path).test
    assert [item.name for item in test] == ["high/1", "low/0"] and opened == [tmp_path / "prepared"]
    assert test[0].prompt.recording and test[0].prompt.recording.audio == Path("/1.wav")
    test = chosen({"data": tmp_path, "split": ["train", "validation"], "speakers": ["low"]}, None, tmp_path).test
    assert {item.name for item in test} == {"low/2", "low/3"}
    with pytest.raises(CorpusError, match="no 'train' recording of high"):
        chosen({"data": tmp_path, "split": "train", "speakers": ["high"]}, None, tmp_path)


def test_one_item_is_enough(corpora: Path, tmp_path: Path) -> None:
    found = chosen({"split": "test", "count": 1, "limit": 1}, corpora, tmp_path)
    assert len(found.test) == 1 and len(found.training) == 1


def test_every_source_is_spoken_by_every_target(corpora: Path, tmp_path: Path) -> None:
    found = chosen({"split": "unseen", "targets": ["low", "high"], "count": 3}, corpora, tmp_path)
    pairs = {(item.source.id, item.prompt.speaker) for item in found.test if item.source}
    assert len(found.test) == 6 and len(pairs) == 6 and {speaker for _, speaker in pairs} == {"low", "high"}
    for item in found.test:
        assert item.source and item.identity and item.target
        assert item.source.speaker == "guest" and item.group == item.prompt.speaker
        assert item.identity.speaker == item.target.speaker == item.prompt.speaker
        assert item.identity.id != item.target.id and item.identity.text != item.prompt.text
    assert {item.prompt.speaker for item in found.test[:3]} == {"low", "high"}


def test_consecutive_recordings_are_joined(corpora: Path, tmp_path: Path) -> None:
    (item, _) = chosen({"split": "test", "joined": 2, "pause": 0.5}, corpora, tmp_path).test
    clip = item.prompt.recording
    assert clip and clip.id == "arctic_b0195-arctic_b0196"
    assert clip.text == f"{SPOKEN['arctic_b0195'][1]} {SPOKEN['arctic_b0196'][1]}" == item.prompt.text
    home = corpora / f"of_{clip.speaker}" / "wavs"
    parts = [soundfile.info(home / f"arctic_b019{number}.flac") for number in (5, 6)]
    assert soundfile.info(clip.audio).samplerate == parts[0].samplerate
    assert soundfile.info(clip.audio).duration == pytest.approx(sum(part.duration for part in parts) + 0.5, abs=0.001)
    with pytest.raises(CorpusError, match="no 3 recordings of a speaker follow each other"):
        chosen({"split": "test", "joined": 3}, corpora, tmp_path)


def test_sentences_pass_through_groups_and_speakers(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("".join(f"{group}|{group} says {number}.\n" for group in "ab" for number in range(4)))
    items = {"sentences": tmp_path / "lines.txt", "speakers": ["low", "high"], "count": 6}
    test = chosen(items, None, tmp_path).test
    assert [item.group for item in test] == ["a", "b"] * 3
    assert {(item.group, item.prompt.speaker) for item in test} == {("a", "low"), ("a", "high"), ("b", "low"), ("b", "high")}
    assert len({item.prompt.text for item in test}) == 6 and all(item.prompt.recording is None for item in test)
    number = int(test[0].prompt.name)
    assert (tmp_path / "lines.txt").read_text().splitlines()[number - 1] == f"a|{test[0].prompt.text}"
    with pytest.raises(CorpusError, match="no line of the group 'c'"):
        chosen({**items, "kinds": ["c"]}, None, tmp_path)


def test_a_text_of_a_megabyte_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text(f"a|{'word ' * 200_000}\n")
    with pytest.raises(CorpusError, match="has 999999 characters, more than 3000") as caught:
        chosen({"sentences": tmp_path / "lines.txt"}, None, tmp_path)
    assert len(caught.value.message) < 300


def test_sentences_without_speakers_take_the_voice(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("a|Hello.\n")
    assert chosen({"sentences": tmp_path / "lines.txt"}, None, tmp_path).test[0].prompt.speaker == "low"


def test_passages_become_excerpts(tmp_path: Path) -> None:
    (tmp_path / "books.txt").write_text("one|A cat sat. A dog ran. A bird flew. A fish swam. A cow ate.\ntwo|Only this.\n")
    test = chosen({"passages": tmp_path / "books.txt", "excerpt": 2}, None, tmp_path).test
    assert [item.prompt.text for item in test] == ["A cat sat. A dog ran.", "Only this.", "A bird flew. A fish swam."]
    assert [item.group for item in test] == ["one", "two", "one"]


def test_missing_files_are_named(corpora: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"test\.yaml: 'items\.split': the recordings need a folder of corpora"):
        chosen({"split": "test"}, None, tmp_path)
    with pytest.raises(CorpusError, match=r"splits\.csv: no such file"):
        chosen({"split": "test"}, tmp_path / "absent", tmp_path)
    with pytest.raises(CorpusError, match="no 'test' prompt of absent"):
        chosen({"split": "test", "speakers": ["absent"]}, corpora, tmp_path)
    with pytest.raises(CorpusError, match=r"absent\.txt: no such file of sentences"):
        chosen({"sentences": tmp_path / "absent.txt"}, None, tmp_path)


def test_turns_keep_the_order_inside_a_group() -> None:
    assert in_turns(["a1", "a2", "b1", "a3", "c1"], lambda thing: thing[0]) == ["a1", "b1", "c1", "a2", "a3"]
    things = [f"{random.Random(1).choice('abc')}{number}" for number in range(20)]
    assert sorted(in_turns(things, lambda thing: thing[0])) == sorted(things)
