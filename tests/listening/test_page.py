"""The page of the listeners in a headless Chromium, against the real server."""

from __future__ import annotations

import functools
import http.server
import json
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import CHROMIUM, Listener, chromium
from playwright.sync_api import Browser, Page
from small_listening import KINDS, PAGE, rows_of, served, small_test, start_server, write_test

from tts_cli.listening.design import Kind
from tts_cli.listening.results import read_results

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def rate_by_keyboard(listener: Listener, score: int) -> dict[str, float]:
    """Play and rate all stimuli of a MUSHRA page by keyboard alone; return the scores by label of the sound."""
    keyboard, scores = listener.page.keyboard, {}
    for i, sound in enumerate(listener.sounds[1:], start=1):
        # The digit plays the sound and goes to its slider.
        listener.press_when_silent(str(i))
        listener.wait_until_heard(sound)
        keyboard.press("Home" if i % 2 else "End")
        wanted = score + i if i % 2 else 100 - score
        tens, ones = divmod(wanted if i % 2 else 100 - wanted, 10)
        for key, times in (("PageUp" if i % 2 else "PageDown", tens), ("ArrowUp" if i % 2 else "ArrowDown", ones)):
            for _ in range(times):
                keyboard.press(key)
        scores[str(i)] = float(wanted)
    return scores


def rate_by_mouse(listener: Listener, score: int) -> dict[str, float]:
    """Play and rate all stimuli of a MUSHRA page by mouse; return the scores that the page shows."""
    listener.hear_all()
    for slider in listener.page.locator(".column input").all():
        box = slider.bounding_box()
        assert box is not None
        listener.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * (1 - score / 100))
    shown = [float(one.inner_text()) for one in listener.page.locator(".column output").all()]
    assert all(abs(one - score) <= 3 for one in shown), shown
    return {str(i): one for i, one in enumerate(shown, start=1)}


def test_a_whole_test_by_keyboard_and_mouse_with_a_reload(browser: Browser, tmp_path: Path) -> None:
    test = small_test("mushra", pages=2)
    with served(write_test(tmp_path / "test", test)) as server:
        listener = Listener(browser, server.links[0])
        listener.begin('Ann <img src="x" onerror="alert(1)">')
        given: list[dict[str, float]] = []
        for number in range(len(test.pages)):
            page = listener.page
            assert listener.place == ("Practice page 1 of 1" if number == 0 else f"Page {number} of 3")
            if number == 2:
                # A page half done comes back as it was.
                listener.press_when_silent("2")
                listener.wait_until_heard(listener.sounds[2])
                page.keyboard.press("PageUp")
                page.reload()
                listener.wait_for_sounds()
                assert listener.place == "Page 2 of 3"
                assert page.locator(".column output").all_inner_texts() == ["–", "60", "–"]
                assert page.locator(".heard").count() == 1
                page.get_by_role("button", name="Next").click()
                assert page.get_by_text("Still to play: 1, 3. Still to rate: 1, 3.").is_visible()
            given.append((rate_by_keyboard if number % 2 else rate_by_mouse)(listener, 20 + 10 * number))
            listener.next()
        listener.wait_until_saved()
        rows = sorted(rows_of(server.folder), key=lambda row: row["position"])
        assert [sorted(given[n].values()) for n in range(4)] == [
            sorted(row["score"] for row in rows if row["position"] == n) for n in range(4)
        ]
        assert Counter(row["page"] for row in rows) == {one.id: 3 for one in test.pages}
        assert all(row["plays"] >= 1 and 0.3 < row["seconds"] < 60 and row["chosen"] is None for row in rows)
        (person,) = rows_of(server.folder, "SELECT * FROM listeners")
        assert person["name"] == 'Ann <img src="x" onerror="alert(1)">' and person["finished"] and "Chrom" in person["agent"]
        # The analysis reads what the listener did.
        read = read_results(server.folder).answers
        assert sorted(one.score for one in read.ratings) == sorted(score for page in given for score in page.values())
        assert read.unfinished == () and {one.condition for one in read.ratings} == {"recording", "new", "baseline"}
        # The end comes again after a reload, and stores nothing more.
        listener.page.reload()
        listener.wait_until_saved()
        assert sorted(rows_of(server.folder), key=lambda row: row["position"]) == rows
        assert listener.errors == [] and listener.foreign == []


