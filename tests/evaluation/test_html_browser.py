"""The report in a browser: accessible, silent on the network, readable on a phone, and its players switch at one position."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tts_cli.audio.textgrid import Interval
from tts_cli.evaluation.html import PlayerRow, ReportPage, Sound
from tts_cli.evaluation.plots import distribution, f0_overlay, means, mel_pair
from tts_cli.evaluation.report import WER, Report, Row, grid_of_tests
from tts_cli.evaluation.statistics import Estimate, PairedTest
from tts_cli.output.pictures import Shown

pytest.importorskip("matplotlib")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("needs Chromium", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api")
RATE = 16000
SYSTEMS = ("recordings", "centroid & co", "<b>syntactic</b>")


def sound(seconds: float) -> Sound:
    return Sound((0.2 * np.sin(np.arange(round(seconds * RATE)) * 0.1)).astype(np.float32), RATE, "WER 3.0 %")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of a report with every kind of block."""
    page = ReportPage("Three systems on two sentences", "An evaluation of three systems, as an example.")
    page.section("Results", "First paragraph.\n\nSecond paragraph.")
    estimates = {name: Estimate(0.1 * place, 0.05, 0.4, 10) for place, name in enumerate(SYSTEMS, 9)}
    page.report(
        Report("Word errors", (WER,), tuple(Row(name, {"wer": one}, "anna") for name, one in estimates.items()), ("Note.",))
    )
    page.table(grid_of_tests("Speech", [PairedTest("a - b", Estimate(-0.4, -0.5, -0.3, 7), 0.01, 0.02)]))
    page.note("Nobody listened.")
    page.items(["First.", "Second."])
    page.section("Plots")
    shown = [Shown(name, sound(1.0).samples, RATE, (), (Interval("word", 0.1, 0.9),)) for name in SYSTEMS]
    page.figure(f0_overlay(shown), "F0 of three systems.", "F0")
    page.figure(mel_pair(shown[:2]), "Mel spectrograms of two systems.", "Mel")
    page.figure(distribution({name: [1.0, 2.0, 3.0] for name in SYSTEMS}, "WER (%)"), "Distributions of three systems.")
    page.figure(means({"": estimates}, "WER (%)"), "Means of three systems.", "Means")
    page.section("Listen")
    long = {name: sound(seconds) for name, seconds in zip(SYSTEMS, (20.0, 19.0, 1.0), strict=True)}
    page.players([PlayerRow("a1", long, "Did you hear it?"), PlayerRow("a2", {SYSTEMS[0]: sound(20.0)}, "x" * 300)])
    page.reproduction(["tts", "evaluate", "speech"], {"arctic-16k": "ab" * 32}, {"seed": "0"})
    path = tmp_path_factory.mktemp("report") / "report.html"
    page.write(path)
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The report, opened; the test fails if it asks for anything else, or if its script or its policy complains."""
    opened, troubles = browser.new_page(), []
    opened.on("request", lambda one: troubles.append(one.url) if not one.url.startswith(("data:", address)) else None)
    opened.on("console", lambda message: troubles.append(message.text))
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.goto(address)
    yield opened
    opened.close()
    assert troubles == []


def playing(page: Any) -> list[str]:
    """Return the labels of the players that sound."""
    script = "[...document.querySelectorAll('audio')].filter(one => !one.paused).map(one => one.getAttribute('aria-label'))"
    return list(page.evaluate(script))


def wait_until(page: Any, condition: str) -> None:
    """Wait until an expression of the page holds; Playwright's own waiting needs what the policy of the page bars."""
    end = time.monotonic() + 15
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(20)


