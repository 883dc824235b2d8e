"""Command `tts listening-test build`: what it prints, and one line for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from conftest import Run

pytest.importorskip("pyloudnorm")
pytest.importorskip("librosa")

CONFIG = {
    "kind": "mos",
    "title": "Which voice?",
    "systems": {"one": {"addon": "tiny-acoustic"}, "two": {"addon": "tiny-prosody"}},
    "items": {"sentences": "lines.txt", "speakers": ["low"], "count": 1},
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "lines.txt").write_text("a|Hello there.\na|Good day.\n", encoding="utf-8")
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    return path


def test_a_test_is_built_and_described_in_one_line(tts: Run, config: Path, tmp_path: Path) -> None:
    outcome = tts("listening-test", "build", config, "-o", "made/deep", "--set", "attention.speaker=high")
    assert outcome.code == 0, outcome.err
    assert outcome.out.decode().startswith("made/deep: mos test with 2 test pages of 4, 2 conditions, ")
    assert outcome.out.count(b"\n") == 1 and "note: All stimuli have 16000 Hz" in outcome.err
    assert (tmp_path / "made/deep/test.json").is_file()
    again = tts("listening-test", "build", config, "-o", "made/deep")
    assert again.code == 2 and "holds a listening test already" in again.err and "--replace" in again.err
    assert tts("listening-test", "build", config, "-o", "made/deep", "--replace", "--set", "training=0").code == 0


def test_without_a_command_it_says_which_there_are(tts: Run) -> None:
    outcome = tts("listening-test")
    assert outcome.code == 2 and "needs a command" in outcome.err
    assert b"build" in tts("listening-test", "--help").out


MANY = {str(number): {"folder": "made"} for number in range(13)}
MISTAKES = {
    "absent": ((), "absent.yaml: no such file"),
    "13 conditions": (("--set", f"systems={MANY}"), "13 conditions, but a test has at most 12"),
    "a key": (("--set", "itmes=1"), "unknown key 'itmes'"),
    "a voice": (("--set", "systems.one.addon=absent"), "test.yaml: system 'one': unknown addon 'absent'"),
    "a strategy": (("--set", "systems.two.selector={strategy: loud}"), "system 'two'"),
    "a speaker": (("--set", "items.speakers=[absent]"), "absent"),
    "no recordings": (("--set", "systems.one={recordings: true}"), "system 'one': there is no recording of the item 'a 000"),
    "no corpora": (("--set", "items={split: test}"), "the recordings need a folder of corpora"),
    "an output that is a file": (("-o", "lines.txt"), "lines.txt: exists and is no listening test"),
    "an output below a file": (("-o", "lines.txt/made"), "lines.txt"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_costs_one_line_and_a_hint(tts: Run, config: Path, tmp_path: Path, name: str) -> None:
    given, message = MISTAKES[name]
    before = sorted(tmp_path.iterdir())
    path = tmp_path / "absent.yaml" if name == "absent" else config
    outcome = tts("listening-test", "build", path, "-o", "made", *given)
    assert outcome.code == 2 and message in outcome.err
    assert [line.partition(":")[0] for line in outcome.err.splitlines()] == ["error", "hint"]
    assert sorted(tmp_path.iterdir()) == before
