"""The report as one HTML page: nothing is loaded from elsewhere, and no text becomes markup."""

import base64
import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tts_cli.errors import OutputError
from tts_cli.evaluation.html import PlayerRow, ReportPage, Sound
from tts_cli.evaluation.report import WER, Grid, Report, Reports, Row
from tts_cli.evaluation.statistics import Estimate, PairedTest

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)>\"'& ../../etc/passwd"
TONE = (0.5 * np.sin(np.arange(1600) * 0.2)).astype(np.float32)


class Elements(HTMLParser):
    """Elements of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.texts.append((self.found[-1][0] if self.found else "", data))

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.found if name == tag]

    def values(self) -> Iterator[tuple[str, str]]:
        return ((name, value) for _, attributes in self.found for name, value in attributes.items())

    def text(self, tag: str) -> str:
        return "".join(text for name, text in self.texts if name == tag)


def page_with(*names: str) -> ReportPage:
    """Return a page with every kind of block, in which systems, texts and titles are `names`."""
    pyplot = pytest.importorskip("matplotlib.figure")
    page = ReportPage(names[0], names[0])
    page.section(names[0], names[0])
    page.subsection(names[0])
    page.paragraph(names[0])
    page.note(names[0])
    page.items(names)
    page.code(names[0])
    page.table(Grid(names[0], names, [names], names))
    page.section("second")
    for _ in range(2):
        figure = pyplot.Figure(figsize=(4, 3))
        figure.subplots().plot([0, 1], [1, 0])
        page.figure(figure, names[0], names[0])
    page.players([PlayerRow(names[0], {name: Sound(TONE, 16000, name) for name in names}, names[0])], names[0])
    page.reproduction([*names], dict.fromkeys(names, "ab" * 32), {name: name for name in names})
    return page


def test_nothing_is_loaded_from_elsewhere() -> None:
    page = page_with("system").html()
    elements = Elements(page)
    loading = [value for name, value in elements.values() if name in ("src", "href", "srcset", "data", "action", "poster")]
    assert len(loading) > 5
    assert all(value.startswith(("data:", "#")) for value in loading)
    assert not re.search(r"https?:|url\((?!#)|@import|fetch\(|XMLHttpRequest|import\(", page)
    assert not {"iframe", "object", "embed", "base", "form"} & {tag for tag, _ in elements.found}


def test_the_policy_permits_the_style_and_the_script_of_the_page_alone() -> None:
    page = page_with("system").html()
    elements = Elements(page)
    (policy,) = (meta["content"] for meta in elements.of("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    for kind in ("style", "script"):
        (text,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not [name for name, _ in elements.values() if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("hostile", [HOSTILE, "$\\frac{1}{$ $x$", "a\x00b\x1bc\ud800d", "‮txet", ""])
def test_hostile_names_stay_text(hostile: str) -> None:
    calm, attacked = (Elements(page_with(name, "other").html()) for name in ("calm", hostile))
    extra = Counter(tag for tag, _ in attacked.found) - Counter(tag for tag, _ in calm.found)
    assert not set(extra) - {"g", "use", "path"}
    if hostile == HOSTILE:
        assert HOSTILE in attacked.text("title")
        assert HOSTILE in {attributes.get("aria-label") for attributes in attacked.of("svg")}


def test_a_name_of_a_megabyte_is_cut() -> None:
    assert len(page_with("x" * 1_000_000).html()) < 300_000


def test_ids_are_unique_and_references_have_their_targets() -> None:
    elements = Elements(page_with("system").html())
    ids = [value for name, value in elements.values() if name == "id"]
    assert len(ids) == len(set(ids))
    wanted = {value[1:] for name, value in elements.values() if name == "href" and value.startswith("#")}
    wanted |= {found for _, value in elements.values() for found in re.findall(r"url\(#(.+?)\)", value)}
    assert wanted <= set(ids)
    assert len(wanted) > 4


def test_the_same_report_is_the_same_file() -> None:
    assert page_with("system").html() == page_with("system").html()


def test_tables_have_headings_and_numbers() -> None:
    rows = (
        Row("ours", {"wer": Estimate(0.021, 0.01, 0.03, 7)}, "anna"),
        Row("theirs", {"wer": Estimate(0.5, 0.4, 0.6, 7)}, "ben"),
    )
    page = ReportPage("Speech")
    test = PairedTest("ours - theirs", Estimate(-0.4, -0.5, -0.3, 7), 0.01, 0.02)
    page.report(Reports("Speech", (Report("Errors", (WER,), rows, ("How it was measured.",)),), (test,)))
    elements = Elements(page.html())
    assert [one["scope"] for one in elements.of("th")] == ["col"] * 4 + ["row"] * 2 + ["col"] * 5 + ["row"]
    assert [one["data-row"] for one in elements.of("tr") if "data-row" in one] == ["ours", "theirs", "ours - theirs"]
    assert [one.get("class") for one in elements.of("tr")[1:3]] == [None, "first"], "a line stands between groups"
    assert elements.text("caption") == "ErrorsSpeech: tests"
    assert [text for tag, text in elements.texts if tag == "span"][:2] == ["[1.0, 3.0]", "[40.0, 60.0]"]
    assert {"How it was measured.", "These are objective measures, not listeners' scores: nobody listened."} <= {
        text for _, text in elements.texts
    }


@pytest.mark.parametrize(
    ("cells", "is_number"),
    [
        (["1", "-2.5 [−3.0, 1.0]", "nan"], True),
        (["<0.001", "0.5", ""], True),
        (["3 %", "1e-05", "12.5 ± 3"], True),
        (["60+", "-"], True),
        (["7 kHz anchor", "2"], False),
        (["arctic-16k", "1"], False),
        (["3f2a", "1"], False),
        (["", "-"], False),
    ],
)
def test_numbers_are_told_from_names(cells: list[str], is_number: bool) -> None:
    page = ReportPage("Numbers")
    page.table(Grid("Numbers", ("name", "figure"), [["x", cell] for cell in cells]))
    heading = Elements(page.html()).of("th")[1]
    assert (heading.get("class") == "number") is is_number


def test_the_style_and_the_script_are_in_the_wheel() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    packed = project["tool"]["setuptools"]["package-data"]["tts_cli"]
    assert {"evaluation/report.css", "evaluation/report.js"} <= set(packed)


def test_a_table_without_rows_is_a_table() -> None:
    page = ReportPage("Nothing")
    page.table(Grid("Empty", ("a", "b"), []))
    assert len(Elements(page.html()).of("th")) == 2


def test_players_hold_the_samples_to_the_bit() -> None:
    page = ReportPage("Listen")
    broken = np.array([0.25, np.nan, np.inf, -np.inf, 2.0], np.float32)
    sounds = {"first": Sound(TONE, 22050), "broken": Sound(broken, 16000), "silent": Sound(np.zeros(0, np.float32), 16000)}
    page.players([PlayerRow("a1", sounds, "Yes."), PlayerRow("a2", {"first": Sound(TONE, 22050)})])
    elements = Elements(page.html())
    assert [one["data-system"] for one in elements.of("div") if "data-system" in one] == ["first", "broken", "silent"] * 2
    sources = [one["src"].removeprefix("data:audio/flac;base64,") for one in elements.of("audio")]
    assert len(sources) == 3
    samples, rate = soundfile.read(BytesIO(base64.b64decode(sources[0])), dtype="int16")
    assert rate == 22050
    np.testing.assert_array_equal(samples, np.round(TONE * 32768))
    mended, _ = soundfile.read(BytesIO(base64.b64decode(sources[1])), dtype="float32")
    np.testing.assert_allclose(mended, [0.25, 0.0, 1.0, -1.0, 1.0], atol=1e-4)
    assert elements.text("span").count("no audio") == 3
    assert elements.of("audio")[0]["data-seconds"] == "0.073"


def test_the_command_can_be_pasted_into_a_shell() -> None:
    page = ReportPage("Speech")
    page.reproduction(["tts", "evaluate", "speech", "--report", "a folder; rm"], {"arctic-16k": "ab" * 32}, {"seed": "0"})
    elements = Elements(page.html())
    assert elements.text("code") == "tts evaluate speech --report 'a folder; rm'"
    assert {"numpy", "Python", "seed", "arctic-16k"} <= {text for tag, text in elements.texts if tag == "dt"}


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    page = ReportPage("Speech")
    page.write(tmp_path / "made" / "report.html")
    assert (tmp_path / "made" / "report.html").read_text(encoding="utf-8") == page.html()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        page.write(tmp_path / "file" / "report.html")
    assert sorted(path.name for path in tmp_path.rglob("*.part")) == []
