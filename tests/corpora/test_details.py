"""Document, position, session and kind of clips: from transcripts, splits and tables, kept in the prepared corpus."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic import PROMPTS, SAMPLE

from tts_cli.corpora import prepare
from tts_cli.corpora.details import apply_details, read_details
from tts_cli.corpora.layouts import Clip, CorpusFolder, Reject, read_source
from tts_cli.corpora.manifest import open_corpus
from tts_cli.corpora.prepare import PrepareOptions
from tts_cli.corpora.sources import split_sources
from tts_cli.errors import CorpusError

IDS = ("s1_02", "s1_03", "s2_01")
STORIES = (
    "id,speaker,story,position,kind\ns1_02,ann,s1,2,wh-question\ns1_03,ann,s1,3,quoted dialogue\ns2_01,ben,s2,1,or-question\n"
)
STORY_LIST = 'story,title,speaker,session,split\ns1,"Sam, and I",ann,a1,train\ns2,Cake,ben,b2,test\n'


def clip(name: str, corpus: str = "tales", **more: object) -> Clip:
    return Clip(corpus, name, corpus, "Some text.", Path(f"{name}.wav"), f"metadata.csv:{name}", **more)  # type: ignore[arg-type]


def written(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def told(one: Clip) -> tuple[object, ...]:
    return one.speaker, one.document, one.position, one.session, one.kind


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    return [written(tmp_path / "story_list.csv", STORY_LIST), written(tmp_path / "stories.csv", STORIES)]


def test_a_table_of_clips_and_one_of_stories_are_joined_in_either_order(tables: list[Path]) -> None:
    found = [CorpusFolder("tales", [clip(name) for name in IDS], list[Reject]())]
    wanted = [("ann", "s1", 2, "a1", "wh"), ("ann", "s1", 3, "a1", "dialogue"), ("ben", "s2", 1, "b2", "or")]
    for order in (tables, tables[::-1]):
        clips, rejects, _, _ = split_sources(found, None, order)
        assert [told(one) for one in clips] == wanted and not rejects
        assert [one.id for one in clips] == list(IDS)


def test_splits_precede_details_and_details_precede_transcripts(tables: list[Path], tmp_path: Path) -> None:
    header = "corpus,id,split,speaker,document,position,session,kind\n"
    splits = written(tmp_path / "splits.csv", header + "tales,s1_02,test,,s9,7,z9,yes-no-question\ntales,s1_03,train,,,,,\n")
    clips = [clip(name, document="old", position=40, session="own", kind="statement") for name in IDS]
    found, _, _, _ = split_sources([CorpusFolder("tales", clips, [])], splits, tables)
    assert told(found[0]) == ("ann", "s9", 7, "z9", "yes-no")
    assert told(found[1]) == ("ann", "s1", 3, "own", "dialogue")
    assert [one.split for one in found[:2]] == ["test", "train"]


def test_the_corpus_tells_clips_of_the_same_id_apart(tmp_path: Path) -> None:
    clips = [clip("a", "one"), clip("a", "two"), clip("b", "two")]
    with_corpus = written(tmp_path / "corpora.csv", "corpus,id,session\none,a,x\ntwo,a,y\n")
    assert [c.session for c in apply_details(clips, [read_details(with_corpus)])] == ["x", "y", ""]
    without = written(tmp_path / "bare.csv", "id,session\na,x\n")
    with pytest.raises(CorpusError, match="the id 'a' is one of 'one' and of 'two'") as caught:
        apply_details(clips, [read_details(without)])
    assert caught.value.hint == "add a column corpus"
    assert [c.session for c in apply_details(clips[1:], [read_details(without)])] == ["x", ""]


def test_stories_of_the_same_name_by_two_readers_are_two(tmp_path: Path) -> None:
    readers = written(tmp_path / "list.csv", "document,speaker,session\ns1,ann,a\ns1,ben,b\n")
    clips = [clip("1", document="s1"), clip("2", document="s1")]
    clips = [replace(one, speaker=name) for one, name in zip(clips, ("ann", "ben"), strict=True)]
    assert [c.session for c in apply_details(clips, [read_details(readers)])] == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("id,title\na,Cake\n", ":1: expected the column id or document"),
        ("title,session\nCake,a\n", ":1: expected the column id or document"),
        ("id,kind\na,riddle\n", ":2: unknown kind 'riddle'"),
        ("id,position\na,first\n", ":2: 'position' is 'first', not a whole number"),
        ("id,position\na,1.5\n", "not a whole number"),
        ("id,session\na,x\nb,x,y\n", ":3: wrong number of columns"),
        ("id,session\na,x\na,y\n", ":3: a second row of a"),
        ("id,session\nother,x\n", "no clip has id of a row"),
        ("story,speaker,session\ns1,ann,x\n", "no clip has speaker and document of a row"),
    ],
)
def test_a_table_that_tells_nothing_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    path = written(tmp_path / "details.csv", content)
    with pytest.raises(CorpusError, match=reason) as caught:
        apply_details([clip("a")], [read_details(path)])
    assert caught.value.hint and str(path) in caught.value.message
    with pytest.raises(CorpusError, match="no such file"):
        read_details(tmp_path / "absent.csv")


def test_a_position_of_the_splits_must_be_a_number(tmp_path: Path) -> None:
    splits = written(tmp_path / "splits.csv", "corpus,id,split,position\ntales,a,train,last\n")
    with pytest.raises(CorpusError, match=r"splits.csv:2: 'position' is 'last', not a whole number"):
        split_sources([CorpusFolder("tales", [clip("a")], [])], splits)


def test_a_manifest_may_give_document_position_and_session(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "b.wav").touch()
    lines = "file,text,story,position,recording_session,kind\na.wav,Who?,s1,2,day 1,wh-question\nb.wav,One.,s1,second,day 1,\n"
    source = read_source(written(tmp_path / "manifest.csv", lines))
    assert [told(one)[1:] for one in source.clips] == [("s1", 2, "day 1", "wh")]
    assert [(one.kind, one.reason) for one in source.rejects] == [
        ("wrong value", "'position' is 'second', not a whole number"),
    ]


def test_librispeech_and_ljspeech_tell_chapter_and_place(tmp_path: Path) -> None:
    chapter = tmp_path / "libri" / "84" / "121123"
    chapter.mkdir(parents=True)
    for name in ("84-121123-0000", "84-121123-0007"):
        (chapter / f"{name}.flac").touch()
    written(chapter / "84-121123.trans.txt", "84-121123-0000 GO\n84-121123-0007 COME\n")
    found = [(one.speaker, one.document, one.position) for one in read_source(tmp_path / "libri").clips]
    assert found == [("libri_84", "121123", 0), ("libri_84", "121123", 7)]
    folder = tmp_path / "lj"
    (folder / "wavs").mkdir(parents=True)
    for name in ("LJ001-0023", "arctic_a0001"):
        (folder / "wavs" / f"{name}.wav").touch()
    written(folder / "metadata.csv", "LJ001-0023|One.\narctic_a0001|Two.\n")
    assert [(one.document, one.position) for one in read_source(folder).clips] == [("LJ001", 23), ("", None)]


def test_a_prepared_corpus_keeps_them_and_a_plain_one_has_no_empty_ones(tmp_path: Path) -> None:
    pytest.importorskip("swift_f0")
    folder = tmp_path / "tales"
    (folder / "wavs").mkdir(parents=True)
    names = list(PROMPTS)[:2]
    for name in names:
        shutil.copy(SAMPLE / "kathleen" / "wavs" / f"{name}.flac", folder / "wavs")
    written(folder / "metadata.csv", "".join(f"{name}|{PROMPTS[name]}\n" for name in names))
    ids = written(tmp_path / "ids.csv", f"id,chapter,position\n{names[0]},c1,4\n{names[1]},c1,5\n")
    chapters = written(tmp_path / "chapters.csv", "chapter,session\nc1,monday\n")
    prepare.prepare([folder], tmp_path / "plain", PrepareOptions())
    assert "document" not in (tmp_path / "plain" / "manifest.jsonl").read_text()
    prepare.prepare([folder], tmp_path / "out", PrepareOptions(details=(ids, chapters)))
    rows = open_corpus(tmp_path / "out").recordings
    assert [(one.document, one.position, one.session) for one in rows] == [("c1", 4, "monday"), ("c1", 5, "monday")]
    again = read_source(tmp_path / "out")
    assert [(one.document, one.position, one.session) for one in again.clips] == [("c1", 4, "monday"), ("c1", 5, "monday")]
