"""Systems named in YAML: each origin is opened for prompts and speaks them; mistakes name file, system and prompt."""

import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tts_cli.corpora.layouts import Clip
from tts_cli.errors import AddonError, AudioError, ConfigError, InputError, TtsError
from tts_cli.evaluation.prompts import GroupedText, Prompt, read_prompts, recorded_prompts, unrecorded_prompts
from tts_cli.evaluation.sources import SystemSource, folder_system, open_system, open_systems, read_systems
from tts_cli.evaluation.systems import SystemOutput

pytestmark = pytest.mark.usefixtures("own_cache")
TINY = Path(__file__).parents[1] / "addons"
PEER = """
import json, math, pathlib, struct, sys, wave
texts, folder = pathlib.Path(sys.argv[-3]).read_text().splitlines(), pathlib.Path(sys.argv[-1])
with open(pathlib.Path(__file__).with_name("runs"), "a") as runs:
    runs.write("run\\n")
for number, text in enumerate(texts, 1):
    with wave.open(str(folder / f"{number:04}.wav"), "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(22050)
        file.writeframes(struct.pack(f"<{100 * len(text)}h", *[9000] * 100 * len(text)))
(folder / "peer.json").write_text(json.dumps({"name": "toy"}))
"""


@pytest.fixture(autouse=True)
def addons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_ADDONS", str(TINY))


@pytest.fixture
def prompts(corpora: Path) -> tuple[Prompt, ...]:
    return recorded_prompts(read_prompts(corpora, "test", ["anna"]))


def listed(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "systems.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def tones(folder: Path, *names: str, rate: int = 16000) -> Path:
    for place, name in enumerate(names, 1):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.full(100 * place, 0.25), rate)
    return folder


def test_systems_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """
mine: {addon: tiny-prosody, vocoder: tiny-vocoder, selector: {strategy: centroid, top_k: 3}}
theirs: {folder: made}
human: {recordings: true}
peer: {command: piper --fast}
"""
    found = read_systems(listed(tmp_path, text))
    assert list(found) == ["mine", "theirs", "human", "peer"]
    assert found["mine"].describe() == "addon tiny-prosody, vocoder tiny-vocoder, strategy=centroid, top_k=3"
    assert [one.describe() for one in found.values()][1:] == ["folder made", "recordings", "command piper --fast"]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("a: {adon: x}", "system 'a': unknown key 'adon'", "did you mean 'addon'?"),
        ("a: {addon: x, folder: y}", "system 'a': a system has exactly one of .*found addon, folder", None),
        ("a: {}", "system 'a': a system has exactly one of .*found none", None),
        ("a: {folder: x, vocoder: y}", "system 'a': vocoder belongs to a system with the key addon", None),
        ("a: arctic", "system 'a': .*SystemSource", None),
        ("a: {addon: x}\na: {addon: y}", "line 2: key 'a' is given twice", None),
        ("{}", "names no system", "mine: {addon"),
        ("' ': {addon: x}", "is no name of a system", "80"),
    ],
)
def test_a_mistake_in_the_list_names_file_and_system(tmp_path: Path, text: str, message: str, hint: str | None) -> None:
    with pytest.raises(ConfigError, match=rf"systems\.yaml: .*{message}") as caught:
        read_systems(listed(tmp_path, text))
    assert hint is None or hint in str(caught.value.hint)


def test_a_voice_speaks_with_the_options_of_its_selector() -> None:
    prompts = [Prompt("Did you hear the wind last night?", "high")]
    texts = {"mine": {"strategy": "centroid"}, "other": {"strategy": "bert"}}
    sources = {name: SystemSource(addon="tiny-prosody", selector=options) for name, options in texts.items()}
    mine, other = open_systems(sources, prompts, "systems.yaml")
    assert (mine.name, mine.prompts, mine.num_seeds) == ("mine", tuple(prompts), 1)
    spoken = [SystemOutput(*system.speak(prompts[0], 0)) for system in (mine, mine, other)]
    assert np.array_equal(spoken[0].samples, spoken[1].samples) and spoken[0].sample_rate == 16000
    assert len(spoken[2].samples) != len(spoken[0].samples) or not np.array_equal(spoken[2].samples, spoken[0].samples)
    assert mine.identity and other.identity and mine.identity(prompts[0]) != other.identity(prompts[0])
    again = pickle.loads(pickle.dumps(mine.speak))
    assert np.array_equal(again(prompts[0], 0).samples, spoken[0].samples), "for worker processes"


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (SystemSource(addon="tiny-prosdy"), AddonError, "tiny-prosdy"),
        (SystemSource(addon="tiny-acoustic", selector={"strategy": "bert"}), InputError, "does not select its prosody"),
        (SystemSource(addon="tiny-prosody", selector={"strategi": "bert"}), TtsError, "strategi"),
        (SystemSource(addon="tiny-prosody"), InputError, "no speaker 'anna'"),
        (SystemSource(folder=Path("nowhere")), AudioError, "nowhere: no such folder"),
        (SystemSource(command="no-such-program-at-all"), InputError, "cannot be run"),
    ],
)
def test_a_system_that_cannot_be_opened_names_its_place(source: SystemSource, kind: type[TtsError], message: str) -> None:
    with pytest.raises(kind, match=f"systems.yaml: system 'mine': .*{message}"):
        open_system("mine", source, [Prompt("Yes.", "anna")], "systems.yaml: system 'mine'")


