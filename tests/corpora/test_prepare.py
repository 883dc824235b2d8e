"""Preparation end to end on a few clips of the sample: results, rejects, and continuation of a killed run."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from synthetic import MEL, PROMPTS, SAMPLE, noise

from tts_cli.audio.mel import MelConfig, energy, log_mel
from tts_cli.corpora import clips, prepare
from tts_cli.corpora.journal import Journal
from tts_cli.corpora.manifest import open_corpus
from tts_cli.corpora.prepare import PrepareOptions
from tts_cli.errors import CorpusError, OutputError, RefusedError
from tts_cli.text.phones import SYMBOLS

pytest.importorskip("swift_f0")


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def splits_of(few: list[Path], held_out: str, path: Path) -> Path:
    """Write a splits.csv of the clips of `few`: the clips named `held_out` are for testing, the others for training."""
    rows = [(source.name, name) for source, names in zip(few, (list(PROMPTS), list(PROMPTS)[:2]), strict=True) for name in names]
    lines = [
        f'{corpus},{corpus},{name},{"test" if name == held_out else "train"},statement,"{PROMPTS[name]}"' for corpus, name in rows
    ]
    path.write_text("\n".join(["corpus,speaker,id,split,kind,text", *lines]) + "\n")
    return path


def test_a_changed_test_clip_changes_no_statistic(few: list[Path], tmp_path: Path) -> None:
    held_out = few[0] / "wavs" / "arctic_a0207.flac"
    options = PrepareOptions(splits=splits_of(few, held_out.stem, tmp_path / "splits.csv"))
    prepare.prepare(few, tmp_path / "before", options)
    audio, rate = soundfile.read(held_out)
    soundfile.write(held_out, audio[::2], rate)
    prepare.prepare(few, tmp_path / "after", options)
    before, after = (open_corpus(tmp_path / name) for name in ("before", "after"))
    assert held_out.stem in {recording.id for recording in after.of_split("test")}
    for speaker, was in before.summary.speakers.items():
        assert after.summary.speakers[speaker].mean_log_f0 == was.mean_log_f0
        assert after.summary.speakers[speaker].std_log_f0 == was.std_log_f0
    for recording in before.of_split("train"):
        features = (tmp_path / "before" / recording.features).read_bytes()
        assert (tmp_path / "after" / recording.features).read_bytes() == features


def test_a_corpus_of_the_first_format_is_prepared_again(few: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare.prepare(few[1:], out, PrepareOptions())
    summary = json.loads((out / "corpus.json").read_text())
    (out / "corpus.json").write_text(json.dumps({**summary, "format": 1}))
    with pytest.raises(CorpusError, match=r"corpus.json: corpus format 1, this version reads 2") as caught:
        open_corpus(out)
    assert caught.value.hint is not None
    assert "tts prepare" in caught.value.hint
    prepare.prepare(few[1:], out, PrepareOptions())
    assert json.loads((out / "corpus.json").read_text()) == summary


def test_recordings_become_a_corpus(few: list[Path], tmp_path: Path) -> None:
    stages: list[tuple[str, int, int]] = []
    report = prepare.prepare(few, tmp_path / "out", PrepareOptions(), lambda *stage: stages.append(stage))
    corpus = open_corpus(tmp_path / "out", MEL, SYMBOLS)
    assert [(r.speaker, r.id, r.text) for r in corpus.recordings][2:4] == [
        ("kathleen", "arctic_b0195", PROMPTS["arctic_b0195"]),
        ("bdl", "arctic_a0207", PROMPTS["arctic_a0207"]),
    ]
    for recording in corpus.recordings:
        features, (samples, rate) = corpus.load(recording), soundfile.read(recording.audio_filepath)
        assert recording.duration == pytest.approx(len(samples) / rate, abs=1e-3)
        audio = features["audio"].astype(np.float32) / 32768
        assert np.abs(features["mel"] - log_mel(audio, MEL)).max() < 1e-4
        assert np.abs(features["energy"] - energy(features["mel"])[:, 0]).max() < 1e-5
        assert 0.3 < features["voicing"].mean() < 0.9
    assert report.num_clips == 5
    assert report.rejects == []
    f0 = {speaker.speaker: speaker.mean_f0_hz for speaker in report.speakers}
    assert f0["bdl"] < 140 < f0["kathleen"]
    assert {stage for stage, done, total in stages if done == total == 5} == {"text", "alignment", "features", "level"}
    assert json.loads((tmp_path / "out" / "report.json").read_text())["num_unseen"] == 0


def test_the_splits_decide_and_unseen_clips_are_not_even_prepared(few: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "splits.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["corpus", "speaker", "id", "split", "kind", "text"])
        for number, name in enumerate(PROMPTS):
            writer.writerow(["kathleen", "kate", name, ["test", "validation", "unseen"][number], "statement", PROMPTS[name]])
    report = prepare.prepare(few[:1], tmp_path / "out", PrepareOptions(splits=path))
    corpus = open_corpus(tmp_path / "out")
    assert [(r.speaker, r.split) for r in corpus.recordings] == [("kate", "test"), ("kate", "validation")]
    assert report.num_unseen == 1
    assert not (tmp_path / "out" / "features" / "kathleen" / "arctic_b0195.npz").exists()


def write_bad_clips(folder: Path) -> dict[str, tuple[str, str]]:
    """Add a bad clip of every kind to an LJSpeech folder. Return expected kind and reason by id."""
    rate = MEL.sample_rate
    wavs = folder / "wavs"
    (wavs / "garbage.wav").write_bytes(b"no sound" * 99)
    (wavs / "void.wav").write_bytes(b"")
    soundfile.write(wavs / "silent.wav", noise(1.0, level=1e-5), rate)
    soundfile.write(wavs / "clipped.wav", np.clip(40 * noise(1.0), -1, 1), rate)
    soundfile.write(wavs / "short.wav", noise(0.2), rate)
    soundfile.write(wavs / "long.wav", noise(20.5), rate)
    for name in ("swapped", "wordless", "blank"):
        shutil.copy(wavs / "arctic_b0195.flac", wavs / f"{name}.flac")
    lines = [
        "garbage|Hi.",
        "void|Hi.",
        "silent|Hi.",
        "clipped|Hi.",
        "short|Hi.",
        "long|Hi.",
        "swapped|Shall I carry you in Boston?",
    ]
    lines += ["wordless|... !", "blank| ", "absent|Hi.", "arctic_a0207|Again."]
    with (folder / "metadata.csv").open("a") as file:
        file.write("\n".join(lines) + "\n")
    reasons = [
        ("unreadable audio", "cannot be read"), ("unreadable audio", "empty"), ("silent", "silent"), ("clipped", "clipped"),
        ("too short or too long", "0.20 s"), ("too short or too long", "20.50 s"), ("alignment failed", "alignment failed"),
        ("text that cannot be spoken", "no words"), ("empty text", "empty text"), ("missing audio", "missing audio"),
        ("duplicate id", "duplicate id"),
    ]  # fmt: skip
    return dict(zip([line.split("|")[0] for line in lines], reasons, strict=True))


def test_rejects_that_were_kept_without_a_kind_are_looked_at_again(few: list[Path], tmp_path: Path) -> None:
    write_bad_clips(few[0])
    first = prepare.prepare(few[:1], tmp_path / "out", PrepareOptions())
    path = tmp_path / "out" / "journal.jsonl"
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    for entry in entries:
        entry["result"].pop("kind", None)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    assert prepare.prepare(few[:1], tmp_path / "out", PrepareOptions()).reasons == first.reasons


def test_bad_clips_are_reported_by_line_and_good_ones_go_on(few: list[Path], tmp_path: Path) -> None:
    expected = write_bad_clips(few[0])
    report = prepare.prepare(few[:1], tmp_path / "out", PrepareOptions())
    assert len(open_corpus(tmp_path / "out").recordings) == report.num_clips == 3
    assert report.reasons == Counter(kind for kind, _ in expected.values())
    found = {reject.id: reject for reject in report.rejects}
    assert found.keys() == expected.keys()
    for number, (name, (kind, reason)) in enumerate(expected.items(), start=4):
        assert (found[name].kind, reason in found[name].reason) == (kind, True)
        assert found[name].where == f"{few[0]}/metadata.csv:{number}"
    assert json.loads((tmp_path / "out" / "report.json").read_text())["rejects"][0].keys() == {"where", "id", "kind", "reason"}
    report.check(strict=False)
    with pytest.raises(RefusedError, match=r"11 rejects under --strict, first .*metadata.csv") as caught:
        report.check(strict=True)
    assert caught.value.exit_code == 1


def test_nothing_valid_is_refused_and_writes_no_manifest(write_ljspeech: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_ljspeech("lj", ["a|", "b|Two."], ["a"])
    report = prepare.prepare([folder], tmp_path / "out", PrepareOptions())
    with pytest.raises(RefusedError, match="no valid clip"):
        report.check(strict=False)
    assert (tmp_path / "out" / "report.json").is_file()
    assert not (tmp_path / "out" / "manifest.jsonl").exists()


@pytest.mark.parametrize("results_before", [0, 2, 5, 8, 12, 17])
def test_an_interrupted_preparation_carries_on_to_the_same_result(
    few: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, results_before: int
) -> None:
    prepare.prepare(few, tmp_path / "whole", PrepareOptions())
    add, added = Journal.add, list[str]()

    def add_until_killed(journal: Journal, key: str, result: dict[str, object]) -> None:
        if len(added) == results_before:
            raise KeyboardInterrupt
        added.append(key)
        add(journal, key, result)

    monkeypatch.setattr(Journal, "add", add_until_killed)
    with pytest.raises(KeyboardInterrupt):
        prepare.prepare(few, tmp_path / "killed", PrepareOptions())
    assert not (tmp_path / "killed" / "manifest.jsonl").exists()
    with (tmp_path / "killed" / "journal.jsonl").open("a") as file:
        file.write('{"key": "torn')
    (tmp_path / "killed" / "features").mkdir(exist_ok=True)
    with subprocess.Popen(["true"]) as dead:
        (tmp_path / "killed" / "features" / f".half.npz.{dead.pid}.part").write_bytes(b"half")
    monkeypatch.setattr(Journal, "add", lambda journal, key, result: (added.append(key), add(journal, key, result)))
    prepare.prepare(few, tmp_path / "killed", PrepareOptions())
    assert len(added) == 20
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "whole")


def test_several_processes_give_the_same(few: list[Path], tmp_path: Path) -> None:
    prepare.prepare(few, tmp_path / "one", PrepareOptions())
    prepare.prepare(few, tmp_path / "two", PrepareOptions(num_processes=2))
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_only_what_changed_is_done_again(few: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare.prepare(few, tmp_path / "out", PrepareOptions())
    text = (few[0] / "metadata.csv").read_text()
    (few[0] / "metadata.csv").write_text(text.replace("go over tomorrow", "go, over tomorrow"))
    (tmp_path / "out" / "features" / "kathleen" / "arctic_a0207.npz").unlink()
    done: list[str] = []

    def watched(function: Callable[[object], object]) -> Callable[[object], object]:
        def run(task: clips.AnalysisTask | clips.FeatureTask) -> object:
            done.append(f"{function.__name__} {task.audio.stem}")
            return function(task)

        return run

    for name in ("analyse", "write_features"):
        monkeypatch.setattr(prepare, name, watched(getattr(clips, name)))
    prepare.prepare(few, tmp_path / "out", PrepareOptions())
    assert done == ["analyse arctic_a0390", "write_features arctic_a0207"]
    assert "," in open_corpus(tmp_path / "out").recordings[1].tokens


def test_another_mel_in_the_same_folder_is_refused(few: list[Path], tmp_path: Path) -> None:
    prepare.prepare(few[:1], tmp_path / "out", PrepareOptions())
    before = files_of(tmp_path / "out")
    with pytest.raises(CorpusError, match="another mel configuration"):
        prepare.prepare(few[:1], tmp_path / "out", PrepareOptions(mel=MelConfig(hop_samples=160)))
    assert files_of(tmp_path / "out") == before


def test_a_corpus_is_not_replaced_by_sources_that_lack_its_clips(few: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare.prepare(few, out, PrepareOptions())
    whole = files_of(out)
    with pytest.raises(CorpusError, match=r"sources lack: 2 of 'cmu_us_bdl_arctic'$") as caught:
        prepare.prepare(few[:1], out, PrepareOptions())
    assert "--replace" in str(caught.value.hint)
    transcript = few[0] / "metadata.csv"
    lines = transcript.read_text()
    transcript.write_text(lines.partition("\n")[0] + "\n")
    with pytest.raises(CorpusError, match=r"sources lack: 2 of 'kathleen'$"):
        prepare.prepare(few, out, PrepareOptions())
    assert files_of(out) == whole
    transcript.write_text(lines)
    report = prepare.prepare(few[1:], out, PrepareOptions(replace=True))
    assert report.num_clips == len(open_corpus(out).recordings) == 2
    prepare.prepare(few, out, PrepareOptions())
    again = files_of(out)
    # The journal also keeps what the corpus of one source was measured for: its splits are others.
    assert again.keys() == whole.keys() and all(again[name] == whole[name] for name in whole if name != "journal.jsonl")


def test_a_replaced_corpus_costs_no_alignment_and_never_keeps_features_of_another_recording(
    few: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = tmp_path / "elsewhere" / few[0].name
    shutil.copytree(few[0], twin)
    for path in (twin / "wavs").iterdir():
        audio, rate = soundfile.read(path)
        soundfile.write(path, 0.5 * audio, rate)
    out = tmp_path / "out"
    prepare.prepare(few[:1], out, PrepareOptions())
    first = files_of(out)
    prepare.prepare([twin], out, PrepareOptions())
    features = "features/kathleen/arctic_a0207.npz"
    assert files_of(out)[features] != first[features]
    assert open_corpus(out).summary.identity != json.loads(first["corpus.json"])["identity"]
    monkeypatch.setattr(prepare, "analyse", None)
    prepare.prepare(few[:1], out, PrepareOptions())
    again = files_of(out)
    assert all(again[name] == first[name] for name in first if name != "journal.jsonl")


def test_features_of_another_recording_are_not_kept_after_a_kill(
    few: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, path = tmp_path / "out", few[0] / "wavs" / "arctic_a0207.flac"
    original = path.read_bytes()
    prepare.prepare(few[:1], out, PrepareOptions())
    first = files_of(out)
    audio, rate = soundfile.read(path)
    soundfile.write(path, 0.5 * audio, rate)

    def killed(task: clips.FeatureTask) -> None:
        clips.write_features(task)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(prepare, "write_features", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare.prepare(few[:1], out, PrepareOptions())
    path.write_bytes(original)
    prepare.prepare(few[:1], out, PrepareOptions())
    assert files_of(out)["features/kathleen/arctic_a0207.npz"] == first["features/kathleen/arctic_a0207.npz"]


def test_sources_of_the_same_name_are_refused(few: list[Path], tmp_path: Path) -> None:
    twin = tmp_path / "elsewhere" / few[0].name
    shutil.copytree(few[0], twin)
    with pytest.raises(CorpusError, match="same name"):
        prepare.prepare([few[0], twin], tmp_path / "out", PrepareOptions())


def test_a_full_disk_is_said_and_what_is_finished_is_kept(
    few: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", refuse)
    with pytest.raises(OutputError, match="No space left"):
        prepare.prepare(few[:1], tmp_path / "out", PrepareOptions())
    assert not list((tmp_path / "out").rglob("*.part"))
    assert len((tmp_path / "out" / "journal.jsonl").read_text().splitlines()) == 6


def test_an_output_that_cannot_be_made_is_said(few: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        prepare.prepare(few[:1], tmp_path / "file" / "out", PrepareOptions())


WORKERS = """
import time
from tts_cli.corpora.journal import run_all