def serious(page: Page, schemes: Sequence[str] = ("light",)) -> list[str]:
    """Return the faults that axe-core calls serious or critical."""
    found = []
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        for fault in Axe().run(page).response["violations"]:
            if fault["impact"] in ("serious", "critical"):
                found.append(f"{scheme}: {fault['id']}: {[node['html'] for node in fault['nodes']]}")
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_of_every_kind_is_accessible_and_its_answers_arrive(kind: Kind, browser: Browser, tmp_path: Path) -> None:
    test = small_test(kind, pages=1)
    # The other kinds have the colours of these two.
    schemes = ("light", "dark") if kind in ("mushra", "mos") else ("light",)
    with served(write_test(tmp_path / "test", test)) as server:
        listener = Listener(browser, server.links[0])
        page = listener.page
        page.locator("#name").wait_for()
        assert serious(page, schemes) == []
        listener.begin()
        answers = []
        for number in range(3):
            page.locator(".onward button").click()
            assert serious(page, schemes) == [] if number == 1 else True
            listener.hear_all()
            if kind == "mushra":
                for slider in page.locator(".column input").all():
                    slider.press("PageUp")
                answers.append([60.0] * 3)
            else:
                labels = page.locator(".answers label")
                choice = number % labels.count()
                labels.nth(choice).click()
                answers.append(
                    {"mos": [float(choice + 1)], "ab": [[1, 0], [0, 0], [0, 1]][choice]}.get(kind, [1 - choice, choice])
                )
            if number == 2:
                page.locator("summary").click()
                page.locator(".waveform").press("Home")
                assert serious(page, schemes) == []
            listener.next()
        listener.wait_until_saved()
        assert serious(page, schemes) == []
        orders = page.evaluate(
            """async ([test, token]) => {
                const { orderOfPages, orderOfStimuli } = await import("./order.js");
                return orderOfPages(test.pages, test.seed, token).map((one) => [one.id, orderOfStimuli(one, test.seed, token)]);
            }""",
            [json.loads((server.folder / "page.json").read_text(encoding="utf-8")), server.tokens[0]],
        )
        column = "score" if kind in ("mushra", "mos") else "chosen"
        stored = {(row["page"], row["stimulus"]): row[column] for row in rows_of(server.folder)}
        assert stored == {
            (name, stimulus): answers[position][i]
            for position, (name, ids) in enumerate(orders)
            for i, stimulus in enumerate(ids)
        }
        assert listener.errors == [] and listener.foreign == []


def test_while_the_server_is_dead_the_page_keeps_the_answers_and_goes_on(browser: Browser, tmp_path: Path) -> None:
    test = small_test("mos")
    server = start_server(write_test(tmp_path / "test", test), 0)
    try:
        listener = Listener(browser, server.links[0])
        page = listener.page

        def answer(grade: int) -> None:
            listener.press_when_silent("Space")
            listener.wait_until_heard(listener.sounds[0])
            page.keyboard.press(str(grade))
            listener.next()

        listener.begin("Bea")
        answer(2)
        # The sounds of the next page are there already.
        page.wait_for_load_state("networkidle")
        server.kill()
        before = rows_of(server.folder)
        assert [row["score"] for row in before] == [2]
        answer(3)
        page.get_by_text("The server cannot be reached. Your answers are kept on this device").wait_for()
        assert serious(page) == []
        again = start_server(server.folder, server.port)
        assert again.links == server.links
        server = again
        page.get_by_role("button", name="Try now").click()
        page.locator("#connection.failing").wait_for(state="detached")
        listener.wait_for_sounds()
        for grade in (4, 5, 1):
            answer(grade)
        listener.wait_until_saved()
        rows = sorted(rows_of(server.folder), key=lambda row: row["position"])
        assert [row["score"] for row in rows] == [2, 3, 4, 5, 1] and len({row["page"] for row in rows}) == 5
        (person,) = rows_of(server.folder, "SELECT * FROM listeners")
        assert person["finished"] and person["name"] == "Bea"
    finally:
        server.kill()


def test_answers_that_the_server_lost_the_reply_to_are_not_doubled(browser: Browser, tmp_path: Path) -> None:
    with served(write_test(tmp_path / "test", small_test("ab", pages=1))) as server:
        listener = Listener(browser, server.links[0])
        lost: list[str] = []

        def lose(route: Any) -> None:
            """Let the request arrive, and lose the first reply to each."""
            path = route.request.url
            if lost.count(path) < 1:
                lost.append(path)
                route.fetch()
                route.abort()
            else:
                route.continue_()

        listener.page.route(re.compile("api/(consent|answers|finish)"), lose)
        listener.begin()
        for _ in range(3):
            listener.hear_all()
            listener.page.locator(".answers label").first.click()
            listener.next()
        listener.wait_until_saved()
        assert len(lost) == 3 and Counter(row["page"] for row in rows_of(server.folder)) == {
            "practice": 2,
            "item-0": 2,
            "attention": 2,
        }


