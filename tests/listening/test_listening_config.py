"""Configurations of listening tests: defaults, and one clear line for each mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tts_cli.errors import ConfigError
from tts_cli.listening.config import QUESTIONS, ListeningConfig, read_listening_config

ROOT = Path(__file__).parents[2]
READY = sorted((ROOT / "recipes/listening").glob("*.yaml"))
GOOD: dict[str, Any] = {
    "kind": "mushra",
    "title": "A test",
    "systems": {"people": {"recordings": True}, "voice": {"addon": "tiny-acoustic"}},
    "reference": "people",
    "items": {"split": "test"},
}


def written(folder: Path, **changes: Any) -> Path:
    """Write a configuration with some keys changed; None removes a key."""
    values = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    path = folder / "test.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path


def test_defaults(tmp_path: Path) -> None:
    config = read_listening_config(written(tmp_path))
    assert config.items.split == ("test",) and config.anchors == "auto" and config.num_anchors == 2
    assert (config.loudness, config.training, config.attention.count) == (-23.0, 1, 1)
    assert config.words == QUESTIONS["mushra"]
    assert config.attention_text == "Please move this slider to {score}."


def test_without_a_reference_the_question_names_none(tmp_path: Path) -> None:
    assert "reference" not in read_listening_config(written(tmp_path, reference=None)).words
    assert read_listening_config(written(tmp_path, question="Good?")).words == "Good?"


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    systems = {"mine": {"folder": "made"}, "there": {"folder": "/absolute"}}
    config = read_listening_config(written(tmp_path, systems=systems, reference=None, items={"sentences": "lines.txt"}))
    assert config.systems["mine"].folder == tmp_path / "made"
    assert config.systems["there"].folder == Path("/absolute")
    assert config.items.sentences == tmp_path / "lines.txt"


def test_overrides(tmp_path: Path) -> None:
    config = read_listening_config(written(tmp_path), ["items.limit=2", "seed=5", "items.split=[test, unseen]"])
    assert (config.items.limit, config.seed, config.items.split) == (2, 5, ("test", "unseen"))


MANY = {f"system {number}": {"folder": "x"} for number in range(13)}
BAD = {
    "an unknown key": ({"sytems": {}}, "unknown key 'sytems'"),
    "an unknown kind": ({"kind": "mushroom"}, "'kind'"),
    "no system": ({"systems": {}}, "'systems'"),
    "an empty system": ({"systems": {"people": None}}, "'systems.people': is empty"),
    "two origins": ({"systems": {"people": {"recordings": True, "addon": "x"}}}, "exactly one of"),
    "a key of a system": ({"systems": {"people": {"recording": True}}}, "'systems.people.recording'"),
    "13 conditions": ({"systems": {**MANY, "people": {"recordings": True}}}, "16 conditions on a page, anchors included"),
    "13 conditions with anchors": (
        {"systems": {"people": {"recordings": True}, **dict(list(MANY.items())[:10])}},
        "13 conditions on a page, anchors included, but BS.1534-3 allows 12; remove some",
    ),
    "13 systems of a preference test": ({"kind": "ab", "systems": MANY, "reference": None}, "13 conditions, but a test has"),
    "a reference that is no system": ({"reference": "people!"}, "there is no system 'people!'"),
    "a reference of a preference test": ({"kind": "ab"}, "has no hidden reference"),
    "one system of a preference test": (
        {"kind": "abx", "systems": {"a": {"folder": "x"}}, "reference": None},
        "compares two or more systems",
    ),
    "only the reference": ({"systems": {"people": {"recordings": True}}}, "there is no system beside the reference"),
    "anchors without a reference": ({"reference": None, "anchors": [3500]}, "made from the hidden reference"),
    "falling anchors": ({"anchors": [7000, 3500]}, "the lower first"),
    "three anchors": ({"anchors": [2000, 3500, 7000]}, "one or two frequencies"),
    "transfer without targets": ({"systems": {**GOOD["systems"], "copy": {"transfer": "x"}}}, "items.targets"),
    "shown without targets": ({"shown": ["identity"]}, "only items with target speakers"),
    "strength without transfer": ({"systems": {"people": {"recordings": True, "strength": 0.5}}}, "strength belongs"),
    "two kinds of items": ({"items": {"split": "test", "sentences": "x"}}, "exactly one of"),
    "no items": ({"items": {}}, "found none"),
    "targets of sentences": ({"items": {"sentences": "x", "targets": ["a"]}}, "need recordings"),
    "an attention check in another language": ({"language": "de"}, "the sentence is English"),
    "an attention check without its number": ({"attention": {"text": "Click."}}, "write {score}"),
    "a loudness that clips": ({"loudness": 0}, "'loudness'"),
    "a title of a megabyte": ({"title": "x" * 1_000_000}, "characters"),
    "a name of a megabyte": ({"systems": {"x" * 900_000: {"recordings": True}}}, "1 to 80 printable characters"),
    "a name with a line break": ({"systems": {"a\nb": {"recordings": True}}}, "1 to 80 printable characters"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_named_with_file_and_key(tmp_path: Path, name: str) -> None:
    changes, message = BAD[name]
    path = written(tmp_path, **changes)
    with pytest.raises(ConfigError) as caught:
        read_listening_config(path)
    assert message in caught.value.message
    assert caught.value.message.startswith(f"{path}")
    assert caught.value.hint and len(caught.value.message) < 1500


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text("kind: mos\ntitle: A\nsystems:\n  a: {recordings: true}\n  a: {recordings: true}\nitems: {split: test}\n")
    with pytest.raises(ConfigError, match="line 5: key 'a' is given twice"):
        read_listening_config(path)


@pytest.mark.parametrize("path", READY, ids=lambda path: path.stem)
def test_ready_configurations_are_valid_and_name_their_command(path: Path) -> None:
    config = read_listening_config(path)
    assert isinstance(config, ListeningConfig) and config.consent and config.instructions
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(f"# tts listening-test build recipes/listening/{path.name} --corpora ")
    for named in (config.items.sentences, config.items.passages):
        assert named is None or named.is_file()


def test_there_is_a_ready_configuration_for_each_test_of_the_papers() -> None:
    names = {path.stem for path in READY}
    assert names >= {"copycat-transfer", "copycat-identity", "selection-sentences", "selection-long-form", "sample"}
