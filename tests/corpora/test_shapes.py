"""Corpora of well-known shapes: each layout is detected and read, and malformed lines are refused by file and line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile
from synthetic import MEL, PROMPTS, SAMPLE
from trees import CV_HEADER, FOUND, TREES, A, write_tree

from tts_cli.cli.main import main
from tts_cli.corpora import prepare
from tts_cli.corpora.cutting import read_part
from tts_cli.corpora.layouts import KINDS, LAYOUTS, Clip, CorpusFolder, Reject, detect_layout, read_source
from tts_cli.corpora.manifest import open_corpus
from tts_cli.corpora.prepare import PrepareOptions
from tts_cli.corpora.sources import split_sources
from tts_cli.corpora.splits import kind_of, read_splits, share_out, splits_of_texts
from tts_cli.errors import AudioError, CorpusError


def source_in(root: Path, layout: str) -> Path:
    return root / "data" / "train" if layout == "kaldi" else root


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_every_layout_is_detected_and_read(tmp_path: Path, layout: str) -> None:
    folder = source_in(write_tree(tmp_path / "toy", TREES[layout]), layout)
    assert detect_layout(folder) == layout
    source = read_source(folder)
    assert source.rejects == []
    assert [(clip.id, clip.speaker, clip.text, clip.split) for clip in source.clips] == FOUND[layout]
    for clip in source.clips:
        assert clip.audio.is_file()
        file, line = clip.where.rsplit(":", 1)
        assert Path(file).is_file() and int(line) >= 1


MALFORMED: list[tuple[str, dict[str, str | bytes | float], str, str, str]] = [
    ("manifest", {"manifest.jsonl": '{"audio": "a.wav"}\n'}, "manifest.jsonl:1", "empty text", "no text (text, sentence"),
    (
        "manifest",
        {"manifest.jsonl": '{"text": "One."}\n'},
        "manifest.jsonl:1",
        "missing audio",
        "no audio (audio, audio_filepath",
    ),
    ("manifest", {"manifest.jsonl": '{"audio": "a.wav", \n'}, "manifest.jsonl:1", "wrong number of columns", "not JSON"),
    ("manifest", {"manifest.jsonl": "[1]\n"}, "manifest.jsonl:1", "wrong number of columns", "not a JSON object"),
    (
        "manifest",
        {"manifest.csv": "path,text\na.wav,One.\nb.wav,Two,and more.\n"},
        "manifest.csv:3",
        "wrong number of columns",
        "3, exp",
    ),
    ("manifest", {"manifest.csv": b"path,text\na.wav,caf\xe9\n"}, "manifest.csv:2", "not UTF-8", "not UTF-8"),
    (
        "manifest",
        {"manifest.tsv": "path\ttext\tstart\na.wav\tOne.\tsoon\n"},
        "manifest.tsv:2",
        "wrong value",
        "'start' is 'soon'",
    ),
    (
        "manifest",
        {"manifest.jsonl": '{"wav": "a.wav", "text": "A", "start": 2, "end": 1}'},
        "manifest.jsonl:1",
        "wrong value",
        "ends at 1",
    ),
    (
        "manifest",
        {"manifest.jsonl": '{"wav": "a.wav", "text": "A", "split": "later"}'},
        "manifest.jsonl:1",
        "wrong value",
        "unknown split",
    ),
    (
        "manifest",
        {"manifest.jsonl": '{"wav": "a.wav", "text": "A", "lang": "de"}'},
        "manifest.jsonl:1",
        "not English",
        "language is 'de'",
    ),
    (
        "manifest",
        {"manifest.jsonl": '{"wav": "a.wav", "text": "A", "corpus": "../x"}'},
        "manifest.jsonl:1",
        "wrong value",
        "plain name",
    ),
    (
        "manifest",
        {"manifest.jsonl": '{"wav": "b.wav", "text": "A"}'},
        "manifest.jsonl:1",
        "missing audio",
        "no recording 'b.wav'",
    ),
    (
        "manifest",
        {"manifest.jsonl": '{"wav": "a.wav", "text": "A", "phones": ["AH0"], "durations": [1, 2]}'},
        "manifest.jsonl:1",
        "wrong value",
        "1 phones, but 2 durations",
    ),
    (
        "common-voice",
        {"train.tsv": CV_HEADER + "\ta\t0\tOne.\t2\t0\t\t\t\ten\n", "clips/a.mp3": 0.5},
        "train.tsv:2",
        "wrong value",
        "client_id",
    ),
    (
        "common-voice",
        {"train.tsv": CV_HEADER + f"{A}\ta.mp3\n", "clips/a.mp3": 0.5},
        "train.tsv:2",
        "wrong number of columns",
        "2, expected 10",
    ),
    (
        "piper",
        {"metadata.csv": "a|ann|Go home now.\nb|ann|It | is.\nc|ben|How far is it?\nd|ben|It is not far.\n"},
        "metadata.csv:2",
        "wrong number of columns",
        "4, expected id|speaker",
    ),
    (
        "kaldi",
        {"wav.scp": "b sox b.mp3 -t wav - |\na a.wav\n", "text": "a A\nb B\n"},
        "wav.scp:1",
        "command in place of a file",
        "a command",
    ),
    ("kaldi", {"wav.scp": "a a.wav\n", "text": "a A\nb B\n"}, "text:2", "missing audio", "wav.scp does not list 'b'"),
    ("kaldi", {"wav.scp": "a a.wav\nb\n", "text": "a A\n"}, "wav.scp:2", "wrong number of columns", "expected two in wav.scp"),
    ("kaldi", {"wav.scp": "a a.wav\nb b.wav\n", "text": "a A\n"}, "wav.scp:2", "missing text", "text does not list 'b'"),
    ("kaldi", {"wav.scp": "a a.wav\n", "text": "a A\na B\n"}, "text:2", "duplicate id", "first seen at"),
    ("kaldi", {"wav.scp": "r a.wav\n", "text": "a A\n", "segments": "a r 1 0.5\n"}, "segments:1", "wrong value", "ends at 0.5 s"),
    (
        "kaldi",
        {"wav.scp": "r a.wav\n", "text": "a A\n", "segments": "a r 1\n"},
        "segments:1",
        "wrong number of columns",
        "start and end",
    ),
    (
        "vctk",
        {"txt/p1/p1_001.txt": "One.", "wav48/p1/x.wav": 0.5},
        "txt/p1/p1_001.txt:1",
        "missing audio",
        "no recording 'p1_001'",
    ),
    ("vctk", {"txt/p1/p1_001.txt": b"caf\xe9", "wav48/p1/p1_001.wav": 0.5}, "txt/p1/p1_001.txt:1", "not UTF-8", "not UTF-8"),
    (
        "filelist",
        {"toy_filelist.txt": "a.wav|One.\na.wav|1|2|x\n"},
        "toy_filelist.txt:2",
        "wrong number of columns",
        "4, expected path",
    ),
    ("filelist", {"toy_filelist.txt": "a.wav|One.\nb.wav|Two.\n"}, "toy_filelist.txt:2", "missing audio", "no recording 'b.wav'"),
    (
        "filelist",
        {"toy.list": "a.wav|ann|EN|One.\na.wav|ann|zh|Two.\n"},
        "toy.list:2",
        "not English",
        "the language is 'zh'",
    ),
    ("manifest", {"manifest.jsonl": '{"wav": "a.wav", "text": ["A"]}'}, "manifest.jsonl:1", "wrong value", "not a string"),
    ("manifest", {"manifest.jsonl": '{"wav": "a.wav", "text": "\\ud800"}'}, "manifest.jsonl:1", "not UTF-8", "not UTF-8"),
    (
        "manifest",
        {"manifest.jsonl": json.dumps({"wav": "a" * 300 + ".wav", "text": "A"})},
        "manifest.jsonl:1",
        "unusable id",
        "file name of at most 200 bytes",
    ),
    (
        "libritts",
        {"8/1/8_1_0_0.normalized.txt": "One.", "8/1/b.normalized.txt": "Two."},
        "8/1/b.normalized.txt:1",
        "unusable id",
        "84_121123",
    ),
    ("librispeech", {"8/1/8-1.trans.txt": "8-1-0 ONE\n"}, "8/1/8-1.trans.txt:1", "missing audio", "no recording '8-1-0'"),
    ("pairs", {"a.txt": "One.", "b.lab": "Two."}, "b.lab:1", "missing audio", "no recording 'b'"),
    ("pairs", {"a.txt": "One.", "b.wav": 0.5}, "b.txt:1", "missing text", "no file b.txt"),
    (
        "pairs",
        {"a.txt": "One.", "b.wav": 0.5, "b.lab": "0 1000 sil\n1000 2000 a\n"},
        "b.lab:1",
        "wrong number of columns",
        "labels with times",
    ),
]


@pytest.mark.parametrize(("layout", "files", "place", "kind", "reason"), MALFORMED)
def test_malformed_lines_are_refused_by_file_and_line(
    tmp_path: Path, layout: str, files: Mapping[str, str | bytes | float], place: str, kind: str, reason: str
) -> None:
    folder = write_tree(tmp_path / "toy", {"a.wav": 0.5, **files})
    assert detect_layout(folder) == layout
    found = [(reject.where, reject.kind) for reject in read_source(folder).rejects if reason in reject.reason]
    assert found == [(f"{folder}/{place}", kind)]


def test_a_command_of_kaldi_is_never_run(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "toy", {"wav.scp": f"a touch {tmp_path}/harm |\n", "text": "a A\n"})
    prepare.prepare([folder], tmp_path / "out", PrepareOptions())
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("name", "header"), [("manifest.csv", "id,comment\n"), ("manifest.tsv", "wavs/a.wav\tOne.\n"), ("list.csv", "")]
)
def test_a_table_without_a_header_is_refused(tmp_path: Path, name: str, header: str) -> None:
    folder = write_tree(tmp_path / "toy", {name: header + "a,b\n"})
    with pytest.raises(CorpusError, match=rf"{name}:1: the header has no column for audio .* and text ") as caught:
        read_source(folder / name)
    assert "audio,text,speaker" in str(caught.value.hint)


def test_a_folder_that_fits_no_layout_is_told_a_line_of_a_manifest(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "toy", {"a.wav": 0.5, "b.wav": 0.5, "README.txt": "Hello."})
    with pytest.raises(CorpusError, match="no corpus found: 2 recordings, but no transcripts") as caught:
        read_source(folder)
    assert caught.value.hint is not None
    line = caught.value.hint[caught.value.hint.index("{") : caught.value.hint.index("}") + 1]
    assert "manifest.jsonl" in caught.value.hint
    write_tree(folder, {"manifest.jsonl": line + "\n", "wavs/first.wav": 0.5})
    assert [(clip.id, clip.speaker) for clip in read_source(folder).clips] == [("first", "ann")]


def test_names_of_columns_that_the_field_uses(tmp_path: Path) -> None:
    write_tree(tmp_path / "toy", {"sub/a.wav": 0.5, "b.wav": 0.5})
    tables = {
        "coqui.csv": "audio_file|text|speaker_name\nsub/a.wav|One.|ann\n",
        "hub.csv": 'file_name,transcription\nsub/a.wav,"One, and\n two."\nb.wav,Two.\n',
        "quoted.tsv": 'wav\tnormalized_text\tclient_id\nb.wav\t"He said ""no""."\tben\nb\t"Go" he said.\t\n',
    }
    write_tree(tmp_path / "toy", tables)
    found = {name: read_source(tmp_path / "toy" / name) for name in tables}
    assert [(c.id, c.text, c.speaker) for c in found["coqui.csv"].clips] == [("sub/a", "One.", "ann")]
    assert [(c.text, c.where[-1]) for c in found["hub.csv"].clips] == [("One, and\n two.", "2"), ("Two.", "4")]
    assert [(c.text, c.speaker) for c in found["quoted.tsv"].clips] == [('He said "no".', "ben")]
    assert [reject.kind for reject in found["quoted.tsv"].rejects] == ["duplicate id"]


def test_splits_of_nemo_are_named_by_their_files(tmp_path: Path) -> None:
    line = '{{"audio_filepath": "{0}.wav", "text": "Text {0}.", "duration": 0.5}}\n'
    files = {f"{split}_manifest.json": line.format(split) for split in ("train", "val", "test")}
    folder = write_tree(tmp_path / "toy", {**files, "train.wav": 0.5, "val.wav": 0.5, "test.wav": 0.5})
    assert {clip.id: clip.split for clip in read_source(folder).clips} == {"train": "train", "val": "validation", "test": "test"}


def test_parts_of_a_recording_are_cut_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = list(PROMPTS)[:2]
    parts = [soundfile.read(SAMPLE / "kathleen" / "wavs" / f"{name}.flac", dtype="float32") for name in names]
    rate = parts[0][1]
    folder = write_tree(tmp_path / "long", {"README": ""})
    soundfile.write(folder / "book.wav", np.concatenate([samples for samples, _ in parts]), rate)
    start, end = (len(parts[0][0]) / rate, sum(len(samples) for samples, _ in parts) / rate)
    rows = [
        {"audio_filepath": "book.wav", "offset": 0, "duration": start, "text": PROMPTS[names[0]]},
        {"audio_filepath": "book.wav", "start": start, "end": end, "text": PROMPTS[names[1]]},
        {"audio_filepath": "book.wav", "start": start, "end": end + 9, "text": "Too long.", "id": "late"},
    ]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = prepare.prepare([folder], tmp_path / "out", PrepareOptions(speaker="kathleen"))
    recordings = open_corpus(tmp_path / "out").recordings
    assert [(r.speaker, r.text) for r in recordings] == [("kathleen", PROMPTS[name]) for name in names]
    assert [recording.id for recording in recordings] == ["book-0000000", f"book-{round(1000 * start):07d}"]
    for recording, (samples, _) in zip(recordings, parts, strict=True):
        cut, found = soundfile.read(recording.audio_filepath, dtype="float32")
        assert found == rate
        assert np.abs(cut - samples).max() < 1e-4
    ((reject),) = report.rejects
    assert (reject.where, reject.kind) == (f"{folder}/manifest.jsonl:3", "unreadable audio")
    assert "not within the recording" in reject.reason
    monkeypatch.setattr("tts_cli.corpora.cutting.WavFile", None)
    prepare.prepare([folder], tmp_path / "out", PrepareOptions(speaker="kathleen"))


def test_a_part_of_an_unreadable_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"no sound")
    with pytest.raises(AudioError, match="cannot be read as audio"):
        read_part(tmp_path / "a.wav", 0.0, 1.0)


def test_a_prepared_corpus_is_a_manifest(few: list[Path], tmp_path: Path) -> None:
    prepare.prepare(few, tmp_path / "first", PrepareOptions())
    prepare.prepare([tmp_path / "first"], tmp_path / "second", PrepareOptions())
    first, second = (open_corpus(tmp_path / name).recordings for name in ("first", "second"))
    assert first == second
    clip = read_source(tmp_path / "first").clips[0]
    assert clip.phones == first[0].tokens
    assert np.allclose(clip.durations_s, np.array(first[0].durations) * MEL.hop_samples / MEL.sample_rate)


def test_phones_of_a_manifest_replace_those_of_the_front_end(few: list[Path], tmp_path: Path) -> None:
    name, text = "arctic_a0207", PROMPTS["arctic_a0207"]
    folder = few[0]
    (folder / "metadata.csv").unlink()
    rows = [
        {"id": "a", "audio": f"{name}.flac", "text": text, "phones": "HH AW1 M AH1 CH W AA1 Z IH1 T"},
        {"id": "b", "audio": f"{name}.flac", "text": text, "phones": "HH AW1 M AH1 CH W AA1 Z qq T"},
        {"id": "c", "audio": f"{name}.flac", "text": text, "phones": "sil HH AW1 M AH1 CH W AA1 Z IH1 T sil"},
        {"id": "d", "audio": f"{name}.flac", "text": "Nobody knows.", "phones": "HH AW1 M AH1 CH W AA1 Z IH1 T"},
    ]
    seconds = soundfile.info(folder / "wavs" / f"{name}.flac").duration
    rows[2]["durations"] = [0.1, *[(seconds - 0.2) / 10] * 10, 0.1]  # type: ignore[assignment]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = prepare.prepare([folder], tmp_path / "out", PrepareOptions())
    found = {recording.id: recording for recording in open_corpus(tmp_path / "out").recordings}
    assert "AA1" in found["a"].tokens
    lengths = [frames for token, frames in zip(found["c"].tokens, found["c"].durations, strict=True) if token[-1].isalnum()]
    assert max(lengths) - min(lengths) <= 2
    assert [(reject.where, reject.kind) for reject in report.rejects] == [
        (f"{folder}/manifest.jsonl:2", "alignment file does not fit"),
        (f"{folder}/manifest.jsonl:4", "alignment file does not fit"),
    ]


def test_a_speaker_may_be_named_where_no_transcript_does(tmp_path: Path) -> None:
    flat = write_tree(tmp_path / "flat", TREES["ljspeech"])
    named = write_tree(tmp_path / "named", TREES["piper"])
    assert {clip.speaker for clip in read_source(flat, speaker="Ann B.").clips} == {"Ann B."}
    assert [clip.speaker for clip in read_source(named, speaker="carl").clips] == ["ann", "ben", "ann"]
    options = PrepareOptions(speaker="carl")
    with pytest.raises(CorpusError, match=r"--speaker carl: the transcripts name their speakers: ann, ben") as caught:
        prepare.prepare([named], tmp_path / "out", options)
    assert caught.value.hint == "leave out --speaker"


def a_clip(name: str, text: str, split: str = "", corpus: str = "toy") -> Clip:
    return Clip(corpus, name, "ann", text, Path(f"{name}.wav"), f"metadata.csv:{name}", split)


def test_a_text_is_in_one_split_however_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "splits.csv"
    path.write_text("corpus,id,split,text\nother,9,validation,I'll go over there.\ntoy,1,test,\ntoy,2,unseen,\n")
    listed = [a_clip("1", "Some text, again.", "test"), a_clip("2", "An unseen one.", "unseen")]
    others = ["some text again", "ILL GO OVER THERE", "An unseen one.", "New: text!", "new text"]
    clips = [*listed, *(a_clip(f"o{number}", text) for number, text in enumerate(others))]
    found = {clip.id: clip.split for clip in share_out(clips, splits_of_texts(clips, read_splits(path)))}
    assert (found["1"], found["2"], found["o0"], found["o1"]) == ("test", "unseen", "test", "validation")
    assert found["o2"] in ("train", "validation")
    assert found["o3"] == found["o4"]


def test_a_text_that_is_declared_in_two_splits_stays_in_both_and_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [("a", "One text.", "train"), ("b", "Another.", "dev"), ("c", "one TEXT", ""), ("d", "one, text!", "unseen")]
    manifest = "".join(
        json.dumps({"id": name, "audio": "a.wav", "text": text, "split": split}) + "\n" for name, text, split in rows
    )
    folder = write_tree(tmp_path / "toy", {"manifest.jsonl": manifest + '{"audio": "e.wav", "text": "One text."}', "a.wav": 0.1})
    splits = tmp_path / "s.csv"
    splits.write_text("corpus,id,split\ntoy,c,test\n")
    assert main(["prepare", str(folder), "-o", str(tmp_path / "out"), "--splits", str(splits), "--processes", "1"]) == 1
    places = {"train": f"{folder}/manifest.jsonl:1", "test": f"{splits}:2"}
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["shared_texts"] == [{"text": "One text.", "places": places}]
    told = next(line for line in capsys.readouterr().out.splitlines() if "several splits" in line)
    assert (
        told.startswith("texts in several splits, as declared, so that figures on them are too good: 1, ")
        and f'"One text." (train {places["train"]}, test' in told
    )
    clips = split_sources([read_source(folder)], splits).clips
    assert [(clip.id, clip.split) for clip in clips] == [("a", "train"), ("b", "validation"), ("c", "test")]


def test_splits_of_some_clips_leave_the_others_to_their_texts(few: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "splits.csv"
    path.write_text("corpus,id,split\nkathleen,arctic_a0207,test\n")
    report = prepare.prepare(few, tmp_path / "out", PrepareOptions(splits=path))
    splits = {(r.corpus, r.id): r.split for r in open_corpus(tmp_path / "out").recordings}
    assert report.rejects == []
    # The other reader of the same text is in the same split.
    assert splits["kathleen", "arctic_a0207"] == splits["cmu_us_bdl_arctic", "arctic_a0207"] == "test"
    assert "train" in splits.values()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("It is.", "statement"), ("Where is it?", "wh"), ("And where is it?", "wh"), ("Is it here?", "yes-no"),
        ("Is it here or there?", "or"), ("Look out!", "exclamation"), ('"Look out," said Sam.', "dialogue"),
        ('"Who is there?"', "wh"), ('a great improvement on the "modern style" in use', "statement"),
    ],
)  # fmt: skip
def test_kinds_of_sentences(text: str, kind: str) -> None:
    assert kind_of(text) == kind
    assert kind in KINDS


def test_an_unknown_kind_is_refused_by_line(tmp_path: Path) -> None:
    path = tmp_path / "splits.csv"
    path.write_text("corpus,id,split,kind\ntoy,1,train,statment\n")
    with pytest.raises(CorpusError, match=r"splits.csv:2: unknown kind 'statment'") as caught:
        read_splits(path)
    assert caught.value.hint == "did you mean 'statement'?"


def test_a_new_layout_is_one_new_file() -> None:
    folder = Path(prepare.__file__).parent / "layouts"
    defined = {path.stem for path in folder.glob("*.py") if "\nLAYOUT = " in path.read_text()}
    assert len(defined) == len(LAYOUTS) == len(TREES) == len(FOUND)


def test_rejects_of_a_manifest_of_several_corpora_are_not_taken_for_lost_ones() -> None:
    source = CorpusFolder("toy", [a_clip("1", "One.", corpus="north")], [Reject("m.jsonl:2", "2", "missing audio", "missing")])
    from tts_cli.corpora.splits import SplitRow, apply_splits

    rows = {("north", name): SplitRow("", "test", "", "", f"s.csv:{name}") for name in ("1", "2", "3")}
    found, _ = apply_splits(source, rows)
    assert [(reject.where, reject.kind) for reject in found.rejects[1:]] == [("s.csv:3", "only in the splits")]
