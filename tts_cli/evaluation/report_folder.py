"""Folder of a report: `report.html`, `report.json`, and what the report itself adds, such as audio."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, runtime_checkable

from tts_cli.addon.config import ADDON_FILE, read_addon_config
from tts_cli.addon.library import file_hash, find_addon
from tts_cli.errors import AddonError
from tts_cli.evaluation.html import REPORT_FILE, ReportPage
from tts_cli.evaluation.report import Report, Reports
from tts_cli.files import atomic_write

JSON_FILE = "report.json"
"""File of the figures in the folder of a report, as `--json` prints them."""


@runtime_checkable
class Illustrated(Protocol):
    """Protocol of a report with more than tables."""

    def lede(self) -> str:
        """Return a sentence on systems and material, for the top of the page."""

    def illustrate(self, page: ReportPage, folder: Path) -> None:
        """Add plots and players to `page`, and files to `folder`."""


def write_report(report: Report | Reports, folder: Path, command: Sequence[str], addons: Sequence[str] = ()) -> None:
    """Write a report into `folder`: the page, the figures as JSON, and the files of an `Illustrated` report.

    Args:
        report: tables and paired tests.
        folder: folder of the report, made if missing.
        command: words of the command that makes the report again.
        addons: names or paths of the addons whose hashes the page gives.

    Raises:
        AddonError: if an addon is not found.
        OutputError: if a file cannot be written.
    """
    with atomic_write(folder / JSON_FILE, parents=True) as file:
        file.write(json.dumps(report.as_dict(), indent=1, ensure_ascii=False) + "\n")
    lede = [report.lede()] if isinstance(report, Illustrated) else []
    page = ReportPage(report.title, " ".join([*lede, f"The figures are in {JSON_FILE} too."]))
    page.section("Results")
    page.report(report)
    if isinstance(report, Illustrated):
        report.illustrate(page, folder)
    page.reproduction(command, dict(_hashes(addons)))
    page.write(folder / REPORT_FILE)


def _hashes(addons: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield name and hash of each addon, and of the vocoder that it names, if that is installed."""
    for name in addons:
        folder = find_addon(name)
        yield name, file_hash(folder / ADDON_FILE)
        vocoder = read_addon_config(folder).default_vocoder
        with suppress(AddonError):
            if vocoder:
                yield f"{vocoder}, default vocoder of {name}", file_hash(find_addon(vocoder) / ADDON_FILE)
