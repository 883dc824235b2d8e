"""Folder of a report without audio: page and figures of any evaluation."""

import json
from pathlib import Path

import pytest

from tts_cli.errors import AddonError, OutputError
from tts_cli.evaluation.report import Column, Report, Reports, Row
from tts_cli.evaluation.report_folder import write_report
from tts_cli.evaluation.statistics import Estimate, PairedTest

TINY = Path(__file__).parents[1] / "addons"
TABLE = Report("Robustness", (Column("wer", "WER %", 1, 100.0),), (Row("mine", {"wer": Estimate(0.1, 0.05, 0.2, 3)}, "all"),))
TEST = PairedTest("WER: a - b", Estimate(0.1, 0.0, 0.2, 3), 0.04, 0.08)


@pytest.mark.parametrize("report", [TABLE, Reports("Robustness", (TABLE,), (TEST,))])
def test_a_report_becomes_a_page_and_json(tmp_path: Path, report: Report | Reports) -> None:
    addon = str(TINY / "tiny-acoustic")
    write_report(report, tmp_path / "new/folder", ["tts", "evaluate", "robustness", "--addon", "my voice"], [addon])
    page = (tmp_path / "new/folder/report.html").read_text()
    assert "<h1>Robustness</h1>" in page and "10.0" in page and "--addon &#x27;my voice&#x27;" in page and addon in page
    assert ("WER: a - b" in page) == isinstance(report, Reports)
    kept = json.loads((tmp_path / "new/folder/report.json").read_text())
    assert kept == json.loads(json.dumps(report.as_dict()))
    assert sorted(path.name for path in (tmp_path / "new/folder").iterdir()) == ["report.html", "report.json"]


def test_what_cannot_be_written_or_found_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/report\.json: cannot be written"):
        write_report(TABLE, tmp_path / "file", ["tts"])
    with pytest.raises(AddonError, match="no-such-voice"):
        write_report(TABLE, tmp_path / "folder", ["tts"], ["no-such-voice"])