if __name__ == "__main__":
    for key, result in run_all(time.sleep, {"a": 0.01, "b": 0.01, "c": 600, "d": 600}, 2):
        print(key, flush=True)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to find the workers")
def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "workers.py"
    script.write_text(WORKERS)
    environment = {**os.environ, "PYTHONPATH": str(SAMPLE.parent)}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, env=environment, start_new_session=True) as parent:
        assert parent.stdout is not None
        assert {parent.stdout.readline(), parent.stdout.readline()} == {b"a\n", b"b\n"}
        assert len(processes_of(parent.pid)) >= 3
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while processes_of(parent.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of(parent.pid) == []


def processes_of(session: int) -> list[int]:
    """Return the ids of the running processes of a POSIX session."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[3] == str(session) and fields[0] != "Z":
            found.append(int(entry.name))
    return found


@pytest.mark.skipif("TTS_CORPORA" not in os.environ, reason="TTS_CORPORA does not say where the real corpora are")
def test_real_corpora_are_read_and_split_whole() -> None:
    from tts_cli.corpora.layouts import read_source
    from tts_cli.corpora.splits import apply_splits, read_splits

    folder = Path(os.environ["TTS_CORPORA"])
    splits = read_splits(folder / "splits.csv")
    sources = [apply_splits(read_source(folder / name), splits) for name in sorted({corpus for corpus, _ in splits})]
    assert [reject for source, _ in sources for reject in source.rejects] == []
    assert sum(len(source.clips) + unseen for source, unseen in sources) == len(splits)
    assert sum(unseen for _, unseen in sources) == sum(row.split == "unseen" for row in splits.values())
