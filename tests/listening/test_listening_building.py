"""Building of listening tests: folders, blindness, loudness, anchors, and refusals."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

pytest.importorskip("pyloudnorm")
pytest.importorskip("librosa")

from small_corpora import write_corpora, write_peer

from tts_cli.addon import library
from tts_cli.errors import AddonError, AudioError, ConfigError, InputError, OutputError
from tts_cli.listening import building
from tts_cli.listening.building import build_test
from tts_cli.listening.design import ListeningTest, Page, read_test
from tts_cli.listening.stimuli import EDGE_S, loudness

TINY = Path(__file__).parents[1] / "addons"
Build = Callable[..., ListeningTest]
MUSHRA: dict[str, Any] = {
    "kind": "mushra",
    "title": "People & <b>machines</b>",
    "consent": "I agree.",
    "instructions": "Listen.\n\nRate.",
    "systems": {"people": {"recordings": True}, "peer": {"folder": "peer"}},
    "reference": "people",
    "items": {"split": "test", "speakers": ["low"], "count": 3},
    "attention": {"count": 1, "speaker": "high"},
}
TRANSFER: dict[str, Any] = {
    "kind": "mushra",
    "title": "Transfer",
    "systems": {"copy": {"transfer": "tiny-copycat"}, "source": {"plays": "source"}, "target": {"plays": "target"}},
    "shown": ["prosody", "identity"],
    "items": {"split": "unseen", "targets": ["low", "high"], "count": 1},
    "training": 0,
    "attention": {"count": 0},
}
PEERS = {"a": {"folder": "peer"}, "b": {"recordings": True}, "c": {"folder": "other"}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with corpora and the audio of two peers."""
    folder = tmp_path_factory.mktemp("place")
    write_corpora(folder / "corpora")
    write_peer(folder / "peer")
    write_peer(folder / "other", 16000)
    return folder


@pytest.fixture(autouse=True)
def _tiny_voices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_ADDONS", str(TINY))
    monkeypatch.setattr(library, "DEFAULT_ADDON", "tiny-acoustic")


def built(place: Path, folder: Path, base: dict[str, Any], replace: bool = False, **changes: Any) -> ListeningTest:
    """Build a test whose configuration is `base` with changes; None removes a key."""
    values = {key: value for key, value in {**base, **changes}.items() if value is not None}
    config = place / f"{folder.name}.yaml"
    config.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return build_test(config, folder, place / "corpora", (), replace).test


@pytest.fixture(scope="module")
def mushra(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a MUSHRA test of three items."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TTS_ADDONS", str(TINY))
        patch.setattr(library, "DEFAULT_ADDON", "tiny-acoustic")
        folder = tmp_path_factory.mktemp("built") / "mushra"
        built(place, folder, MUSHRA)
    return folder


def sounds(folder: Path) -> dict[str, tuple[np.ndarray, int]]:
    return {path.stem: soundfile.read(path, dtype="float32") for path in (folder / "stimuli").iterdir()}


def pages(test: ListeningTest, role: str = "test") -> list[Page]:
    return [page for page in test.pages if page.role == role]


def test_every_stimulus_has_one_rate_equal_loudness_and_soft_silent_ends(mushra: Path) -> None:
    test, edge = read_test(mushra), round(EDGE_S * 16000)
    made = sounds(mushra)
    named = [one.id for page in test.pages for one in (*page.stimuli, *page.references)]
    assert sorted(named) == sorted(made) and all(re.fullmatch("[0-9a-f]{16}", name) for name in made)
    for samples, rate in made.values():
        assert rate == test.sample_rate == 16000
        speech = samples[edge:-edge]
        assert not samples[:edge].any() and not samples[-edge:].any() and np.abs(samples[-edge - 200 : -edge]).any()
        assert loudness(speech, rate) == pytest.approx(-23.0, abs=0.02)
        assert np.abs(samples).max() < 10 ** (-1 / 20) and np.abs(speech[:16]).max() < 0.01


def test_conditions_roles_and_screening(mushra: Path) -> None:
    test = read_test(mushra)
    assert [(one.name, one.role) for one in test.conditions] == [
        ("people", "reference"),
        ("peer", "system"),
        ("anchor 2 kHz", "low-anchor"),
        ("anchor 3.5 kHz", "mid-anchor"),
    ]
    assert test.screening.hidden_reference and test.screening.mid_anchor and test.screening.attention
    assert len(pages(test)) == 3 and len(pages(test, "training")) == 1
    for page in pages(test):
        assert {one.condition for one in page.stimuli} == {one.name for one in test.conditions}
        assert [sound.label for sound in page.references] == ["Reference"]
    assert any("resampled: peer (22050 Hz)" in note for note in test.notes)
    assert any(note.startswith("Departure from BS.1534-3") for note in test.notes)