def test_a_folder_has_a_file_for_each_id_in_any_format(tmp_path: Path, prompts: tuple[Prompt, ...]) -> None:
    folder = tones(tmp_path / "made", "a1.flac", "anna/a2.wav", rate=22050)
    system = folder_system("theirs", folder, prompts)
    spoken = [SystemOutput(*system.speak(prompt, 0)) for prompt in prompts]
    assert [(len(one.samples), one.sample_rate) for one in spoken] == [(100, 22050), (200, 22050)]
    assert system.identity and system.identity(prompts[0]) != system.identity(prompts[1]), "of different files"
    assert pickle.loads(pickle.dumps(system.speak))(prompts[0], 0).audio_s == spoken[0].audio_s


def test_a_folder_numbers_sentences_without_recordings(tmp_path: Path) -> None:
    prompts = unrecorded_prompts([GroupedText("short", "Yes."), GroupedText("short", "No.")], ["anna"])
    system = folder_system("theirs", tones(tmp_path / "made", "0001.wav", "0002.wav"), prompts)
    assert len(SystemOutput(*system.speak(prompts[1], 0)).samples) == 200


def test_a_missing_file_names_its_prompt(tmp_path: Path, prompts: tuple[Prompt, ...]) -> None:
    with pytest.raises(AudioError, match=r"made: no audio of 1 of 2 prompts: anna/a2$") as caught:
        folder_system("theirs", tones(tmp_path / "made", "a1.wav"), prompts)
    assert ".flac" in str(caught.value.hint)
    many = unrecorded_prompts([GroupedText("g", f"Text {number}.") for number in range(9)], ["anna"])
    with pytest.raises(AudioError, match=r"9 of 9 prompts: anna/0001.*anna/0005 and 4 more$"):
        folder_system("theirs", tmp_path / "made", many)


def test_one_file_for_two_speakers_is_refused(tmp_path: Path) -> None:
    prompts = [Prompt("Yes.", name, recording=Clip("c", "a1", name, "Yes.", Path("x"), "")) for name in ("anna", "ben")]
    folder = tones(tmp_path / "made", "a1.wav")
    with pytest.raises(AudioError, match=r"two prompts, anna/a1 and ben/a1"):
        folder_system("theirs", folder, prompts)
    tones(folder, "ben/a1.wav")
    folder_system("theirs", folder, prompts)


def test_recordings_are_those_of_the_prompts(prompts: tuple[Prompt, ...]) -> None:
    system = open_system("human", SystemSource(recordings=True), [*prompts, Prompt("Nobody read it.", "anna")])
    assert system.prompts == prompts and system.origin == "recording"
    assert SystemOutput(*system.speak(prompts[0], 0)).audio_s == pytest.approx(0.5)


def test_a_command_runs_once_for_the_same_texts(tmp_path: Path, prompts: tuple[Prompt, ...]) -> None:
    script = tmp_path / "peer.py"
    script.write_text(PEER)
    source = SystemSource(command=f"'{sys.executable}' '{script}'")

    def runs() -> int:
        system = open_system("peer", source, prompts)
        assert system.name == "peer" and [prompt.text for prompt in system.prompts] == ["Yes, it is.", "Is it?"]
        assert len(SystemOutput(*system.speak(prompts[1], 0)).samples) == 100 * len("Is it?"), "of prompts of a speaker too"
        return len((tmp_path / "runs").read_text().split())

    assert (runs(), runs()) == (1, 1), "its audio is kept"
    script.write_text(PEER + "# changed\n")
    assert runs() == 2, "another script may speak differently"


def test_a_renamed_addon_is_the_same_voice(tmp_path: Path) -> None:
    shutil.copytree(TINY / "tiny-acoustic", tmp_path / "copy")
    shutil.copytree(TINY / "tiny-vocoder", tmp_path / "tiny-vocoder")
    prompt = Prompt("Yes.", "high")
    systems = [open_system("a", SystemSource(addon=str(name)), [prompt]) for name in ("tiny-acoustic", tmp_path / "copy")]
    assert all(one.identity for one in systems)
    assert len({one.identity(prompt) for one in systems if one.identity}) == 1, "its files are the same"
