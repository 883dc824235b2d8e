import json
from io import StringIO

import pytest
from rich.console import Console

from tts_cli.errors import InputError
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.report import PESQ, WER, Report, Row
from tts_cli.evaluation.statistics import Estimate, difference_estimate, mean_estimate, ratio_estimate


def test_ratio_is_over_all_clips_and_its_interval_holds_it() -> None:
    estimate = ratio_estimate([1, 0, 2, 0, 1], [5, 6, 7, 8, 10])
    assert estimate.value == pytest.approx(4 / 36)
    assert estimate.low < estimate.value < estimate.high
    assert estimate.num_clips == 5


def test_intervals_are_the_same_every_time() -> None:
    assert mean_estimate([1.0, 2.0, 4.0]) == mean_estimate([1.0, 2.0, 4.0])


@pytest.mark.parametrize("values", [[0.0, 0.0, 0.0], [0.0]])
def test_flawless_clips_have_an_interval_without_width(values: list[float]) -> None:
    assert mean_estimate(values) == Estimate(0.0, 0.0, 0.0, len(values))


def test_a_difference_is_paired_clip_by_clip() -> None:
    words = [5, 9, 4, 12, 7, 6]
    first = [(errors + 1, count) for errors, count in zip([0, 5, 1, 9, 0, 3], words, strict=True)]
    second = [(errors - 1, count) for errors, count in first]
    estimate = difference_estimate(first, second)
    assert estimate.value == pytest.approx(6 / 43)
    assert (
        estimate.high - estimate.low
        < ratio_estimate(*zip(*first, strict=True)).high - ratio_estimate(*zip(*first, strict=True)).low
    )
    assert difference_estimate(first, first) == Estimate(0.0, 0.0, 0.0, 6)
    assert difference_estimate([(1, 2)], [(1, 4)]) == Estimate(0.25, 0.25, 0.25, 1)


def test_no_clips_are_an_input_error() -> None:
    with pytest.raises(InputError, match="no clip"):
        difference_estimate([], [])
    with pytest.raises(InputError, match="no clip"):
        mean_estimate([])


def test_a_missing_extra_is_named_with_its_remedy() -> None:
    with pytest.raises(InputError, match="no_such_measure") as caught:
        require("no_such_measure")
    assert caught.value.hint is not None
    assert "pip install '.[eval]'" in caught.value.hint


@pytest.fixture
def report() -> Report:
    rows = (Row("ours", {"pesq": Estimate(2.714, 2.6, 2.8, 7), "wer": Estimate(0.021, 0.01, 0.03, 7)}, "test"),)
    return Report(
        "Vocoder", (PESQ, WER), (*rows, Row("recordings", {"wer": Estimate(0.02, 0.01, 0.03, 7)}, "test")), ("A note.",)
    )


def test_markdown_has_a_cell_for_every_column(report: Report) -> None:
    lines = report.markdown().splitlines()
    assert "| test | ours | 7 | 2.71 [2.60, 2.80] | 2.1 [1.0, 3.0] |" in lines
    assert "| test | recordings | 7 |  | 2.0 [1.0, 3.0] |" in lines
    assert lines[-1] == "A note."


def test_table_fits_a_terminal_of_eighty_columns(report: Report) -> None:
    console = Console(width=80, file=StringIO())
    console.print(*report.drawings())
    text = console.file.getvalue()
    assert "2.71" in text
    assert "[2.60, 2.80]" in text


def test_json_holds_unscaled_estimates(report: Report) -> None:
    rows = json.loads(json.dumps(report.as_dict()))["rows"]
    assert rows[0]["name"] == "ours"
    assert rows[0]["wer"] == {"value": 0.021, "low": 0.01, "high": 0.03, "num_clips": 7}
