"""`tts synth` with a voice that selects its prosody: options, explanations, embeddings from files, and refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import TINY, Run
from selection.planted import with_weights

from tts_cli.addon import library

TEXT = "Who told you that? She sings."
ROOT = Path(__file__).parents[2]
RECORDING = ROOT / "data/cmu_us_bdl_arctic/wav/arctic_b0195.flac"


@pytest.fixture
def selecting(tts: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs `tts` with tiny-prosody as the default voice."""
    monkeypatch.setattr(library, "DEFAULT_ADDON", "tiny-prosody")
    return tts


def spoken(run: Run, *options: object) -> tuple[dict[str, Any], np.ndarray]:
    """Speak a text and return the output of `--json` and the samples."""
    outcome = run("synth", TEXT, "-o", "x.wav", "--json", "--explain", *options)
    assert outcome.code == 0, outcome.err
    return outcome.json, soundfile.read("x.wav")[0]


def chosen(told: dict[str, Any]) -> list[list[str]]:
    return [[one["text"] for one in sentence["selected"]] for sentence in told["sentences"]]


def test_a_sentence_of_the_inventory_chooses_itself(selecting: Run) -> None:
    for strategy in ("bert+syntactic", "bert", "syntactic"):
        told, _ = spoken(selecting, "--prosody-strategy", strategy)
        assert chosen(told) == [["Who told you that?"], ["She sings."]]
    first = told["sentences"][0]["selected"][0]
    assert (first["speaker"], first["recording"]) == ("low", "prompt1") and first["score"] == pytest.approx(1, abs=1e-3)


def test_the_choice_is_explained_in_a_table_for_people(selecting: Run) -> None:
    outcome = selecting("synth", TEXT, "-o", "x.wav", "--explain", "--top-k", 2, "--speaker", "high")
    assert outcome.out == b"x.wav\n"
    for told in ("selected prosody", "Who told you that?", "prompt3", "high", "score"):
        assert told in outcome.err
    centroid = selecting("synth", TEXT, "-o", "x.wav", "--explain", "--prosody-strategy", "centroid")
    assert "the speaker's centroid" in centroid.err
    assert "selected prosody" not in selecting("synth", TEXT, "-o", "x.wav").err


def test_strategies_are_heard_and_the_same_again(selecting: Run) -> None:
    options = [["--prosody-strategy", name] for name in ("bert", "centroid", "random")]
    options += [["--top-k", 3], ["--inventory", "all", "--top-k", 4], ["--prosody-strategy", "random", "--seed", 9]]
    audios = [spoken(selecting, *one)[1] for one in options]
    for place, audio in enumerate(audios):
        assert not any(np.array_equal(audio, other) for other in audios[:place])
        np.testing.assert_array_equal(audio, spoken(selecting, *options[place])[1])


def test_everyones_utterances_are_chosen_from(selecting: Run) -> None:
    told, _ = spoken(selecting, "--inventory", "all", "--top-k", 2, "--speaker", "high")
    assert [[one["speaker"] for one in sentence["selected"]] for sentence in told["sentences"]] == [["high", "low"]] * 2


def test_the_prosody_file_keeps_the_embedding(selecting: Run) -> None:
    _, audio = spoken(selecting, "--prosody-strategy", "random", "--top-k", 2, "--save-prosody", "x.json")
    assert selecting("synth", "--prosody", "x.json", "-o", "again.wav").code == 0
    np.testing.assert_array_equal(soundfile.read("again.wav")[0], audio)
    saved = json.loads(Path("x.json").read_text())
    saved["sentences"][0]["embedding"][0] += 3.0
    Path("x.json").write_text(json.dumps(saved))
    selecting("synth", "--prosody", "x.json", "-o", "other.wav")
    assert not np.array_equal(soundfile.read("other.wav")[0], audio)


def test_an_embedding_comes_from_a_file_or_a_recording(selecting: Run) -> None:
    values = [0.5, -1.0, 2.0, 0.0, 1.0]
    np.save("one.npy", np.array(values, np.float64)[None])
    Path("one.json").write_text(json.dumps(values))
    told, audio = spoken(selecting, "--embedding", "one.npy", "--save-prosody", "p.json")
    assert chosen(told) == [[], []]
    assert [one["embedding"] for one in json.loads(Path("p.json").read_text())["sentences"]] == [values, values]
    np.testing.assert_array_equal(spoken(selecting, "--embedding", "one.json")[1], audio)
    recorded = spoken(selecting, "--embedding", RECORDING, "--prosody-strategy", "oracle")[1]
    assert not np.array_equal(recorded, audio) and not np.array_equal(recorded, spoken(selecting)[1])


