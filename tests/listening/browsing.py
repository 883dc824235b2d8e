"""A listener in a headless Chromium."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
ARGUMENTS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
LONGEST_MS = 15_000
POLL_MS = 20


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser while the block lasts."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Listener:
    """Listener with a browser of their own. Errors and requests to other servers are noted."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.context: BrowserContext = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        self.context.set_default_timeout(LONGEST_MS)
        self.page: Page = self.context.new_page()
        self.url, self.errors, self.foreign = url, list[str](), list[str]()
        own = url.partition("?")[0].partition("#")[0]
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("request", lambda one: None if one.url.startswith((own, "blob:")) else self.foreign.append(one.url))
        self.page.goto(url)

    def begin(self, name: str = "") -> None:
        """Give a name, agree, and wait for the first page with sounds."""
        self.page.locator("#name").fill(name)
        self.page.get_by_role("button", name="I agree, begin").click()
        self.wait_for_sounds()

    def wait_for_sounds(self) -> None:
        self.page.locator(".sheet").wait_for()

    @property
    def sounds(self) -> list[Locator]:
        return self.page.locator(".sound").all()

    def hear_all(self) -> None:
        """Play every sound by mouse until it counts as played."""
        for sound in self.sounds:
            self.wait_for_silence()
            sound.click()
            self.wait_until_heard(sound)

    def wait_for_silence(self) -> None:
        """Wait until nothing plays: a sound that is chosen while another one plays begins in the middle."""
        self._wait(lambda: self.page.locator(".play").inner_text() == "Play")

    def press_when_silent(self, key: str) -> None:
        self.wait_for_silence()
        self.page.keyboard.press(key)

    def wait_until_heard(self, sound: Locator) -> None:
        self._wait(lambda: "heard" in str(sound.get_attribute("class")).split())

    def _wait(self, is_done: Callable[[], bool]) -> None:
        # Playwright asks twice a second, which is long beside these sounds.
        end = time.monotonic() + LONGEST_MS / 1000
        while not is_done():
            assert time.monotonic() < end, "this takes too long"
            self.page.wait_for_timeout(POLL_MS)

    @property
    def place(self) -> str:
        return self.page.locator("#place").inner_text()

    def next(self) -> None:
        """Go on, and wait until another page has come."""
        place = self.place
        self.page.get_by_role("button", name="Next").click()
        self.page.locator("#place", has_not_text=place).wait_for()
        if self.place != "Finished":
            self.wait_for_sounds()

    def wait_until_saved(self) -> None:
        self.page.get_by_text("All answers are saved").wait_for()