def test_answers_of_a_closed_page_arrive_when_it_opens_again(browser: Browser, tmp_path: Path) -> None:
    with served(write_test(tmp_path / "test", small_test("mos", pages=1))) as server:
        listener = Listener(browser, server.links[0])
        listener.begin()
        listener.page.route(re.compile("api/answers"), lambda route: route.abort())
        listener.hear_all()
        listener.page.keyboard.press("4")
        listener.next()
        assert rows_of(server.folder) == []
        listener.page.unroute_all()
        listener.page.goto("about:blank")
        listener.page.goto(server.links[0])
        listener.wait_for_sounds()
        assert listener.place == "Page 1 of 2"
        listener.page.wait_for_load_state("networkidle")
        assert [(row["page"], row["score"]) for row in rows_of(server.folder)] == [("practice", 4)]


@pytest.fixture
def plain_server(tmp_path: Path) -> Iterator[str]:
    """Return the address of a web server that only serves files, with a small test."""
    write_test(tmp_path / "test", small_test("abx", pages=1))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "test"))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


def test_on_any_web_server_the_results_are_a_download(browser: Browser, plain_server: str, tmp_path: Path) -> None:
    listener = Listener(browser, plain_server)
    page = listener.page
    listener.begin("Cy")
    for number in range(3):
        if number == 1:
            page.reload()
            listener.wait_for_sounds()
        for key in "abx":
            listener.press_when_silent(key)
            listener.wait_until_heard(page.locator(f'.sound[aria-keyshortcuts="{key}"]'))
        page.locator(".answers label").nth(1).click()
        listener.next()
    page.reload()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download my answers").click()
    saved = tmp_path / "test" / download.value.suggested_filename
    download.value.save_as(saved)
    result = json.loads(saved.read_text(encoding="utf-8"))
    assert re.fullmatch(r"results-[0-9a-f]{32}\.json", download.value.suggested_filename)
    assert {key: result[key] for key in ("format", "title", "name", "finished")} == {
        "format": 1,
        "title": "A small abx test",
        "name": "Cy",
        "finished": True,
    }
    assert Counter((row["page"], row["chosen"]) for row in result["answers"]) == {
        (name, chosen): 1 for name in ("practice", "item-0", "attention") for chosen in (0, 1)
    }
    assert len(read_results(saved).answers.choices) == 3
    keys = {"page", "stimulus", "score", "chosen", "seconds", "plays", "position", "answered"}
    assert all(set(row) == keys for row in result["answers"]) and listener.foreign == []


def test_anyone_joins_an_open_test_once(browser: Browser, tmp_path: Path) -> None:
    with served(write_test(tmp_path / "test", small_test("mos", pages=1)), "--listeners", 0, "--open") as server:
        listener = Listener(browser, server.url)
        listener.begin()
        listener.page.goto(server.url)
        listener.wait_for_sounds()
        assert len(rows_of(server.folder, "SELECT * FROM listeners")) == 1 and listener.errors == []


def test_a_forgotten_listener_joins_anew_and_a_broken_sound_is_told(browser: Browser, tmp_path: Path) -> None:
    test = small_test("mos", pages=1)
    with served(write_test(tmp_path / "test", test), "--listeners", 0, "--open") as server:
        listener = Listener(browser, server.url)
        listener.begin()
        connection = sqlite3.connect(server.folder / "results.sqlite")
        with connection:
            connection.executescript("DELETE FROM listeners; DELETE FROM invitations")
        connection.close()
        sound = server.folder / "stimuli" / f"{test.pages[0].stimuli[0].id}.wav"
        whole = sound.read_bytes()
        sound.write_bytes(b"no sound")
        listener.page.goto(server.url)
        listener.page.get_by_role("button", name="I agree, begin").click()
        listener.page.get_by_text("The sounds of this page cannot be played").wait_for()
        assert serious(listener.page) == []
        sound.write_bytes(whole)
        listener.page.get_by_role("button", name="Try again").click()
        listener.wait_for_sounds()
        assert len(rows_of(server.folder, "SELECT * FROM listeners")) == 1


