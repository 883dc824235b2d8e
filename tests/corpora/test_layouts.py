"""Layouts on disk and splits: every line becomes a clip, or a reject with its place and reason."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from synthetic import MEL, SAMPLE, noise

from tts_cli.corpora.layouts import Clip, CorpusFolder, Reject, detect_layout, read_source
from tts_cli.corpora.splits import apply_splits, read_splits, refuse_other_corpora, share_out
from tts_cli.errors import CorpusError

WriteLJSpeech = Callable[..., Path]


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, noise(0.5), MEL.sample_rate)


def test_ljspeech_has_two_or_three_columns_and_ids_with_or_without_extension(write_ljspeech: WriteLJSpeech) -> None:
    folder = write_ljspeech("lj", ["a|One.", "b.wav|2.|Two.", "c|Three.|"], ["a", "b", "c"], ".flac")
    source = read_source(folder)
    assert source.rejects == []
    assert [(clip.id, clip.text, clip.speaker) for clip in source.clips] == [
        ("a", "One.", "lj"),
        ("b", "Two.", "lj"),
        ("c", "Three.", "lj"),
    ]
    assert source.clips[1].where == f"{folder}/metadata.csv:2"
    assert source.clips[1].audio == folder / "wavs" / "b.flac"


def test_festvox(tmp_path: Path) -> None:
    folder = tmp_path / "cmu_us_slt_arctic"
    touch(folder / "wav" / "a_1.wav")
    (folder / "etc").mkdir()
    (folder / "etc" / "txt.done.data").write_text('( a_1 "He said \\"no\\"." )\n( a_2 no quotes )\n')
    source = read_source(folder)
    assert [(clip.id, clip.text, clip.speaker) for clip in source.clips] == [("a_1", 'He said "no".', "slt")]
    assert [(reject.where, reject.reason[:23]) for reject in source.rejects] == [
        (f"{folder}/etc/txt.done.data:2", "wrong number of columns")
    ]


def test_librispeech(tmp_path: Path) -> None:
    for speaker in ("12", "7"):
        chapter = tmp_path / "libri" / "train" / speaker / "34"
        touch(chapter / f"{speaker}-34-0000.flac")
        (chapter / f"{speaker}-34.trans.txt").write_text(f"{speaker}-34-0000 HELLO THERE\n")
    source = read_source(tmp_path / "libri")
    assert [(clip.id, clip.speaker, clip.text) for clip in source.clips] == [
        ("12-34-0000", "libri_12", "HELLO THERE"),
        ("7-34-0000", "libri_7", "HELLO THERE"),
    ]


def test_layouts_are_recognised_and_can_be_named(tmp_path: Path) -> None:
    assert detect_layout(SAMPLE / "kathleen") == "ljspeech"
    assert detect_layout(SAMPLE / "cmu_us_slt_arctic") == "festvox"
    with pytest.raises(CorpusError, match="unknown layout 'ljspech'") as caught:
        read_source(SAMPLE / "kathleen", "ljspech")
    assert caught.value.hint == "did you mean 'ljspeech'?"
    with pytest.raises(CorpusError, match=r"metadata\.csv: no such file"):
        read_source(SAMPLE / "cmu_us_slt_arctic", "ljspeech")
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(CorpusError, match=r"no corpus found|no such folder"):
            read_source(folder)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a|Again.", "duplicate id, first seen at"),
        ("z|No recording.", "missing audio"),
        ("only one column", "wrong number of columns: 1"),
        ("a|b|c|d", "wrong number of columns: 4"),
        ("../a|Climbs.", "not a file name"),
        ("|No id.", "not a file name"),
        ("b|caf\udce9", "not UTF-8"),
    ],
)
def test_a_bad_line_is_rejected_with_its_place_and_the_rest_goes_on(
    write_ljspeech: WriteLJSpeech, line: str, reason: str
) -> None:
    folder = write_ljspeech("lj", ["a|First.", "c|Last."], ["a", "b", "c"])
    path = folder / "metadata.csv"
    path.write_bytes(f"a|First.\n\n{line}\nc|Last.\n".encode(errors="surrogateescape"))
    source = read_source(folder)
    assert [clip.id for clip in source.clips] == ["a", "c"]
    (reject,) = source.rejects
    assert reject.where == f"{path}:3"
    assert reason in reject.reason


@pytest.mark.parametrize(
    ("second", "third"),
    [
        ("In 1912 he paid $5.", "In nineteen twelve he paid five dollars."), ("1912", "nineteen twelve"),
        ("5 kg", "five kilograms"),
        ("Dr. Smith", "Doctor Smith"), ("NASA", "N A S A"), ("Café 24", "cafe twenty four"), ("Henry VIII", "Henry the Eighth"),
        ("A well-known fact", "A well known fact"), ("colour", "color"), ("I'm gonna go", "I'm going to go"), ("No", "no"),
        ("Read as written.", ""), ("", "Read as written."),
    ],
)  # fmt: skip
def test_a_third_column_is_a_reading_of_the_second(write_ljspeech: WriteLJSpeech, second: str, third: str) -> None:
    source = read_source(write_ljspeech("lj", [f"a|{second}|{third}"], ["a"]))
    assert [clip.text for clip in source.clips] == [third or second]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["a|ann|She went home early.", "b|ben|How far is that?"], "id|speaker|text: 'ann'"),
        (["a|p225|She went home early.", "b|p226|How far is that?"], "id|speaker|text: 'p225'"),
        (["a|7|She went home early.", "b|7|How far is that?"], "id|speaker|text: '7'"),
        (["a|Mary Ann|She went home early.", "b|Mary Ann|How far is that?"], "id|speaker|text: 'Mary Ann'"),
        (["a|will|Will he come?", "b|mark|We are going home now, mark."], "column"),
        (["a|She went home | early", "b|How far|is that?"], "a bar '|' inside the text"),
        (["a|She | went | home", "b|How | far | is that?"], "no other '|'"),
    ],
)
def test_other_columns_are_refused_by_line_and_named(write_ljspeech: WriteLJSpeech, lines: list[str], told: str) -> None:
    folder = write_ljspeech("lj", ["good|This is a text.", *lines], ["good", "a", "b"])
    source = read_source(folder)
    assert [clip.id for clip in source.clips] == ["good"]
    assert [(reject.where, reject.id) for reject in source.rejects] == [
        (f"{folder}/metadata.csv:{number}", name) for number, name in ((2, "a"), (3, "b"))
    ]
    assert told in source.rejects[0].reason


def test_real_normalised_texts_are_no_other_layout() -> None:
    from tts_cli.corpora.columns import ThirdColumns
    from tts_cli.text import TextFrontEnd

    front_end = TextFrontEnd()
    texts = [line.split(",", 5)[-1].strip('"') for line in (SAMPLE / "splits.csv").read_text().splitlines()[1:]]
    texts += (SAMPLE / "hard-sentences.txt").read_text().splitlines()
    pairs = [(text, front_end.utterance(text).normalised) for text in texts if text.strip()]
    judge = ThirdColumns(pairs)
    assert [pair for pair in pairs if judge.fault(*pair)] == []


def test_ids_may_name_the_folder_of_their_recording(tmp_path: Path) -> None:
    folder = tmp_path / "lj"
    for name in ("wavs/a", "wavs/b", "wavs/s1/a", "wavs/s2/a"):
        touch(folder / f"{name}.wav")
    ids = ["wavs/a.wav", "./wavs/b", "s1/a", "s2\\a.wav", "../lj/wavs/a", "/wavs/a", "s1/../a", "s1/"]
    (folder / "metadata.csv").write_text("".join(f"{name}|A text.\n" for name in ids))
    source = read_source(folder)
    found = [("a", "a.wav"), ("b", "b.wav"), ("s1/a", "s1/a.wav"), ("s2/a", "s2/a.wav")]
    assert [(clip.id, str(clip.audio.relative_to(folder / "wavs"))) for clip in source.clips] == found
    assert [reject.kind for reject in source.rejects] == ["unusable id"] * 4


@pytest.mark.parametrize(("of_file", "of_line"), [("NFD", "NFC"), ("NFC", "NFD"), ("NFD", "NFD")])
def test_names_are_found_in_either_form_of_unicode(write_ljspeech: WriteLJSpeech, of_file: str, of_line: str) -> None:
    name = "über-señal"
    line = f"{unicodedata.normalize(of_line, name)}|Hello there."  # type: ignore[arg-type]
    folder = write_ljspeech("lj", [line], [unicodedata.normalize(of_file, name)])  # type: ignore[arg-type]
    assert [clip.id for clip in read_source(folder).clips] == [unicodedata.normalize("NFC", name)]


def clip(name: str, text: str = "Some text.") -> Clip:
    return Clip("toy", name, "toy", text, Path(f"{name}.wav"), f"metadata.csv:{name}")


HEADER = "corpus,speaker,id,split,kind,text\n"


def test_the_splits_are_obeyed_and_unseen_clips_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "splits.csv"
    path.write_text(
        HEADER
        + 'toy,anna,1,train,yes-no,"Really, so?"\ntoy,anna,2,test,statement,Two.\ntoy,bert,3,unseen,statement,Three.\n'
        + "toy,anna,5,train,statement,Five.\nother,x,1,train,statement,X.\n"
    )
    source = read_source_of([clip("1"), clip("2"), clip("3"), clip("4")])
    found, num_unseen = apply_splits(source, read_splits(path))
    assert [(c.id, c.speaker, c.split, c.kind, c.text) for c in found.clips] == [
        ("1", "anna", "train", "yes-no", "Really, so?"),
        ("2", "anna", "test", "statement", "Two."),
        ("4", "toy", "", "", "Some text."),
    ]
    assert num_unseen == 1
    assert [(reject.where, reject.id) for reject in found.rejects] == [(f"{path}:5", "5")]
    assert share_out(found.clips)[2].split in ("train", "validation")


def read_source_of(clips: list[Clip]) -> CorpusFolder:
    return CorpusFolder("toy", clips, list[Reject]())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("id,split\n1,train\n", ":1: expected the columns"),
        (HEADER + "toy,a,1,training,statement,One.\n", ":2: unknown split 'training'"),
        (HEADER + "toy,a,1,train\n", ":2: wrong number of columns"),
        (HEADER + "toy,a,1,train,statement,One.\n" * 2, ":3: duplicate row"),
        (HEADER + "other,a,1,train,statement,One.\n", "list nothing of the corpus 'toy'"),
    ],
)
def test_splits_that_cannot_be_obeyed_are_refused(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "splits.csv").write_text(content)
    with pytest.raises(CorpusError, match=reason):
        refuse_other_corpora([read_source_of([clip("1")])], read_splits(tmp_path / "splits.csv"))


def test_without_splits_a_text_decides_its_split_whoever_speaks_it() -> None:
    texts = [f"This is sentence number {number}." for number in range(400)]
    first = share_out([clip(str(number), text) for number, text in enumerate(texts)])
    second = share_out([clip(f"other{number}", text) for number, text in reversed(list(enumerate(texts)))])
    assert {c.text: c.split for c in first} == {c.text: c.split for c in second}
    assert 5 <= sum(c.split == "validation" for c in first) <= 40
    few = [clip(str(number), f"{word}.") for number, word in enumerate(["No", "Never", "Perhaps", "perhaps"])]
    splits = [c.split for c in share_out(few)]
    assert set(splits) == {"train", "validation"}, "a training needs both"
    assert splits[2] == splits[3]
    assert {c.split for c in share_out(few, {"no": "validation"})[1:]} == {"train"}
    assert [c.split for c in share_out(few[2:])] == ["train"] * 2, "one text is for training"
    kinds = [c.kind for c in share_out([clip("1", "Where is it?"), clip("2", "Is it here?"), clip("3", "It is.")])]
    assert kinds == ["wh", "yes-no", "statement"]
