"""`tts parse`: a tree above words above distances, for every text and parser; errors are one line."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from conftest import Run
from test_errors import refused

from tts_cli.selection import parsing as linguistics

RIGHT = ("--parser", "right-branching")


def test_the_tree_stands_above_the_words_above_their_distances(tts: Run) -> None:
    outcome = tts("parse", "I saw 2 dogs, you know. Yes!", *RIGHT)
    assert outcome.out.decode().splitlines() == [
        "I saw 2 dogs, you know.",
        "┌──┴──┐",
        "│  ┌──┴───┐",
        "│  │   ┌──┴───┐",
        "│  │   │   ┌──┴───┐",
        "│  │   │   │    ┌─┴─┐",
        "I saw two dogs you know",
        "0  5   4   3    2   1",
        "",
        "Yes!",
        "Yes",
        " 0",
    ]


@pytest.mark.parametrize("options", [("--tokens",), RIGHT])
def test_dates_are_read_as_the_language_says(options: tuple[str, ...], tts: Run) -> None:
    text = "It was 3/4/2020."
    words = [
        tts("parse", text, "--json", *options, *language).out.decode().lower()
        for language in ((), ("--language", "en-US"), ("--language", "en-GB"))
    ]
    assert words[0] == words[1] and "march" in words[0] and "april" in words[2]
    refused(tts("parse", text, *options, "--language", "en-AU"), "--language")


def test_json_from_a_file(tts: Run, tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text("Yes, I don't.", encoding="utf-8")
    expected = {
        "text": "Yes, I don't.",
        "words": ["Yes", "I", "don't"],
        "marks": [",", "", "."],
        "predicted": [0, 2, 1],
        "tree": "(Yes (I don't))",
        "distances": [0, 2, 1],
    }
    for arguments, stdin in ((["--input-file", file], b""), ([], file.read_bytes())):
        assert tts("parse", *arguments, *RIGHT, "--json", stdin=stdin).json == {
            "parser": "right-branching",
            "sentences": [expected],
        }


def test_a_sentence_too_wide_to_be_drawn_stands_in_brackets(tts: Run) -> None:
    outcome = tts("parse", "very " * 299 + "long", *RIGHT)
    lines = outcome.out.decode().splitlines()[1:]
    assert lines[0].startswith("(very (very ")
    assert max(map(len, lines)) <= 120
    assert sum(line.count("very") for line in lines) == 2 * 299
    assert lines[-1].split()[-2:] == ["2", "1"]


def test_the_sentence_encoder_of_an_addon(tts: Run) -> None:
    (found,) = tts("parse", "You can't miss John's house, can you?", "--parser", "tiny-linguistics", "--json").json["sentences"]
    assert found["words"] == ["You", "can't", "miss", "John's", "house", "can", "you"]
    assert found["distances"][0] == 0
    assert len(set(found["predicted"])) > 2
    assert sorted(found["distances"])[:2] == [0, 1]
    (longest,) = tts("parse", "word " * 300, "--parser", "tiny-linguistics", "--json").json["sentences"]
    assert len(longest["distances"]) == 300


def test_a_parser_of_an_installed_package(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    offered = [EntryPoint("mine", f"{__name__}:Mine", linguistics.GROUP), EntryPoint("broken", "math:pi", linguistics.GROUP)]
    monkeypatch.setattr(linguistics, "entry_points", lambda group: offered if group == linguistics.GROUP else [])
    (found,) = tts("parse", "a b c", "--parser", "mine", "--json").json["sentences"]
    assert (found["tree"], found["predicted"], found["distances"]) == ("((a b) c)", [0, 5, 10], [0, 1, 2])
    refused(tts("parse", "a b c", "--parser", "broken"), "parser 'broken' cannot be loaded: TypeError")


class Mine:
    """Parser of left-branching trees."""

    def distances(self, words: list[str], marks: list[str]) -> list[int]:
        assert len(words) == len(marks)
        return list(range(0, 5 * len(words), 5))


def test_parsers_are_held_against_a_treebank(tts: Run, tmp_path: Path) -> None:
    refused(tts("evaluate", "syntax", tmp_path, *RIGHT), "splits.md: cannot be read")
    (tmp_path / "splits.md").write_text("## test\n  * dogs\n", encoding="utf-8")
    (tmp_path / "dogs.ptb").write_text("(S (NP (DT a) (JJ big) (NN dog)) (VP (VB eats)) (. .))\n" * 2, encoding="utf-8")
    report = tts("evaluate", "syntax", tmp_path, "--parser", "tiny-linguistics", "--json").json
    names = {row["name"]: row for row in report["rows"]}
    assert names.keys() == {"tiny-linguistics", "right-branching", "tiny-linguistics - right-branching"}
    assert names["right-branching"]["ordered_alike"]["value"] == pytest.approx(1 / 3)
    assert "right-branching" in tts("evaluate", "syntax", tmp_path, *RIGHT, "--limit", "1", "--markdown").out.decode()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["", *RIGHT], "the text is empty"),
        (["... --", *RIGHT], "has no words"),
        (["Привет мир", *RIGHT], "Cyrillic"),
        (["a", "--input-file", "b", *RIGHT], "--input-file"),
        (["--input-file", "absent.txt", *RIGHT], "absent.txt: cannot be read"),
        (["hello", "--parser", "right"], "unknown parser 'right'; known: linguistics-en, benepar, link-grammar, right-branching"),
        (["hello", "--parser", "tiny-vocoder"], "is of kind 'vocoder': it analyses no sentences"),
        (["hello"], "the parser 'linguistics-en' is not installed"),
    ],
)
def test_what_is_wrong_is_one_line(tts: Run, arguments: list[str], message: str) -> None:
    refused(tts("parse", *arguments), message)


def test_tokens_are_shown_with_class_words_and_rule(tts: Run) -> None:
    outcome = tts("parse", "--tokens", "Dr. Hill has 3–4 lb, мир.")
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in outcome.out.decode().splitlines() if "│" in line]
    assert cells[0][:3] == ["Dr.", "abbreviation", "Doctor"]
    assert cells[1] == ["Hill", "word", "Hill", ""]
    assert cells[3] == ["3–4 lb", "range", "three to four pounds", "range of measure"]


def test_tokens_as_json_have_their_places(tts: Run) -> None:
    text = "It’s $5."
    tokens = json.loads(tts("parse", "--tokens", text, "--json").out)["tokens"]
    assert [(text[one["start"] : one["end"]], one["kind"], one["words"]) for one in tokens] == [
        ("It’s", "word", ["It's"]),
        ("$5", "money", ["five", "dollars"]),
    ]


def test_tokens_and_a_parser_exclude_each_other(tts: Run) -> None:
    refused(tts("parse", "Yes.", "--tokens", *RIGHT), "--tokens and --parser exclude each other")


def test_tokens_of_a_text_without_words_are_refused(tts: Run) -> None:
    outcome = tts("parse", "--tokens", "...")
    assert (outcome.code, outcome.err.splitlines()[0]) == (2, "error: the text has no words to speak: ...")