def test_the_hidden_reference_is_the_reference_and_anchors_are_made_of_it(mushra: Path) -> None:
    test, made = read_test(mushra), sounds(mushra)
    for page in pages(test):
        of = {one.condition: made[one.id][0] for one in page.stimuli}
        assert np.array_equal(made[page.references[0].id][0], of["people"])
        assert page.references[0].id not in {one.id for one in page.stimuli}
        for name, stopped, passed in (("anchor 2 kHz", 2400, 1800), ("anchor 3.5 kHz", 4100, 3400)):
            level = np.abs(np.fft.rfft(of["people"]))
            after = np.abs(np.fft.rfft(of[name]))
            hertz = np.fft.rfftfreq(len(of[name]), 1 / 16000)
            lost = 10 * np.log10((after[hertz > stopped] ** 2).sum() / (level[hertz > stopped] ** 2).sum())
            kept = 10 * np.log10((after[hertz < passed] ** 2).sum() / (level[hertz < passed] ** 2).sum())
            assert lost < kept - 35
            # No delay: the correlation is highest without a shift.
            shifts = [float(np.dot(of["people"][20:-20], np.roll(of[name], shift)[20:-20])) for shift in range(-3, 4)]
            assert int(np.argmax(shifts)) == 3


def test_the_page_of_the_listeners_names_no_condition_and_no_answer(mushra: Path) -> None:
    text = (mushra / "page.json").read_text(encoding="utf-8")
    for hidden in ("peer", "anchor", "condition", "expected", "arctic_a", '"item":', "screening"):
        assert hidden not in text
    blind = json.loads(text)
    assert blind["title"] == MUSHRA["title"] and len(blind["pages"]) == 5
    assert all(page["stimuli"] == sorted(page["stimuli"]) for page in blind["pages"])


def test_an_attention_check_says_what_to_do(mushra: Path) -> None:
    test = read_test(mushra)
    (page,) = pages(test, "attention")
    assert page.expected and page.expected.high - page.expected.low == 10
    (said,) = [one for one in page.stimuli if one.condition == ""]
    assert page.expected.stimulus == said.id and len(page.stimuli) == 4
    assert {one.condition for one in page.stimuli} == {"people", "", "anchor 2 kHz", "anchor 3.5 kHz"}


def test_webmushra_gets_the_same_test(mushra: Path) -> None:
    test, home = read_test(mushra), mushra / "webmushra"
    (file,) = (home / "configs").glob("*.yaml")
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert config["testId"] == file.stem == "people-b-machines-b"
    first, last = config["pages"][0], config["pages"][-1]
    assert (first["type"], last["type"]) == ("generic", "finish") and config["pages"][1]["type"] == "consent"
    assert first["content"] == "<p>Listen.</p><p>Rate.</p>"
    (rest,) = [part for part in config["pages"] if isinstance(part, list)]
    assert rest[0] == "random"
    made = {page["id"]: page for page in (*rest[1:], config["pages"][2])}
    assert set(made) == {page.id for page in test.pages}
    for page in test.pages:
        there, lengths = made[page.id], set()
        assert there["type"] == "mushra" and there["createAnchor35"] is there["createAnchor70"] is False
        hidden = {one.id for one in page.stimuli if one.condition == "people"}
        assert set(there["stimuli"]) == {one.id for one in page.stimuli} - hidden
        for named, path in [*there["stimuli"].items(), (page.references[0].id, there["reference"])]:
            there_is, _ = soundfile.read(home / path, dtype="float32")
            ours, _ = soundfile.read(mushra / "stimuli" / f"{named}.wav", dtype="float32")
            assert np.array_equal(there_is[: len(ours)], ours) and not there_is[len(ours) :].any()
            lengths.add(len(there_is))
        assert len(lengths) == 1
    assert not re.search(
        r"\b(peer|people|anchor)\b", file.read_text(encoding="utf-8").replace("People", "").replace("people-b", "")
    )


def test_the_readme_names_commands_and_licences(mushra: Path) -> None:
    text = (mushra / "README.txt").read_text(encoding="utf-8")
    assert "tts listening-test build mushra.yaml" in text and "tts listening-test serve ." in text
    assert "of_low: licences/of_low-LICENSE" in text and "tiny-acoustic" in text
    assert (mushra / "licences/of_low-LICENSE").read_text() == "CC0"


