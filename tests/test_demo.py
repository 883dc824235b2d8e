"""`make demo`: the story that it reads, and the page that compares voices."""

import csv
import json
import os
import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from tts_cli.addon import library
from tts_cli.text import TextFrontEnd
from tts_cli.voice.synthesis import load

ROOT = Path(__file__).parents[1]
STORY = (ROOT / "data/story.txt").read_text(encoding="utf-8")
TINY = ROOT / "tests/addons"
LONGEST_RUN = 4
"""Most words in a row that the story may have in common with a sentence in training."""


def runs(text: str) -> set[tuple[str, ...]]:
    """Return each `LONGEST_RUN` + 1 words in a row."""
    words, length = re.findall(r"[a-z']+", text.lower()), LONGEST_RUN + 1
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}


def test_the_story_has_questions_exclamations_and_quotes_that_are_read_as_such() -> None:
    sentences = list(TextFrontEnd().sentences(STORY, 200))
    assert 10 <= len(sentences) <= 20
    for mark, least in (("?", 5), ("!", 4), (",", 8)):
        assert [one.tokens.count(mark) for one in sentences] == [one.text.count(mark) for one in sentences]
        assert sum(one.tokens.count(mark) for one in sentences) >= least
    told = [one.text for one in sentences if re.search(r'[?!,]" \w+', one.text)]
    assert len(told) >= 5, "quotes are one sentence with the words that tell who speaks"


def test_no_voice_was_trained_on_the_story() -> None:
    corpora = [ROOT / "data", *([Path(os.environ["TTS_CORPORA"])] if "TTS_CORPORA" in os.environ else [])]
    texts = json.loads((ROOT / "addons/prosody-16k/assets/inventory-texts.json").read_text(encoding="utf-8"))
    found = runs(STORY) & runs(json.dumps(texts))
    for corpus in corpora:
        with (corpus / "splits.csv").open(encoding="utf-8", newline="") as file:
            found |= set().union(*(runs(STORY) & runs(row["text"]) for row in csv.DictReader(file)))
    assert found == set()


@pytest.fixture(name="demo")
def _demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Demonstration with tiny voices, one sentence and a short story, in a folder of its own."""
    pytest.importorskip("matplotlib")
    specification = spec_from_file_location("demo", ROOT / "demo.py")
    assert specification and specification.loader
    module = module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "demo", module)
    specification.loader.exec_module(module)
    story = tmp_path / "story.txt"
    story.write_text('"Is it going to rain?" she asked. Nobody knew.', encoding="utf-8")
    monkeypatch.setattr(library, "SELECTION_ADDON", TINY / "tiny-prosody")
    sentences = {"wh-question": module.SENTENCES["wh-question"]}
    for name, value in {"OUT": tmp_path, "STORY": story, "READER": "high", "SENTENCES": sentences}.items():
        monkeypatch.setattr(module, name, value)
    return module


def test_the_page_has_the_story_whole_and_sentence_by_sentence(
    demo: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = demo.ReportPage("Voices")
    demo.read_story(page, load(TINY / "tiny-acoustic"), "syntactic")
    told, html = capsys.readouterr().out, page.html()
    assert "tiny-prosody reads" in told and "as high" in told and "Speakers of tiny-prosody: low, high." in told
    assert re.findall(r"<strong>(.*?)</strong>", html) == ["whole story", "1", "2"]
    assert re.findall(r'data-system="(.*?)"', html) == ["tiny-acoustic", "centroid", "default"] * 3
    assert html.count("<figure>") == 1, "the question is drawn"
    names = {"story-tiny-acoustic.wav", "story-centroid.wav", "story-syntactic.wav", "story.png"}
    assert names <= {path.name for path in tmp_path.iterdir()}


def test_every_strategy_speaks_the_sentence_and_the_default_stands_beside_the_centroid(
    demo: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = demo.ReportPage("Voices")
    demo.select(page, "random")
    assert "random" in capsys.readouterr().out
    systems = re.findall(r'data-system="(.*?)"', page.html())
    assert systems == ["centroid", "default", "syntactic", "bert", "bert+syntactic"]
    assert {"wh-question-centroid.wav", "wh-question-random.wav", "selection.png"} <= {path.name for path in tmp_path.iterdir()}
