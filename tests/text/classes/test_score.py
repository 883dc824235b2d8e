"""Scores, records, ratios, counts out of a whole, and dimensions."""

from __future__ import annotations

import pytest

from tts_cli.text.classes import dimension, score

SCORES = {
    ("They lead ", "21-14", " now"): "twenty one to fourteen",
    ("A ", "5–4", " ruling"): "five to four",
    ("He lost ", "6-7", " then"): "six to seven",
    ("Her record is ", "12-3", "."): "twelve and three",
    ("A record of ", "8-3-2", "."): "eight three and two",
    ("He went ", "0-for-5", "."): "oh for five",
    ("A ", "50-50", " split"): "fifty fifty",
    ("Odds of ", "7:2", "."): "seven to two",
    ("A scale of ", "1:50", "."): "one to fifty",
    ("a ", "1:24", " model"): "one to twenty four",
    ("Mix ", "1:2:3", " now"): "one to two to three",
    ("a ", "1:1", " session"): "one on one",
    ("a ", "21:9", " monitor"): "twenty one by nine",
    ("the ratio is ", "1:1.5", "."): "one to one point five",
    ("He shot ", "8/11", " now"): "eight for eleven",
    ("He rated it ", "7/10", "."): "seven out of ten",
    ("She passed ", "3/4", " tests"): "three out of four",
    ("Pain is ", "8/10", "."): "eight out of ten",
    ("Open ", "24/7", "."): "twenty four seven",
    ("A ", "60/40", " split"): "sixty forty",
    ("She has ", "20/40", " vision"): "twenty forty",
    ("(Hamilton ", "2001:149", ")"): "two thousand one, one hundred forty nine",
}
DIMENSIONS = {
    ("A ", "3x5", " card"): "three by five",
    ("two ", "2x4s", " fell"): "two by fours",
    ("in ", "1280×720", "."): "twelve eighty by seven twenty",
    ("a ", "10'x12'", " room"): "ten foot by twelve foot",
    ("", "4x4", "=16"): "four times four",
    ("It is ", "3.5x", " faster"): "three point five times",
    ("Cut ", "8.5 x ", "11 in paper"): "eight point five by",
}


@pytest.mark.parametrize(("before", "number", "after"), SCORES)
def test_score_or_ratio_is_read_by_its_words_and_shape(before: str, number: str, after: str) -> None:
    reading = score.read(before + number + after, len(before))
    assert reading
    assert reading.end == len(before + number)
    assert " ".join(reading.words) == SCORES[before, number, after]


@pytest.mark.parametrize(
    "text",
    ["at 3:20 he", "at 10:45 we", "aged 5-7 years", "pages 3-9 are", "about 3/4 of", "use 3/4 cups", "on 7/4 we",
     "in 1:02:33.", "at 7:30 pm",
     "in 4:03.2 then", "is 3/4 done"],
)  # fmt: skip
def test_other_number_is_no_score(text: str) -> None:
    place = next(place for place, character in enumerate(text) if character.isdigit())
    assert score.read(text, place) is None


@pytest.mark.parametrize(("before", "number", "after"), DIMENSIONS)
def test_dimension_is_read_with_by(before: str, number: str, after: str) -> None:
    reading = dimension.read(before + number + after, len(before))
    assert reading
    assert reading.end == len(before + number)
    assert " ".join(reading.words) == DIMENSIONS[before, number, after]


@pytest.mark.parametrize("text", ["3x + 5 = 8", "3 × 4 now", "x marks", "2x = 6", "5 xylophones", "0x1F"])
def test_formula_is_no_dimension(text: str) -> None:
    assert dimension.read(text, 0) is None
