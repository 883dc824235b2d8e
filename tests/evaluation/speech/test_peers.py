"""Peers: a small command that writes tones, measured together with a voice."""

import sys
from pathlib import Path

import numpy as np
import pytest
from listeners import LoudnessRecogniser, peak

from tts_cli.errors import InputError
from tts_cli.evaluation.measures.instruments import Instruments
from tts_cli.evaluation.prompts import GroupedText, Prompt, unrecorded_prompts
from tts_cli.evaluation.speech.evaluate import SpeechEvaluation, evaluate_speech
from tts_cli.evaluation.speech.peers import peer_system
from tts_cli.evaluation.systems import SystemOutput

pytestmark = pytest.mark.usefixtures("own_cache")
PEER = """
import argparse, json, math, pathlib, struct, sys, wave
parser = argparse.ArgumentParser()
parser.add_argument("texts", type=pathlib.Path)
parser.add_argument("--output", type=pathlib.Path)
parser.add_argument("--fault", default="")
asked = parser.parse_args()
texts = asked.texts.read_text(encoding="utf-8").splitlines()
if asked.fault == "crash":
    sys.exit("no voice today")
for number, text in enumerate(texts[1:] if asked.fault == "lazy" else texts, 1):
    with wave.open(str(asked.output / f"{number:04}.wav"), "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(22050)
        tone = [round(16384 * math.sin(i / 16)) for i in range(100 * len(text))]
        file.writeframes(struct.pack(f"<{len(tone)}h", *tone))
if asked.fault != "mute":
    told = {"name": "toy", "sample_rate": 22050, "cpu_s_per_audio_s": 0.25}
    (asked.output / "peer.json").write_text(json.dumps(told))
print("spoken")
"""
PROMPTS = unrecorded_prompts([GroupedText("short", "Yes."), GroupedText("long", "It is\na house.")], ["anna", "ben"])


@pytest.fixture
def command(tmp_path: Path) -> str:
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "peer.py").write_text(PEER)
    return f"'{sys.executable}' '{folder / 'peer.py'}'"


def test_a_peer_speaks_every_text_once(command: str) -> None:
    system = peer_system(command, PROMPTS)
    assert system.name == "toy" and [prompt.text for prompt in system.prompts] == ["Yes.", "It is\na house."]
    spoken = SystemOutput(*system.speak(system.prompts[1], 0))
    assert (spoken.sample_rate, len(spoken.samples)) == (22050, 100 * len("It is a house."))
    assert spoken.cpu_s == pytest.approx(0.25 * spoken.audio_s)
    assert np.abs(spoken.samples).max() == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("fault", "message"),
    [("crash", "exit code 1"), ("lazy", r"left out 0002\.wav: 1 of 2"), ("mute", "no peer.json")],
)
def test_a_peer_that_fails_is_named(command: str, fault: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        peer_system(f"{command} --fault {fault}", PROMPTS)
    assert fault != "crash" or caught.value.hint == "no voice today"


@pytest.mark.parametrize("wrong", ["no-such-program-at-all", "'unbalanced"])
def test_a_peer_that_is_no_command_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match="cannot be run"):
        peer_system(wrong, PROMPTS)


def test_a_peer_is_measured_in_the_same_run(command: str, corpora: Path) -> None:
    pytest.importorskip("scipy")
    asked = SpeechEvaluation({}, corpora, ("anna",), ("wer", "naturalness"), peers=(command,))
    heard, _ = evaluate_speech(asked, Instruments(LoudnessRecogniser(), peak)).reports
    rows = {(row.group, row.name): row.estimates for row in heard.rows}
    assert list(rows) == [("own voice", "toy"), ("anna", "recordings")]
    toy = rows["own voice", "toy"]
    assert (toy["wer"].value, toy["naturalness"].value) == (0, pytest.approx(3, abs=1e-2))
    assert toy["cpu"].value == pytest.approx(0.25) and "cosine" not in toy


def test_prompts_of_a_peer_have_no_recording(command: str) -> None:
    assert all(isinstance(prompt, Prompt) and prompt.recording is None for prompt in peer_system(command, PROMPTS).prompts)
