"""Prosody from a TextGrid: round trips, edits in Praat, grids of other tools, and grids that are refused."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run

from tts_cli.audio.textgrid import Interval, TimePoint, read_textgrid, textgrid_text

TEXTS = (
    "Hello there, how are you? Fine.",
    "Dr. Smith paid $12.50 on May 3rd; yes (really)!",
    'An e-mail to the FBI... "No," she said: a [[B AW1]] tie.',
)
RATE = 80.0


def frames(told: Any) -> list[list[tuple[str, int]]]:
    return [[(token["token"], token["frames"]) for token in sentence["tokens"]] for sentence in told["sentences"]]


def write_grid(**tiers: list[tuple[str, float, float]]) -> None:
    spans = {name: [Interval(*span) for span in tier] for name, tier in tiers.items()}
    Path("x.TextGrid").write_text(textgrid_text(spans, 2.0), encoding="utf-8")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("options", [(), ("--sentence-silence", 0.61, "--length-scale", 1.3)])
def test_an_unchanged_textgrid_gives_the_same_durations(text: str, options: tuple[object, ...], tts: Run) -> None:
    told = tts("synth", text, "-o", "x.wav", "--save-timings", "x.TextGrid", "--save-prosody", "p.json", "--json", *options).json
    outcome = tts("synth", "--prosody", "x.TextGrid", "-o", "y.wav", "--json", "--save-prosody", "q.json")
    assert frames(outcome.json) == frames(told)
    assert outcome.json["seconds"] == told["seconds"]
    before, after = (json.loads(Path(name).read_text())["sentences"] for name in ("p.json", "q.json"))
    for one, other in zip(before, after, strict=True):
        phones = [place for place, word in enumerate(one["word_of_token"]) if word >= 0]
        f0 = np.array([[sentence["f0_hz"][place] for place in phones] for sentence in (one, other)])
        np.testing.assert_allclose(f0[1], f0[0], atol=0.01)


def test_a_moved_boundary_moves_the_phone_and_nothing_else(tts: Run) -> None:
    told = tts("synth", TEXTS[0], "-o", "x.wav", "--save-timings", "x.TextGrid", "--json").json
    before = frames(told)
    draw = random.Random(3)
    for _ in range(5):
        tiers = {tier.name: [span for span in tier.intervals if span.label] for tier in read_textgrid(Path("x.TextGrid")).tiers}
        phones = tiers["phones"]
        place = draw.choice([n for n in range(1, 9) if abs(phones[n].start_s - phones[n - 1].end_s) < 1e-6])
        size = round((phones[place].end_s - phones[place].start_s) * RATE)
        step = draw.randint(1, size - 1) if size > 1 else 0
        edge = phones[place].start_s + step / RATE
        phones[place - 1 : place + 1] = [
            Interval(phones[place - 1].label, phones[place - 1].start_s, edge),
            Interval(phones[place].label, edge, phones[place].end_s),
        ]
        Path("edited.TextGrid").write_text(textgrid_text(tiers, told["seconds"]))
        after = frames(tts("synth", "--prosody", "edited.TextGrid", "-o", "y.wav", "--json").json)
        tokens = [n for n, (token, _) in enumerate(before[0]) if token.isalnum()]
        expected = [list(pair) for pair in before[0]]
        expected[tokens[place - 1]][1] += step
        expected[tokens[place]][1] -= step
        assert [list(pair) for pair in after[0]] == expected
        assert after[1:] == before[1:]


def test_a_longer_pause_between_sentences_is_kept(tts: Run) -> None:
    told = tts("synth", TEXTS[0], "-o", "x.wav", "--save-timings", "x.TextGrid", "--sentence-silence", 0.75, "--json").json
    again = tts("synth", "--prosody", "x.TextGrid", "-o", "y.wav", "--sentence-silence", 0, "--json").json
    assert again["sentences"][1]["start_s"] == pytest.approx(told["sentences"][1]["start_s"], abs=1e-3)


def tiers_of(path: str) -> dict[str, list[tuple[str, float, float]]]:
    """Return the labelled intervals of each tier of a TextGrid."""
    tiers = read_textgrid(Path(path)).tiers
    return {tier.name: [(span.label, span.start_s, span.end_s) for span in tier.intervals if span.label] for tier in tiers}


@pytest.mark.parametrize("prosody", ["x.TextGrid", "x.json"])
def test_timings_of_given_prosody_are_those_of_its_speech(prosody: str, tts: Run) -> None:
    tts("synth", TEXTS[0], "-o", "x.wav", "--save-timings", "x.TextGrid", "--save-prosody", "x.json")
    same = tts("synth", "--prosody", prosody, "-o", "y.wav", "--save-timings", "y.TextGrid", "--json").json
    for name, tier in tiers_of("y.TextGrid").items():
        # Sentences of a TextGrid are texts of their own, so that places count from the start of each.
        assert name == "characters" or tier == tiers_of("x.TextGrid")[name]
    slow = ("--length-scale", 2, "--sentence-silence", 0.9)
    told = tts("synth", "--prosody", prosody, "-o", "z.wav", "--save-timings", "z.TextGrid", "--json", *slow).json
    assert told["seconds"] > 1.5 * same["seconds"]
    words = [(word["word"], word["start_s"], word["end_s"]) for sentence in told["sentences"] for word in sentence["words"]]
    assert tiers_of("z.TextGrid")["words"] == words
    assert read_textgrid(Path("z.TextGrid")).end_s == pytest.approx(told["seconds"], abs=1e-5)


def test_timings_of_prosody_without_words_have_its_phones(tts: Run) -> None:
    sentence = {"tokens": ["^", "B", "AW1", "."], "durations": [8, None, 24, 8], "f0_hz": [None, 100, 120, None]}
    Path("p.json").write_text(json.dumps({"frames_per_second": RATE, "sentences": [sentence]}))
    assert tts("synth", "--prosody", "p.json", "-o", "y.wav", "--save-timings", "y.TextGrid").code == 0
    grid = tiers_of("y.TextGrid")
    assert [label for label, _, _ in grid["phones"]] == ["B", "AW1"] and grid["words"] == []
    assert [point.label for tier in read_textgrid(Path("y.TextGrid")).tiers for point in tier.points] == ["100.00", "120.00"]


@pytest.mark.parametrize("option", ["--save-timings", "--save-prosody"])
def test_given_prosody_is_not_overwritten(option: str, tts: Run) -> None:
    write_grid(words=[("boy", 0.2, 0.6)], phones=[("B", 0.2, 0.4), ("OY1", 0.4, 0.6)])
    before = Path("x.TextGrid").read_bytes()
    outcome = tts("synth", "--prosody", "x.TextGrid", "-o", "y.wav", option, "x.TextGrid")
    assert outcome.code == 2 and f"--prosody and {option} are one file: x.TextGrid" in outcome.err
    assert Path("x.TextGrid").read_bytes() == before and not Path("y.wav").exists()


def test_a_textgrid_of_the_montreal_forced_aligner_is_spoken(tts: Run) -> None:
    write_grid(
        words=[("hello", 0.2, 0.6), ("there", 0.6, 0.9), ("boy", 1.2, 1.6)],
        phones=[
            ("HH", 0.2, 0.3), ("AH0", 0.3, 0.4), ("L", 0.4, 0.5), ("OW1", 0.5, 0.6), ("DH", 0.6, 0.7), ("EH1", 0.7, 0.8),
            ("R", 0.8, 0.9), ("sp", 0.9, 1.2), ("B", 1.2, 1.4), ("OY1", 1.4, 1.6), ("sil", 1.6, 2.0),
        ],
    )  # fmt: skip
    (tokens,) = frames(tts("synth", "--prosody", "x.TextGrid", "-o", "y.wav", "--json").json)
    assert tokens == [
        ("^", 16), ("HH", 8), ("AH0", 8), ("L", 8), ("OW1", 8), (" ", 0), ("DH", 8), ("EH1", 8), ("R", 8), (",", 24),
        ("B", 16), ("OY1", 16), (".", 32),
    ]  # fmt: skip


def test_ipa_without_stress_gets_that_of_the_dictionary(tts: Run) -> None:
    phones = "h ə l əʊ".split()
    write_grid(words=[("Hello", 0.0, 0.4)], phones=[(phone, n / 10, (n + 1) / 10) for n, phone in enumerate(phones)])
    (tokens,) = frames(tts("synth", "--prosody", "x.TextGrid", "-o", "y.wav", "--json").json)
    assert [token for token, _ in tokens] == ["^", "HH", "AH0", "L", "OW1", "."]


def test_f0_comes_from_points_or_a_pitch_tier_beside(tts: Run) -> None:
    words = [("boy", 0.2, 0.6)]
    phones = [("B", 0.2, 0.4), ("OY1", 0.4, 0.6)]
    write_grid(words=words, phones=phones)
    pitch = 'File type = "ooTextFile"\nObject class = "PitchTier"\n\n0\n2\n3\n0.3\n150\n0.5\n200\n0.55\n220\n'
    Path("x.PitchTier").write_text(pitch)

    def f0_hz() -> list[float]:
        tts("synth", "--prosody", "x.TextGrid", "-o", "y.wav", "--save-prosody", "p.json")
        return list(json.loads(Path("p.json").read_text())["sentences"][0]["f0_hz"][1:3])

    assert f0_hz() == pytest.approx([150, 210], rel=1e-4)
    tiers = {"words": [Interval(*span) for span in words], "phones": [Interval(*span) for span in phones]}
    Path("x.TextGrid").write_text(textgrid_text({**tiers, "F0": [TimePoint("100", 0.2), TimePoint("300", 0.6)]}, 2.0))
    assert f0_hz() == pytest.approx([100, 250], rel=1e-4)


@pytest.mark.parametrize(
    ("tiers", "told"),
    [
        ({"phones": [("B", 0, 1)]}, "has no tier of words; its tiers: 'phones'"),
        ({"words": [("boy", 0, 1)]}, "has no tier of phones; its tiers: 'words'"),
        ({"words": [("boy", 0, 1)], "phones": [("spn", 0, 1)]}, "the word 'boy' has no phones"),
        ({"words": [("", 0, 1)], "phones": [("", 0, 1)]}, "holds no words"),
        ({"words": [("boy", 0, 1)], "phones": [("B", 0, 0.5), ("QQ", 0.5, 1)]}, ":34: 'QQ' is no phone that can be mapped"),
        ({"words": [("boy", 0, 1)], "phones": [("B", 0, 0.5), ("OY1", 1.5, 2)]}, "the phone 'OY1' at 1.5 s is in no word"),
        (
            {"words": [("boy", 1, 2)], "phones": [("B", 1, 1.5), ("OY1", 1.5, 2)], "sentences": [("A.", 0, 1)]},
            "the word 'boy' is in no sentence",
        ),
        ({"words": [("boy", 1, 2)], "phones": [("B", 1, 1.5)], "f0": [("high", 1, 2)]}, ""),
    ],
)
def test_textgrids_that_cannot_be_spoken(tiers: dict[str, list[tuple[str, float, float]]], told: str, tts: Run) -> None:
    write_grid(**tiers)
    outcome = tts("synth", "--prosody", "x.TextGrid", "-o", "y.wav")
    assert outcome.code == (2 if told else 0)
    assert told in outcome.err
    assert Path("y.wav").exists() == (not told)


def test_a_point_that_is_no_frequency_is_named_by_line(tts: Run) -> None:
    tiers = {"words": [Interval("boy", 0, 1)], "phones": [Interval("B", 0, 1)], "f0": [TimePoint("high", 0.5)]}
    Path("x.TextGrid").write_text(textgrid_text(tiers, 1.0))
    outcome = tts("synth", "--prosody", "x.TextGrid", "-o", "y.wav")
    assert outcome.code == 2
    assert "the F0 of a point is 'high', no positive number" in outcome.err
