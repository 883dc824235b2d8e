"""Report as one HTML page that needs nothing else: tables, plots, audio players and the command that makes it again."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from platform import machine, python_version, system
from typing import Any

import numpy as np
import soundfile

from tts_cli.audio.files import quantise
from tts_cli.audio.formats import FORMATS
from tts_cli.audio.mel import Floats
from tts_cli.evaluation.plots import inline_svg
from tts_cli.evaluation.report import Grid, Report, Reports
from tts_cli.files import atomic_write

REPORT_FILE = "report.html"
"""Name of the page in the folder of a report."""
PACKAGES = ("tts-cli", "numpy", "scipy", "statsmodels", "onnxruntime", "soundfile", "matplotlib")
"""Packages that a report names with their versions."""
_LONGEST = 2000
"""Longest text of a cell or a label; longer ones are cut."""
_INTERVAL = re.compile(r"(\S+)\s+(\[[^\]]*\])")
_NUMBER = re.compile(r"[<>≤≥]?\s*[-+−]?(\d[\d.,]*(e[-+]?\d+)?|nan|inf)\+?(\s?[%a-zA-Z]{1,3})?(\s*\[[^\]]*\]|\s*±.*)?")
"""Number in a cell, with a unit, an interval or a deviation if it has one."""
_NONE = ("", "-", "–", "—")
"""Cells without a value."""
_UNSPEAKABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_STYLE, _SCRIPT = (Path(__file__).with_name(f"report.{suffix}") for suffix in ("css", "js"))


class HtmlText(str):
    """Text that is HTML already and is not escaped again."""


@dataclass(frozen=True, eq=False)
class Sound:
    """Audio of one system for one utterance."""

    samples: Floats = field(repr=False)
    """(samples,) in [-1, 1]"""
    sample_rate: int
    """Sample rate in Hertz."""
    caption: str = ""
    """Short text below the player, such as a measure of this utterance."""


@dataclass(frozen=True, eq=False)
class PlayerRow:
    """Row of players: one utterance by several systems."""

    name: str
    """Name of the utterance, such as the id of its recording."""
    sounds: Mapping[str, Sound]
    """Audio by name of the system; a missing system leaves its cell empty."""
    text: str = ""
    """Text of the utterance."""


class ReportPage:
    """Builder of the page, from top to bottom. All texts are plain and escaped; nothing is loaded from elsewhere."""

    def __init__(self, title: str, lede: str = "", language: str = "en") -> None:
        """Begin a page.

        Args:
            title: Heading of the page and title of its window.
            lede: Paragraph below the heading that says what was measured.
            language: Language of the page, as in BCP 47.
        """
        self._title, self._lede, self._language = title, lede, language
        self._blocks: list[HtmlText] = []
        self._sections: list[str] = []
        self._num_figures = 0

    def section(self, title: str, lede: str = "") -> None:
        """Begin a section, which the contents at the top of the page list; `lede` is its first paragraph."""
        self._sections.append(title)
        self._add(element("h2", title, id=f"section-{len(self._sections)}"))
        self._paragraphs(lede)

    def subsection(self, title: str) -> None:
        """Begin a part of a section, with a smaller heading."""
        self._add(element("h3", title))

    def paragraph(self, text: str) -> None:
        """Add text; empty lines separate paragraphs."""
        self._paragraphs(text)

    def note(self, text: str) -> None:
        """Add a remark that readers must not miss, such as "Nobody listened"."""
        self._add(element("p", text, **{"class": "note"}))

    def items(self, texts: Iterable[str]) -> None:
        """Add a list of texts, such as notes on the method."""
        listed = [element("li", text) for text in texts]
        if listed:
            self._add(element("ul", *listed))

    def facts(self, values: Mapping[str, str]) -> None:
        """Add pairs of name and value."""
        self._add(_facts(values))

    def code(self, text: str) -> None:
        """Add text in lines as they are, such as a command."""
        self._add(_code(text))

    def table(self, grid: Grid) -> None:
        """Add a table with its title and notes. Readers can sort it; an interval `[low, high]` stands apart from its value."""
        self._add(_table(grid))
        self._add(*(element("p", note, **{"class": "small"}) for note in grid.notes))

    def report(self, report: Report | Reports) -> None:
        """Add the tables, paired tests and notes of a report."""
        if isinstance(report, Report):
            self.table(report.grid())
            return
        for grid in report.grids():
            self.table(grid)
        for note in report.notes:
            self.note(note)

    def figure(self, figure: Any, alt: str, caption: str = "") -> None:
        """Add a plot as inline SVG.

        A figure of over `plots.WIDE_INCHES` keeps its size on a narrow screen and scrolls; others shrink.

        Args:
            figure: A `matplotlib.figure.Figure`.
            alt: Description for readers who cannot see it: the kind of plot, its axes, and the finding.
            caption: Text below the plot.
        """
        self._num_figures += 1
        drawn = HtmlText(inline_svg(figure, _clean(alt), f"figure-{self._num_figures}-"))
        box = element("div", drawn, **_scrolling(caption or "plot"))
        self._add(element("figure", box, *([element("figcaption", caption)] if caption else [])))

    def players(self, rows: Sequence[PlayerRow], title: str = "Listen") -> None:
        """Add audio players: rows are utterances, columns are systems.

        Pressing another system of the row goes on at the same position. The audio is embedded as FLAC, which loses nothing and
        which Chromium, Firefox and Safari play: about 26 kB a second of speech at 16 kHz.
        """
        self._add(_players(title, rows))

    def reproduction(
        self, command: Sequence[str], hashes: Mapping[str, str] | None = None, facts: Mapping[str, str] | None = None
    ) -> None:
        """Add the section "How to reproduce it".

        Args:
            command: Words of the command, such as `["tts", "evaluate", "speech", "--data", "prepared"]`.
            hashes: SHA-256 by name of the addon, file or folder it belongs to.
            facts: Further values by name, such as the seed. Versions of Python and of `PACKAGES` are added.
        """
        self.section("How to reproduce it")
        self.code(shlex.join(command))
        self.facts({**(facts or {}), **versions()})
        if hashes:
            self.subsection("SHA-256")
            self.facts(hashes)

    def html(self) -> str:
        """Return the page."""
        style, script = (path.read_text(encoding="utf-8") for path in (_STYLE, _SCRIPT))
        head = element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", **{"http-equiv": "Content-Security-Policy", "content": _policy(style, script)}),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("meta", name="referrer", content="no-referrer"),
            element("title", self._title),
            element("link", rel="icon", href="data:,"),
            element("style", HtmlText(style)),
        )
        lede = [element("p", self._lede, **{"class": "lede"})] if self._lede else []
        header = element("header", element("h1", self._title), *lede, *self._contents())
        body = element("body", header, element("main", *self._blocks), element("script", HtmlText(script)))
        return f"<!DOCTYPE html>\n{element('html', head, body, lang=self._language)}\n"

    def write(self, path: Path) -> None:
        """Write the page to `path`, whole or not at all, with missing parent folders. Raises OutputError."""
        page = self.html()
        with atomic_write(path, parents=True) as file:
            file.write(page)

    def _contents(self) -> list[HtmlText]:
        links = [element("a", title, href=f"#section-{place}") for place, title in enumerate(self._sections, 1)]
        listed = element("ul", *(element("li", link) for link in links))
        return [element("nav", listed, **{"aria-label": "Contents"})] if len(links) > 1 else []

    def _paragraphs(self, text: str) -> None:
        self._add(*(element("p", part) for part in re.split(r"\n\s*\n", text) if part.strip()))

    def _add(self, *blocks: HtmlText) -> None:
        self._blocks += blocks


def element(name: str, /, *children: str, **attributes: str) -> HtmlText:
    """Return an element of HTML. Children and values of attributes are escaped, except for `HtmlText`."""
    opening = "".join(f' {key}="{_escaped(value)}"' for key, value in attributes.items())
    if name in ("meta", "link"):
        return HtmlText(f"<{name}{opening}>")
    inner = "".join(map(_escaped, children))
    return HtmlText(f"<{name}{opening}>{inner}</{name}>")


def _escaped(text: str) -> str:
    return text if isinstance(text, HtmlText) else escape(_clean(text))


def versions() -> dict[str, str]:
    """Return the versions of Python, the system and the installed ones of `PACKAGES`."""
    found = {"Python": python_version(), "system": f"{system()} {machine()}"}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _clean(text: str) -> str:
    """Return `text` without control characters and lone surrogates, cut where it is longer than any reader needs."""
    whole = _UNSPEAKABLE.sub("\N{REPLACEMENT CHARACTER}", text.encode("utf-8", "replace").decode())
    return whole if len(whole) <= _LONGEST else f"{whole[:_LONGEST]} …"


def _policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy: only the style and the script of the page, sounds and pictures inside of it."""
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script))
    styles, scripts = (f"'sha256-{each}'" for each in hashes)
    return (
        f"default-src 'none'; style-src {styles}; script-src {scripts}; img-src data:; media-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _code(text: str) -> HtmlText:
    return element("pre", element("code", text), tabindex="0")


def _facts(values: Mapping[str, str]) -> HtmlText:
    return element("dl", *(part for name, value in values.items() for part in (element("dt", name), element("dd", value))))


def _scrolling(label: str) -> dict[str, str]:
    """Return the attributes of a box that scrolls sideways, also by keyboard."""
    return {"class": "scrolls", "role": "group", "aria-label": label, "tabindex": "0"}


def _table(grid: Grid) -> HtmlText:
    columns = list(zip(*grid.rows, strict=True)) if grid.rows else [()] * len(grid.header)
    numeric = [index > 0 and _are_numbers(column) for index, column in enumerate(columns)]
    marks: list[dict[str, str]] = [{"class": "number"} if each else {} for each in numeric]
    head = [element("th", title, scope="col", **mark) for title, mark in zip(grid.header, marks, strict=True)]
    groups = grid.sections or [""] * len(grid.rows)
    body = [
        element("tr", *_cells(row, numeric), **_row_marks(row, numeric, place > 0 and groups[place - 1] != groups[place]))
        for place, row in enumerate(grid.rows)
    ]
    parts = element("caption", grid.title), element("thead", element("tr", *head)), element("tbody", *body)
    return element("div", element("table", *parts, **{"class": "sortable"}), **_scrolling(grid.title))


def _are_numbers(cells: Sequence[str]) -> bool:
    return not set(cells) <= set(_NONE) and all(_NUMBER.fullmatch(cell) or cell in _NONE for cell in cells)


def _heading(numeric: Sequence[bool]) -> int:
    """Return the column with the headings of the rows: the last one of text before the first one of numbers."""
    return max(numeric.index(True) - 1, 0) if True in numeric else 0


def _row_marks(row: Sequence[str], numeric: Sequence[bool], is_first: bool) -> dict[str, str]:
    """Return the attributes of a row: its heading, which the script hides by, and whether it begins a group."""
    return {"data-row": row[_heading(numeric)], **({"class": "first"} if is_first else {})}


def _cells(row: Sequence[str], numeric: Sequence[bool]) -> Iterable[HtmlText]:
    for place, cell in enumerate(row):
        if place == _heading(numeric):
            yield element("th", cell, scope="row")
        elif found := _INTERVAL.fullmatch(cell):
            yield element("td", found[1], " ", element("span", found[2], **{"class": "interval"}), **{"class": "number"})
        else:
            yield element("td", cell, **({"class": "number"} if numeric[place] else {}))


def _players(title: str, rows: Sequence[PlayerRow]) -> HtmlText:
    systems = list(dict.fromkeys(name for row in rows for name in row.sounds))
    return element("ul", *(_player_row(row, systems) for row in rows), **{"class": "players", "aria-label": title})


def _player_row(row: PlayerRow, systems: Sequence[str]) -> HtmlText:
    said = [element("span", row.text, **{"class": "said"})] if row.text else []
    players = element("div", *(_player(row, name) for name in systems), **{"class": "systems"})
    return element("li", element("p", element("strong", row.name), *said), players)


def _player(row: PlayerRow, system: str) -> HtmlText:
    sound = row.sounds.get(system)
    caption = sound.caption if sound and len(sound.samples) else "no audio"
    parts = [element("span", system, **{"class": "name"})]
    if sound and len(sound.samples):
        given = {"controls": "", "preload": "none", "src": _data_uri(sound)}
        given |= {"aria-label": f"{system}: {row.name}", "data-seconds": f"{len(sound.samples) / sound.sample_rate:.3f}"}
        parts.append(element("audio", **given))
    return element(
        "div", *parts, *([element("span", caption, **{"class": "small"})] if caption else []), **{"data-system": system}
    )


def _data_uri(sound: Sound) -> HtmlText:
    """Return the audio as FLAC in a data URI; samples that are no numbers become silence."""
    flac, file = FORMATS["flac"], BytesIO()
    samples = quantise(np.nan_to_num(np.asarray(sound.samples, np.float32), nan=0.0, posinf=1.0, neginf=-1.0))
    soundfile.write(file, samples, sound.sample_rate, format=flac.container, subtype=flac.codec)
    return HtmlText(f"data:audio/flac;base64,{base64.b64encode(file.getvalue()).decode()}")