def test_every_line_is_explained(selecting: Run) -> None:
    Path("lines.txt").write_text("She sings.\nYes.\n")
    outcome = selecting("synth", "-i", "lines.txt", "--output-dir", "out", "--explain")
    assert outcome.code == 0 and outcome.err.count("selected prosody") == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--prosody-strategy", "luck"], "'luck' is not one of 'centroid', 'syntactic', 'bert', 'bert+syntactic', 'random'"),
        (["--prosody-strategy", "oracle"], "'oracle' takes the embedding of a recording, and none is given"),
        (["--top-k", 0], "--top-k"),
        (["--inventory", "nobodys"], "'nobodys' is not one of 'own', 'all'"),
        (["--continuity", -1], "continuity is -1.0, outside 0.0 to 100.0"),
        (["--prosody-strategy", "random", "--continuity", 1], "no control 'continuity'"),
        (["--embedding", "none.npy"], "none.npy: cannot be read: No such file"),
        (["--embedding", "none.wav"], "none.wav"),
        (["--embedding", "short.json"], "short.json: 5 numbers are an embedding of 'tiny-prosody', not (2,)"),
        (["--embedding", "text.json"], "text.json: holds no embedding"),
        (["--embedding", "text.npy"], "text.npy: holds no embedding"),
        (["--embedding", "endless.json"], "endless.json: holds no embedding: not all of its numbers are finite"),
        (["--embedding", "short.json", "--top-k", 2], "--embedding and --top-k exclude each other"),
        (["--addon", "tiny-acoustic", "--top-k", 2], "--top-k is for voices that select their prosody, and 'tiny-acoustic'"),
        (["--addon", "tiny-acoustic", "--explain"], "--explain is for voices that select"),
        (["--addon", "tiny-acoustic", "--embedding", "short.json"], "with acoustic embeddings, and 'tiny-acoustic' has none"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(options: list[object], told: str, selecting: Run) -> None:
    Path("short.json").write_text("[1, 2]")
    Path("text.json").write_text("hello")
    Path("endless.json").write_text("[1, 2, NaN, 4, Infinity]")
    Path("text.npy").write_text("hello")
    outcome = selecting("synth", "Hello.", "-o", "x.wav", *options)
    assert outcome.code == 2 and told in outcome.err and outcome.err.count("error:") == 1
    assert not Path("x.wav").exists()
    if "tiny-acoustic" in options:
        assert "tiny-prosody" in outcome.err.partition("hint:")[2], "the remedy is named"


def test_without_its_linguistics_a_voice_says_what_it_lacks(tts: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "elsewhere"
    for name in ("tiny-prosody", "tiny-vocoder"):
        shutil.copytree(TINY / name, folder / name)
    monkeypatch.setenv("TTS_ADDONS", str(folder))
    outcome = tts("synth", "Hello.", "-o", "x.wav", "--addon", "tiny-prosody")
    assert outcome.code == 2 and "tiny-linguistics" in outcome.err and outcome.err.count("error:") == 1
    assert tts("synth", "Hello.", "-o", "x.wav", "--addon", "tiny-prosody", "--prosody-strategy", "centroid").code == 0


def test_another_linguistics_than_the_one_it_was_made_with_is_refused(tts: Run, tmp_path: Path) -> None:
    for name in ("tiny-prosody", "tiny-vocoder", "tiny-linguistics"):
        shutil.copytree(TINY / name, tmp_path / "mine" / name)
    file = tmp_path / "mine/tiny-linguistics/addon.json"
    file.write_text(file.read_text() + "\n")
    outcome = tts("synth", "Hello.", "-o", "x.wav", "--addon", tmp_path / "mine/tiny-prosody")
    assert outcome.code == 2 and "is not the one that 'tiny-prosody' requires" in outcome.err


def test_a_prediction_tells_what_it_comes_from(selecting: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    addon = with_weights(tmp_path / "voices")
    monkeypatch.setattr(library, "DEFAULT_ADDON", str(addon))
    told, audio = spoken(selecting, "--prosody-strategy", "predicted")
    first = told["sentences"][0]
    assert first["reasons"] and set(first["reasons"][0]) == {"of", "share"} and len(first["selected"]) == 1
    _, further = spoken(selecting, "--prosody-strategy", "predicted", "--spread", 1.5)
    assert not np.array_equal(audio, further)
    outcome = selecting("synth", TEXT, "-o", "x.wav", "--explain", "--prosody-strategy", "learnt")
    assert "because of" in outcome.err and " %" in outcome.err
    refused = selecting("synth", TEXT, "-o", "x.wav", "--spread", 1)
    assert refused.code == 2 and "spread is for the strategies learnt and predicted" in refused.err