def test_a_part_repeats_by_mouse_and_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    with served(write_test(tmp_path / "test", small_test("ab", pages=1))) as server:
        listener = Listener(browser, server.links[0])
        listener.begin()
        page = listener.page
        part, box = page.locator(".part"), page.locator(".waveform").bounding_box()
        assert box is not None and part.is_hidden()
        page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 30, steps=4)
        page.mouse.up()
        shown = part.bounding_box()
        assert shown is not None and shown["width"] == pytest.approx(0.5 * box["width"], abs=3)
        assert shown["x"] - box["x"] == pytest.approx(0.25 * box["width"], abs=3)
        page.keyboard.press("a")
        # Twice as long as the part: it still plays.
        page.wait_for_timeout(500)
        assert page.get_by_role("button", name="Pause").is_visible()
        page.keyboard.press("\\")
        part.wait_for(state="hidden")
        page.locator(".waveform").press("Home")
        page.locator(".waveform").press("ArrowRight")
        page.keyboard.press("]")
        part.wait_for()
        shown = part.bounding_box()
        assert shown is not None and shown["x"] - box["x"] < 5 and shown["width"] > 0.5 * box["width"]


ORDERS = """async ([pages, count]) => {
    const { orderOfPages, orderOfStimuli } = await import("./order.js");
    const draw = (token) => orderOfPages(pages, 7, token).map((one) => [one.id, one.role, orderOfStimuli(one, 7, token)]);
    return [...Array(count).keys()].map((i) => draw(`token-${i}`)).concat([draw("token-0")]);
}"""


def test_orders_are_drawn_evenly_and_stay(browser: Browser, tmp_path: Path) -> None:
    pages = [{"id": "t", "role": "training", "stimuli": ["a", "b"]}]
    pages += [{"id": f"p{i}", "role": "test", "stimuli": ["a", "b", "c"]} for i in range(4)]
    pages += [{"id": f"n{i}", "role": "attention", "stimuli": ["a", "b"]} for i in range(2)]
    with served(write_test(tmp_path / "test", small_test("ab", pages=1)), "--open") as server:
        *drawn, again = Listener(browser, server.url).page.evaluate(ORDERS, [pages, 600])
    assert again == drawn[0] and drawn[0] != drawn[1]
    assert all(order[0][0] == "t" and sorted(one[0] for one in order) == sorted(p["id"] for p in pages) for order in drawn)
    assert all(order[1][1] == "test" and order[-1][1] == "test" for order in drawn)
    # Of 600 draws each page comes first in 150 +- 4 standard deviations, each of six orders of stimuli 100 times.
    firsts = Counter(order[1][0] for order in drawn)
    assert all(abs(firsts[f"p{i}"] - 150) < 43 for i in range(4)), firsts
    stimuli = Counter("".join(one[2]) for order in drawn for one in order if one[0] == "p1")
    assert len(stimuli) == 6 and all(abs(count - 100) < 37 for count in stimuli.values()), stimuli


RENDER = """async ([rate, seconds, events]) => {
    const { Player } = await import("./sound.js");
    const context = new OfflineAudioContext(1, rate * seconds, rate);
    // The player wakes its context; here that would let time run before the player has done its work.
    const resume = context.resume.bind(context);
    context.resume = async () => {};
    const player = new Player(context);
    const tone = (phase, length) => {
        const buffer = context.createBuffer(1, length * rate, rate);
        const samples = buffer.getChannelData(0);
        for (let i = 0; i < samples.length; i++) samples[i] = 0.5 * Math.cos((2 * Math.PI * 110 * i) / rate + phase);
        // A sound that ends at once would click by itself.
        for (let i = 1; i <= 320; i++) samples[samples.length - i] *= i / 320;
        return buffer;
    };
    player.load(new Map([["a", tone(0, 1)], ["b", tone(Math.PI, 1)], ["short", tone(0, 0.3)]]));
    player.choose("a");
    player.play();
    const positions = [];
    for (const [time, method, ...values] of events) {
        context.suspend(time).then(() => {
            player[method](...values);
            positions.push(player.position);
            resume();
        });
    }
    const rendered = await context.startRendering();
    return [Array.from(rendered.getChannelData(0)), positions, player.secondsOf("a"), [...player.plays]];
}"""
RATE = 16000
LARGEST_STEP = 0.5 * 2 * 3.14159 * 110 / RATE
"""Largest step between two samples of a tone of `RENDER`."""
FADE_STEP = 1.0 / (0.01 * RATE)
"""Step of a cross-fade of 10 ms between tones of opposite phase."""


