"""Many listeners at once: no answer is lost or doubled, even where the server is killed in the middle."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from random import Random
from typing import Any

from small_listening import Served, answers_to, request, rows_of, served, small_test, start_server, write_test

from tts_cli.listening.design import ListeningTest

LISTENERS = 50
TEST = small_test("mushra", pages=6)
LONGEST_S = 60.0


def post(url: str, body: Any) -> int:
    """Send a request again and again until the server answers, as the page does; return the number of attempts."""
    end = time.monotonic() + LONGEST_S
    for attempt in range(1, 10_000):
        with suppress(OSError, HTTPException):
            status, answer, _ = request(url, body)
            if status < 500:
                assert status == 200, answer
                return attempt
        assert time.monotonic() < end, "the server does not answer"
        time.sleep(0.05)
    raise AssertionError


def listen(url: str, token: str, test: ListeningTest) -> tuple[dict[tuple[str, str], float], int]:
    """Go through a test as one listener; return the last score of each page and stimulus, and the number of repeated requests."""
    random, scores, attempts, requests = Random(token), {}, 0, 0
    bodies: list[tuple[str, Any]] = [("api/consent", {"token": token, "name": token[:5]})]
    for position, page in enumerate(random.sample(test.pages, len(test.pages))):
        # Some pages are answered twice, and some requests arrive twice.
        for _ in range(1 + (random.random() < 0.3)):
            rows = answers_to(test, page, random.randrange(101), position)
            scores |= {(page.id, row["stimulus"]): row["score"] for row in rows}
            bodies += [("api/answers", {"token": token, "answers": rows})] * (1 + (random.random() < 0.3))
    for path, body in [*bodies, ("api/finish", {"token": token})]:
        attempts += post(url + path, body)
        requests += 1
    return scores, attempts - requests


def check(server: Served, heard: dict[str, dict[tuple[str, str], float]]) -> None:
    """Check that the file holds exactly the answers of all listeners."""
    rows = rows_of(server.folder)
    counts = Counter((row["token"], row["page"], row["stimulus"]) for row in rows)
    assert set(counts.values()) == {1} and len(rows) == LISTENERS * sum(len(page.stimuli) for page in TEST.pages)
    for token, scores in heard.items():
        assert {(row["page"], row["stimulus"]): row["score"] for row in rows if row["token"] == token} == scores
    listeners = rows_of(server.folder, "SELECT * FROM listeners")
    assert len(listeners) == LISTENERS and all(one["finished"] and one["name"] == one["token"][:5] for one in listeners)


def test_of_fifty_listeners_at_once_no_answer_is_lost_or_doubled(tmp_path: Path) -> None:
    with served(write_test(tmp_path / "test", TEST), "--listeners", LISTENERS) as server:
        with ThreadPoolExecutor(LISTENERS) as pool:
            results = list(pool.map(lambda token: listen(server.url, token, TEST), server.tokens))
        assert all(repeated == 0 for _, repeated in results), "a request failed"
        check(server, dict(zip(server.tokens, (scores for scores, _ in results), strict=True)))


def test_a_server_killed_in_the_middle_keeps_every_acknowledged_answer(tmp_path: Path) -> None:
    server = start_server(write_test(tmp_path / "test", TEST), 0, "--listeners", LISTENERS)
    try:
        with ThreadPoolExecutor(LISTENERS) as pool:
            pending = [pool.submit(listen, server.url, token, TEST) for token in server.tokens]
            for kill in (1, 2):
                while len(rows_of(server.folder)) < kill * LISTENERS * 5 and not all(one.done() for one in pending):
                    time.sleep(0.01)
                server.kill()
                stored = rows_of(server.folder)
                # Whole pages only.
                assert set(Counter((row["token"], row["page"]) for row in stored).values()) == {3}
                server = start_server(server.folder, server.port, "--listeners", LISTENERS)
            results = [one.result() for one in pending]
        assert sum(repeated for _, repeated in results) > 0, "the server was killed too late"
        check(server, dict(zip(server.tokens, (scores for scores, _ in results), strict=True)))
    finally:
        server.kill()
