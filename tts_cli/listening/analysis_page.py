"""HTML page of the analysis of a listening test."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from tts_cli.audio.files import read_native
from tts_cli.errors import AudioError
from tts_cli.evaluation.html import REPORT_FILE, PlayerRow, ReportPage, Sound
from tts_cli.evaluation.plots import distribution, means
from tts_cli.evaluation.statistics import Estimate
from tts_cli.listening.analysis import Analysis, answers_hash
from tts_cli.listening.analysis_tables import SIMULATED
from tts_cli.listening.design import STIMULI_FOLDER, TEST_FILE, Page
from tts_cli.listening.summary import MeanScore, ScoreTable

MOST_PLAYED = 4
"""Most items with players."""
LONGEST_S = 60.0
"""Longest stimulus with a player, in seconds."""
KINDS = {"mushra": "MUSHRA", "mos": "mean opinion scores (MOS)", "ab": "AB preference", "abx": "ABX"}
SCALES = {"mushra": "score, 0 to 100", "mos": "score, 1 to 5"}


def write_report(analysis: Analysis, folder: Path, command: Sequence[str] = ()) -> Path:
    """Write the page of an analysis into `folder`, and return its path.

    Args:
        analysis: The analysis.
        folder: Folder of the page; it is made if it is missing.
        command: Words of the command that makes the page again; empty: one with the files of the results.

    Raises:
        OutputError: The page cannot be written.
    """
    path = folder / REPORT_FILE
    report_page(analysis, command).write(path)
    return path


def report_page(analysis: Analysis, command: Sequence[str] = ()) -> ReportPage:
    """Return the page of an analysis; see `write_report`."""
    test = analysis.test
    page = ReportPage(f"{SIMULATED}: {test.title}" if analysis.is_simulated else test.title, analysis.first_line, test.language)
    page.facts(_facts(analysis))
    page.items(analysis.notes)
    for title, grids in analysis.sections.items():
        if grids:
            page.section(title)
            for grid in grids:
                page.table(grid)
        if title in ("Means", "Choices"):
            _draw(page, analysis)
    _listen(page, analysis)
    page.reproduction(command or command_of(analysis), _hashes(analysis))
    return page


def command_of(analysis: Analysis) -> list[str]:
    """Return the words of the command that makes the page of an analysis again."""
    results, asked = analysis.results, analysis.asked
    words = ["tts", "listening-test", "analyze", str(results.path)]
    if results.folder and results.folder not in (results.path, results.path.parent):
        words += ["--test", str(results.folder)]
    words += ["--baseline", asked.baseline] if asked.baseline else []
    words += [word for name in asked.systems for word in ("--system", name)]
    words += [word for rule in analysis.off for word in ("--no-rule", rule)]
    return [*words, "--report", "report"]


def _facts(analysis: Analysis) -> dict[str, str]:
    test, findings = analysis.test, analysis.findings
    systems = [
        f"{one.name} ({one.description})" if one.description not in ("", one.name) else one.name for one in test.conditions
    ]
    removed = len(analysis.screened.removed)
    facts = {
        "test": KINDS[test.kind],
        "question": test.question,
        "listeners": f"{findings.num_listeners}{', simulated, no people' if analysis.is_simulated else ''}",
        "removed by screening": str(removed),
        "answers": str(findings.num_answers),
        "items": str(len({(page.group, page.item) for page in test.pages if page.role == "test"})),
        "conditions": "; ".join(systems),
    }
    return {name: value for name, value in facts.items() if value}


def _hashes(analysis: Analysis) -> Mapping[str, str]:
    """Return the SHA-256 of the answers, and of the test's file if there is one."""
    file = analysis.results.folder and analysis.results.folder / TEST_FILE
    own = {TEST_FILE: hashlib.sha256(file.read_bytes()).hexdigest()} if file and file.is_file() else {}
    return {"answers": answers_hash(analysis.results.answers), **own}


def _draw(page: ReportPage, analysis: Analysis) -> None:
    """Draw the means and the box plots of scores, or the shares of choices."""
    findings, kind = analysis.findings, analysis.test.kind
    prefix = f"{SIMULATED}. " if analysis.is_simulated else ""
    if findings.table is None:
        return
    scores = {name: _known(findings.table, name) for name in findings.table.conditions}
    alt = (
        f"Box plots of the scores by condition; medians: {_said({name: float(np.median(own)) for name, own in scores.items()})}."
    )
    caption = (
        f"{prefix}All scores by condition: box of quartiles and median, whiskers of at most 1.5 box lengths, a point a score."
    )
    page.figure(distribution(scores, SCALES[kind], is_paired=False), alt, caption)
    by_group: dict[str, dict[str, Estimate]] = {}
    for one in findings.means:
        by_group.setdefault(one.group or ("all items" if findings.table.group_names else ""), {})[one.condition] = _estimate(one)
    overall = {one.condition: one.mean.mean for one in findings.means if one.group is None}
    alt = f"Means by condition with 95 % intervals: {_said(overall)}."
    page.figure(means(by_group, SCALES[kind]), alt, f"{prefix}Means with 95 % intervals, listeners and items random.")


def _said(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.1f}" for name, value in values.items())


def _known(table: ScoreTable, condition: str) -> list[float]:
    scores = table.of(condition)
    return [float(one) for one in scores[np.isfinite(scores)]]


def _estimate(one: MeanScore) -> Estimate:
    low, high = one.mean.interval or (one.mean.mean, one.mean.mean)
    return Estimate(one.mean.mean, low, high, one.mean.num_values)


def _listen(page: ReportPage, analysis: Analysis) -> None:
    """Add players of the stimuli of one item, or of one item of each of the first groups."""
    folder = analysis.results.folder and analysis.results.folder / STIMULI_FOLDER
    rows = [row for pages in _items(analysis) if folder and (row := _player_row(pages, folder, analysis)).sounds]
    if rows:
        page.section(
            "Listen", "The stimuli of one item, or of one item of each of the first groups, as the listeners heard them."
        )
        page.players(rows)


def _items(analysis: Analysis) -> Iterator[list[Page]]:
    """Yield the pages of the first item of each of the first groups."""
    tested = [page for page in analysis.test.pages if page.role == "test"]
    for group in list(dict.fromkeys(page.group for page in tested))[:MOST_PLAYED]:
        own = [page for page in tested if page.group == group]
        yield [page for page in own if page.item == own[0].item]


def _player_row(pages: Sequence[Page], folder: Path, analysis: Analysis) -> PlayerRow:
    order = [one.name for one in analysis.test.conditions]
    rated = sorted(((one.condition, one.id) for page in pages for one in page.stimuli), key=lambda one: order.index(one[0]))
    named = [(sound.label, sound.id) for page in pages for sound in page.references if sound.label not in order]
    sounds = {name: sound for name, key in [*named, *rated] if (sound := _sound(folder / f"{key}.wav"))}
    first = pages[0]
    return PlayerRow(f"{first.group}: {first.item}" if first.group else first.item, sounds, first.text)


def _sound(path: Path) -> Sound | None:
    """Return a stimulus; None if its file is missing or damaged."""
    try:
        samples, rate = read_native(path, LONGEST_S)
    except AudioError:
        return None
    return Sound(samples, rate)