@pytest.fixture(scope="module")
def renderer(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with served(write_test(tmp_path_factory.mktemp("render") / "test", small_test("ab", pages=1)), "--open") as server:
        yield Listener(browser, server.url).page


@pytest.mark.parametrize(
    "events",
    [
        [[0.3, "choose", "b"]],
        [[0.3, "choose", "b"], [0.304, "choose", "a"], [0.312, "choose", "b"]],
        [[0.3, "choose", "b"], [0.5, "choose", "short"]],
        [[0.3, "setLoop", 0.2, 0.41], [0.95, "setLoop"]],
        [[0.1, "setRepeats", True]],
        [[0.3, "seek", 0.7], [0.5, "seek", 0.123], [0.6, "choose", "b"], [0.61, "seek", 0.05]],
        [[0.3, "pause"], [0.5, "play"]],
        [[0.1, "choose", "short"], [0.4, "stopAtEnd"]],
        [[0.1, "setLoop", 0.5, 0.8], [0.7, "choose", "short"]],
    ],
    ids=[
        "switch",
        "switch-while-fading",
        "switch-to-one-that-is-over",
        "loop",
        "repeat",
        "seek",
        "pause",
        "end",
        "loop-of-silence",
    ],
)
def test_nothing_clicks(renderer: Page, events: list[list[Any]]) -> None:
    samples, _, _, _ = renderer.evaluate(RENDER, [RATE, 1.5, events])
    # The tone begins at full height once; from there on, only the steps of tones and fades are left.
    begin = next(i for i, one in enumerate(samples) if one)
    end = max(i for i, one in enumerate(samples) if one)
    steps = [abs(b - a) for a, b in zip(samples[begin:end], samples[begin + 1 : end], strict=False)]
    assert max(steps) < LARGEST_STEP + FADE_STEP, max(steps)


def test_a_switch_leaves_no_gap_and_keeps_the_position(renderer: Page) -> None:
    events = [[0.3, "choose", "b"], [0.6, "choose", "a"]]
    samples, positions, heard, plays = renderer.evaluate(RENDER, [RATE, 1.0, events])
    begin = next(i for i, one in enumerate(samples) if one)
    import numpy as np

    tone = 0.5 * np.cos(2 * np.pi * 110 * np.arange(len(samples) - begin) / RATE)
    signs = np.where(np.abs(tone) > 0.2, np.asarray(samples[begin:]) / np.where(tone == 0, 1, tone), np.nan)
    # Tone a is +1, tone b is -1: nothing else but the two fades of 10 ms lies between.
    between = ~np.isnan(signs) & (np.abs(np.abs(signs) - 1) > 1e-3)
    assert 0 < between.sum() < 2 * 0.011 * RATE
    assert positions == pytest.approx([0.28, 0.58], abs=0.009)
    assert heard == pytest.approx(1.0 - 0.02 - 0.3, abs=0.05) and dict(plays) == {"a": 2, "b": 1}


def test_a_sound_that_is_over_stops_and_leaves_a_loop_that_it_does_not_reach(renderer: Page) -> None:
    _, positions, _, _ = renderer.evaluate(
        RENDER, [RATE, 1.5, [[0.1, "choose", "short"], [0.4, "stopAtEnd"], [0.6, "seek", 0.1]]]
    )
    assert positions[1:] == [0, 0.1]
    events = [[0.1, "setLoop", 0.5, 0.8], [0.7, "choose", "short"], [0.9, "pause"]]
    samples, positions, _, _ = renderer.evaluate(RENDER, [RATE, 1.5, events])
    assert positions[2] < 0.3 and max(map(abs, samples[int(0.75 * RATE) : int(0.85 * RATE)])) > 0.4


def test_a_loop_repeats_its_part_to_the_sample(renderer: Page) -> None:
    samples, positions, _, _ = renderer.evaluate(RENDER, [RATE, 1.4, [[0.1, "setLoop", 0.2, 0.4], [1.3, "seek", 0.3]]])
    period = int(0.2 * RATE)
    steady = samples[int(0.2 * RATE) : int(1.2 * RATE)]
    assert max(abs(a - b) for a, b in zip(steady, steady[period:], strict=False)) < 1e-4
    assert max(map(abs, steady)) > 0.4 and 0.2 <= positions[-1] <= 0.4


def test_the_vendored_file_has_its_licence() -> None:
    licence = (PAGE / "wavesurfer.LICENSE.txt").read_text(encoding="utf-8")
    assert "BSD 3-Clause License" in licence and (PAGE / "wavesurfer.esm.js").stat().st_size > 10_000