def test_the_readme_repeats_the_changes_of_the_command(place: Path, tmp_path: Path) -> None:
    built(place, tmp_path / "first", MUSHRA, items={"split": "test", "speakers": ["low"], "count": 1}, attention={"count": 0})
    build_test(place / "first.yaml", tmp_path / "second", place / "corpora", ("title=A new one", "training=0"))
    text = (tmp_path / "second/README.txt").read_text(encoding="utf-8")
    assert "tts listening-test build first.yaml --set 'title=A new one' --set training=0\n" in text


def test_the_files_of_the_page_are_copied(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page/vendor").mkdir(parents=True)
    (tmp_path / "page/index.html").write_text("<p>")
    (tmp_path / "page/vendor/wave.js").write_text("1")
    (tmp_path / "page/__init__.py").write_text("")
    monkeypatch.setattr(building, "PAGE_FOLDER", tmp_path / "page")
    built(place, tmp_path / "out", MUSHRA, items={"split": "test", "speakers": ["low"], "count": 1}, attention={"count": 0})
    assert (tmp_path / "out/index.html").is_file() and (tmp_path / "out/vendor/wave.js").is_file()
    assert not (tmp_path / "out/__init__.py").exists()


def test_the_same_seed_gives_the_same_test(place: Path, tmp_path: Path, mushra: Path) -> None:
    assert built(place, tmp_path / "again", MUSHRA) == read_test(mushra)
    for name, (samples, _) in sounds(mushra).items():
        assert np.array_equal(samples, sounds(tmp_path / "again")[name][0])
    other = built(place, tmp_path / "other", MUSHRA, seed=1)
    assert not {one.id for page in other.pages for one in page.stimuli} & set(sounds(mushra))


def test_transfer_shows_its_references_and_screens_nobody(place: Path, tmp_path: Path) -> None:
    test = built(place, tmp_path / "transfer", TRANSFER)
    made = sounds(tmp_path / "transfer")
    assert not test.screening.hidden_reference and not test.screening.mid_anchor and not test.screening.attention
    assert {one.name: one.role for one in test.conditions} == {"copy": "system", "source": "system", "target": "reference"}
    assert [page.group for page in test.pages] and {page.group for page in test.pages} == {"low", "high"}
    for page in test.pages:
        assert [sound.label for sound in page.references] == ["Prosody reference", "Identity reference"]
        of = {one.condition: made[one.id][0] for one in page.stimuli}
        assert np.array_equal(of["source"], made[page.references[0].id][0])
        assert not np.array_equal(of["target"], made[page.references[1].id][0])
    assert any("MUSHRA-like" in note for note in test.notes) and any("prosody reference" in note for note in test.notes)
    config = yaml.safe_load(next((tmp_path / "transfer/webmushra/configs").glob("*.yaml")).read_text())
    page = config["pages"][0][1]
    assert page["type"] == "likert_multi_stimulus" and page["content"].count("<audio controls") == 2
    assert [one["value"] for one in page["response"]] == list(range(0, 101, 10))


def test_opinion_scores_have_a_page_for_each_system(place: Path, tmp_path: Path) -> None:
    test = built(place, tmp_path / "mos", MUSHRA, kind="mos", systems=PEERS, reference=None)
    assert len(pages(test)) == 9 and all(len(page.stimuli) == 1 for page in test.pages)
    assert len({(page.item, page.stimuli[0].condition) for page in pages(test)}) == 9
    orders = [[one.stimuli[0].condition for one in pages(test)][start : start + 3] for start in (0, 3, 6)]
    assert orders != [["a", "b", "c"]] * 3
    (check,) = pages(test, "attention")
    assert check.expected and check.expected.low == check.expected.high in (2, 4)


def test_preferences_compare_every_pair(place: Path, tmp_path: Path) -> None:
    test = built(place, tmp_path / "ab", MUSHRA, kind="ab", systems=PEERS, reference=None)
    pairs = [tuple(one.condition for one in page.stimuli) for page in pages(test)]
    assert sorted(pairs) == sorted([("a", "b"), ("a", "c"), ("b", "c")] * 3)
    (check,) = pages(test, "attention")
    assert check.expected and {one.condition for one in check.stimuli} >= {""}


def test_x_is_another_copy_of_a_or_b_and_the_answer_is_kept_from_listeners(place: Path, tmp_path: Path) -> None:
    test = built(place, tmp_path / "abx", MUSHRA, kind="abx", systems=PEERS, reference=None)
    made = sounds(tmp_path / "abx")
    for page in pages(test):
        (x,) = page.references
        of = {one.condition: made[one.id][0] for one in page.stimuli}
        assert x.label == "X" and page.answer in of and x.id not in {one.id for one in page.stimuli}
        assert [np.array_equal(made[x.id][0], sound) for name, sound in of.items()] == [name == page.answer for name in of]
    assert len({page.answer == page.stimuli[0].condition for page in pages(test)}) == 2
    assert "answer" not in (tmp_path / "abx/page.json").read_text()
    config = yaml.safe_load(next((tmp_path / "abx/webmushra/configs").glob("*.yaml")).read_text())
    assert {page["type"] for page in config["pages"][-2][1:]} == {"paired_comparison"}


PEER = """
import json, sys
from pathlib import Path
import numpy, soundfile
texts, _, folder = sys.argv[1:]
for place, text in enumerate(Path(texts).read_text().splitlines(), 1):
    tone = 0.3 * numpy.sin(numpy.arange(400 * len(text)) / 10)
    soundfile.write(Path(folder) / f"{place:04}.wav", tone, 8000)
(Path(folder) / "peer.json").write_text(json.dumps({"name": "hum", "sample_rate": 8000, "cpu_s_per_audio_s": 0.1}))
"""


def test_a_command_is_a_system(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "peer.py").write_text(PEER)
    systems = {"people": {"recordings": True}, "hum": {"command": f"{sys.executable} {tmp_path / 'peer.py'}"}}
    test = built(place, tmp_path / "hum", MUSHRA, systems=systems, sample_rate=16000, attention={"count": 0})
    assert test.sample_rate == 16000 and "command" in test.conditions[1].description
    assert test.notes[0] == "All stimuli have 16000 Hz, as the configuration asks; resampled: hum (8000 Hz)."
    made = sounds(tmp_path / "hum")
    for page in pages(test):
        name = next(one.id for one in page.stimuli if one.condition == "hum")
        assert len(made[name][0]) / 16000 == pytest.approx(0.05 * len(page.text) + 0.2, abs=0.05)


def test_hostile_names_stay_words(place: Path, tmp_path: Path) -> None:
    name = "../../<script>alert(1)</script>"
    test = built(
        place, tmp_path / "hostile", MUSHRA, systems={"people": {"recordings": True}, name: {"folder": "peer"}}, training=0
    )
    assert test.conditions[1].name == name
    assert sorted(path.name for path in (tmp_path / "hostile").iterdir() if path.is_dir()) == ["licences", "stimuli", "webmushra"]
    assert not list(tmp_path.glob("**/*script*"))
    text = next((tmp_path / "hostile/webmushra/configs").glob("*.yaml")).read_text()
    assert "<script>" not in text


def test_the_yaml_keeps_to_what_webmushra_reads(mushra: Path) -> None:
    text = next((mushra / "webmushra/configs").glob("*.yaml")).read_text(encoding="utf-8")
    lines = text.splitlines()
    assert "-" in lines and not any(re.match(r"\s*- - ", line) for line in lines)
    assert all(re.match(r"\s*(-$|- |'?[\w]+'?:)", line) for line in lines), "a text goes over several lines"


def test_names_of_stimuli_are_text_for_every_reader_of_yaml(mushra: Path) -> None:
    text = next((mushra / "webmushra/configs").glob("*.yaml")).read_text(encoding="utf-8")
    for page in read_test(mushra).pages:
        for one in page.stimuli:
            assert one.condition == "people" or f"'{one.id}': configs/resources/" in text


def test_words_become_text_in_webmushra(place: Path, tmp_path: Path) -> None:
    changes = {"instructions": "<img src=x>", "question": "a < b?", "training": 0, "attention": {"count": 0}}
    built(place, tmp_path / "words", MUSHRA, items={"split": "test", "speakers": ["low"], "count": 1}, **changes)
    config = yaml.safe_load(next((tmp_path / "words/webmushra/configs").glob("*.yaml")).read_text())
    assert config["pages"][0]["content"] == "<p>&lt;img src=x&gt;</p>"
    assert config["pages"][2][1]["content"].startswith("<p>a &lt; b?</p>")


def test_a_wide_test_keeps_the_standard_anchors(place: Path, tmp_path: Path) -> None:
    rng, folder = np.random.default_rng(0), tmp_path / "noise"
    folder.mkdir()
    for name in ("0001", "0002"):
        soundfile.write(folder / f"{name}.wav", rng.normal(0, 0.1, 48000), 48000)
    (tmp_path / "lines.txt").write_text("x|One.\nx|Two.\n")
    systems = {"clean": {"folder": str(folder)}, "same": {"folder": str(folder)}}
    items = {"sentences": str(tmp_path / "lines.txt"), "speakers": ["somebody"]}
    test = built(place, tmp_path / "wide", MUSHRA, systems=systems, reference="clean", items=items, attention={"count": 0})
    assert [one.name for one in test.conditions[2:]] == ["anchor 3.5 kHz", "anchor 7 kHz"]
    assert test.sample_rate == 48000 and not any("Departure" in note for note in test.notes)


def test_a_second_build_needs_leave_and_never_removes_answers(place: Path, tmp_path: Path) -> None:
    folder, small = tmp_path / "twice", {"items": {"split": "test", "speakers": ["low"], "count": 1}, "attention": {"count": 0}}
    built(place, folder, MUSHRA, **small)
    with pytest.raises(OutputError, match="holds a listening test already") as caught:
        built(place, folder, MUSHRA, **small)
    assert caught.value.hint and "--replace" in caught.value.hint
    assert built(place, folder, MUSHRA, replace=True, **small, seed=3).seed == 3
    (folder / "results.sqlite").write_bytes(b"answers")
    for replace in (False, True):
        with pytest.raises(OutputError, match="holds answers of listeners"):
            built(place, folder, MUSHRA, replace=replace, **small)
    assert (folder / "results.sqlite").read_bytes() == b"answers" and read_test(folder).seed == 3


def test_answers_that_arrive_during_a_build_are_kept(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, small = tmp_path / "busy", {"items": {"split": "test", "speakers": ["low"], "count": 1}, "attention": {"count": 0}}
    built(place, folder, MUSHRA, **small)
    make = building.make_sounds

    def answered(*given: Any) -> Any:
        (folder / "results.sqlite").write_bytes(b"answers")
        return make(*given)

    monkeypatch.setattr(building, "make_sounds", answered)
    with pytest.raises(OutputError, match="holds answers of listeners"):
        built(place, folder, MUSHRA, replace=True, **small, seed=9)
    assert (folder / "results.sqlite").read_bytes() == b"answers" and read_test(folder).seed == 0
    assert [path.name for path in tmp_path.iterdir()] == ["busy"]


def test_another_folder_is_not_overwritten(place: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cat.png").write_text("miaow")
    with pytest.raises(OutputError, match="exists and is no listening test"):
        built(place, tmp_path / "photos", MUSHRA, replace=True)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="exists and is no listening test"):
        built(place, tmp_path / "file", MUSHRA)


FAILS: dict[str, tuple[dict[str, Any], type[InputError], str]] = {
    "a folder without a file": (
        {"systems": {"people": {"recordings": True}, "peer": {"folder": "corpora"}}},
        AudioError,
        "system 'peer': .*corpora: no audio of 4 of 4 prompts",
    ),
    "no such folder": ({"systems": {"people": {"recordings": True}, "peer": {"folder": "absent"}}}, AudioError, "no such folder"),
    "no such voice": (
        {"systems": {"people": {"recordings": True}, "v": {"addon": "absent"}}},
        AddonError,
        "system 'v': unknown addon",
    ),
    "a voice without the speaker": (
        {
            "systems": {"people": {"recordings": True}, "v": {"transfer": "tiny-copycat"}},
            "items": {"split": "test", "targets": ["guest"]},
        },
        InputError,
        "guest",
    ),
    "no such attention voice": ({"attention": {"addon": "absent"}}, AddonError, "'attention': unknown addon 'absent'"),
    "too many pages": (
        {"kind": "mos", "reference": None, "systems": PEERS, "items": {"split": "test", "speakers": ["low"]}},
        ConfigError,
        "12 pages, more than the",
    ),
}


@pytest.mark.parametrize("name", FAILS)
def test_a_failed_build_leaves_nothing(place: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changes, kind, message = FAILS[name]
    monkeypatch.setattr("tts_cli.listening.pages.MOST_PAGES", 10)
    with pytest.raises(kind, match=message) as caught:
        built(place, tmp_path / "out", MUSHRA, **changes)
    assert "\n" not in caught.value.message and caught.value.hint
    assert list(tmp_path.iterdir()) == []