def position(page: Any, place: int) -> float:
    return float(page.evaluate(f"document.querySelectorAll('audio')[{place}].currentTime"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_fault_and_nothing_is_wider_than_the_screen(page: Any, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    found = axe.run(page).response
    assert [(one["id"], one["impact"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    assert len(found["passes"]) > 15
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    heights = page.evaluate("[...document.querySelectorAll('svg')].map(one => one.getBoundingClientRect().height)")
    assert len(heights) == 4
    assert min(heights) > 90


def test_another_system_goes_on_at_the_same_position(page: Any) -> None:
    buttons = page.locator(".players button")
    buttons.nth(0).click()
    wait_until(page, "document.querySelectorAll('audio')[0].currentTime > 1")
    left = position(page, 0)
    buttons.nth(1).click()
    wait_until(page, "document.querySelectorAll('.players button')[0].getAttribute('aria-pressed') === 'false'")
    start = position(page, 1)
    wait_until(page, f"document.querySelectorAll('audio')[1].currentTime > {start} + 0.1")
    assert left - 0.3 < start < left + 8
    assert playing(page) == [f"{SYSTEMS[1]}: a1"]
    assert buttons.nth(1).get_attribute("aria-pressed") == "true"
    buttons.nth(1).click()
    assert playing(page) == []


def test_players_are_operated_by_keyboard(page: Any) -> None:
    slider = page.get_by_label("Position in a1")
    slider.focus()
    page.keyboard.press("End")
    assert slider.input_value() == "20"
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("PageUp")
    start = float(slider.input_value())
    assert 0.5 < start < 15
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    wait_until(page, f"document.querySelector('audio').currentTime > {start} + 0.05")
    assert position(page, 0) < start + 8
    page.keyboard.press("Space")
    assert playing(page) == []


def test_a_position_past_the_end_of_a_shorter_sound_begins_it(page: Any) -> None:
    page.get_by_label("Position in a1").fill("2")
    page.locator(".players button").nth(2).click()
    wait_until(page, "document.querySelectorAll('audio')[2].currentTime > 0.05")
    assert position(page, 2) < 0.9
    wait_until(page, "document.querySelectorAll('audio')[2].ended && document.querySelector('.seek input').value === '0'")
    wait_until(page, "document.querySelectorAll('.players button')[2].getAttribute('aria-pressed') === 'false'")


def test_one_sound_plays_on_the_whole_page(page: Any) -> None:
    buttons = page.locator(".players button")
    buttons.nth(0).click()
    buttons.nth(3).click()
    wait_until(page, "document.querySelectorAll('audio')[3].currentTime > 0.05")
    assert playing(page) == [f"{SYSTEMS[0]}: a2"]


def test_tables_are_sorted_by_a_heading(page: Any) -> None:
    def names() -> list[str]:
        return list(page.locator("table.sortable").first.locator("tbody th").all_inner_texts())

    assert names() == list(SYSTEMS)
    heading = page.get_by_role("button", name="WER %")
    heading.click()
    # 0.9 is 90 %, the others are 100 % and 110 %: by text, 90 would come last.
    assert names() == list(SYSTEMS)
    heading.click()
    assert names() == list(reversed(SYSTEMS))
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"


def test_systems_can_be_hidden(page: Any) -> None:
    page.get_by_label(SYSTEMS[2]).first.uncheck()
    assert page.locator("table.sortable").first.locator("tbody tr:visible th").all_inner_texts() == list(SYSTEMS[:2])
    assert page.locator(".players button:visible").count() == 3
    page.get_by_label(SYSTEMS[2]).first.check()
    assert page.locator(".players button:visible").count() == 4


def test_without_scripts_each_sound_has_a_player(browser: Any, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(address)
    assert opened.locator("audio[controls]:visible").count() == 4
    context.close()


def test_a_script_in_the_page_could_not_load_or_send_anything(browser: Any, address: str) -> None:
    opened = browser.new_page()
    opened.goto(address)
    assert opened.evaluate("fetch('data:,x').then(() => 'open', () => 'shut')") == "shut"
    script = "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = true'}))"
    opened.evaluate(script)
    assert opened.evaluate("window.ran === undefined")
    opened.close()


def test_the_file_is_the_whole_report(address: str) -> None:
    folder = Path(address.removeprefix("file://")).parent
    assert [path.name for path in folder.iterdir()] == ["report.html"]
