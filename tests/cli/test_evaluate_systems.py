"""Command `tts evaluate speech` with systems from files and folders: figures, the folder of the report, and messages."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import Run

for needed in ("scipy", "swift_f0", "librosa"):
    pytest.importorskip(needed)
WAVS = Path(__file__).parents[2] / "data/cmu_us_slt_arctic/wav"


def test_a_folder_of_audio_becomes_figures_and_a_page(tts: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TTS_CORPORA", raising=False)
    for folder in ("mine", "theirs"):
        Path(folder).mkdir()
        shutil.copy(WAVS / "arctic_a0098.flac", folder)
        (Path(folder) / "arctic_a0098.txt").write_text("Shall I carry you?")
    command = ("evaluate", "speech", "--folder", "mine", "--folder", "theirs", "--part", "prosody", "--seeds", 1)
    made = tts(*command, "--json", "--report", "report")
    assert made.code == 0, made.err
    rows = {(report["title"], row["name"]): row for report in made.json["reports"] for row in report["rows"]}
    assert rows["Speech: F0", "mine"]["f0_mean_hz"] == rows["Speech: F0", "theirs"]["f0_mean_hz"]
    assert 100 < rows["Speech: F0", "mine"]["f0_mean_hz"]["value"] < 300
    assert 2 < rows["Speech: rate", "mine"]["articulation_rate"]["value"] < 8
    assert json.loads(Path("report/report.json").read_text()) == made.json
    assert "tts evaluate speech --folder mine --folder theirs" in Path("report/report.html").read_text()
    assert sorted(path.as_posix() for path in Path("report/audio").rglob("*.flac")) == [
        f"report/audio/{folder}/mine/arctic_a0098.flac" for folder in ("mine", "theirs")
    ]
    (Path("theirs") / "arctic_a0098.flac").unlink()
    lacking = tts(*command)
    assert lacking.code == 2 and "system 'theirs': theirs: no audio of 1 of 1 prompts: mine/arctic_a0098" in lacking.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mine: {adon: tiny-acoustic}", "systems.yaml: system 'mine': unknown key 'adon'\nhint: did you mean 'addon'?"),
        ("mine: {folder: nowhere}", "systems.yaml: system 'mine': nowhere: no such folder"),
        ("mine: {addon: tiny-acustic}", "systems.yaml: system 'mine': "),
        ("a: {addon: b}\na: {addon: c}", "systems.yaml: line 2: key 'a' is given twice"),
        ("", "systems.yaml: is empty"),
    ],
)
def test_mistakes_are_one_line_and_a_hint(tts: Run, text: str, message: str) -> None:
    Path("systems.yaml").write_text(text)
    Path("sentences.txt").write_text("short|Yes.\n")
    told = tts("evaluate", "speech", "--systems", "systems.yaml", "--sentences", "sentences.txt", "--part", "naturalness")
    assert told.code == 2 and message in told.err
    assert [line.partition(":")[0] for line in told.err.splitlines()] == ["error", "hint"]
