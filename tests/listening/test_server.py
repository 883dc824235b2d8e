"""Web server of a listening test: files, tokens, answers, and hostile requests."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from small_listening import (
    KINDS,
    Served,
    answers_to,
    request,
    rows_of,
    served,
    small_test,
    start_server,
    write_test,
)
from starlette.applications import Starlette
from starlette.routing import Mount

from tts_cli.cli.main import main
from tts_cli.errors import InputError
from tts_cli.listening.design import Kind, ListeningTest
from tts_cli.listening.server import create_app, open_server, page_files
from tts_cli.listening.store import AnswerStore, GivenAnswer, cleaned

MUSHRA = small_test("mushra")
SECRET = b"nobody may read this"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Return a server of a small MUSHRA test, beside a file that no request may reach."""
    around = tmp_path_factory.mktemp("served")
    (around / "secret.wav").write_bytes(SECRET)
    folder = write_test(around / "test", MUSHRA)
    (folder / "webmushra").mkdir()
    (folder / "webmushra" / "config.yaml").write_bytes(SECRET)
    (folder / "notes.txt").write_bytes(SECRET)
    # A link in the place of a sound, once the server has begun.
    with served(folder, "--listeners", 60) as running:
        sound = folder / "stimuli" / f"{MUSHRA.pages[0].stimuli[0].id}.wav"
        sound.unlink()
        sound.symlink_to(around / "secret.wav")
        yield running


@pytest.fixture
def token(server: Served) -> str:
    """Return the token of a listener who has agreed."""
    token = server.tokens.pop()
    assert request(f"{server.url}api/consent", {"token": token, "name": "Ann"})[0] == 200
    return token


def raw(port: int, target: str, method: str = "GET") -> tuple[int, bytes]:
    """Send a request with `target` as it stands, which HTTP clients would normalise."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
        line = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(line.encode("utf-8"))
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        return response.status, response.read()


@pytest.mark.parametrize(
    "target",
    [
        "/test.json",
        "/results.sqlite",
        "/results.sqlite-wal",
        "/notes.txt",
        "/webmushra/config.yaml",
        "/stimuli/",
        "/stimuli/../test.json",
        "/stimuli/../../secret.wav",
        "/stimuli/%2e%2e/test.json",
        "/stimuli/%2e%2e%2ftest.json",
        "/stimuli/..%5ctest.json",
        "/%2e%2e/secret.wav",
        "/..%2fsecret.wav",
        "//secret.wav",
        "/%2ftest.json",
        "/page.json%00.wav",
        "/stimuli/%00",
        "/stimuli/0123456789abcdef.wav",
        "/stimuli/{first}.wav/../../test.json",
        "/stimuli/{first}.wav%00",
        "/stimuli/{first}.wav%0a",
        "/stimuli/{first}.wav",
        "/stimuli//etc/passwd",
        "/%2fetc%2fpasswd",
        "/wavesurfer.esm.js/../test.json",
        "/server.py",
        "http://localhost/test.json",
        "/.",
        "/..",
        "/%ff%fe",
    ],
)
def test_no_request_reaches_a_file_that_is_not_of_the_page(server: Served, target: str) -> None:
    for method in ("GET", "HEAD", "POST"):
        status, body = raw(server.port, target.format(first=MUSHRA.pages[0].stimuli[0].id), method)
        assert status in (400, 403, 404, 405), f"{method} {target}"
        assert SECRET not in body and b"conditions" not in body and b"SQLite" not in body


def test_the_page_comes_with_headers_that_allow_nothing_from_elsewhere(server: Served) -> None:
    status, body, headers = request(server.links[0])
    assert status == 200 and b"<main" in body
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    for name in page_files() - {"index.html"}:
        status, body, headers = request(server.url + name)
        assert status == 200 and body == (server.folder / name).read_bytes() and "content-security-policy" in headers
    assert not re.search(rb"(src|href)=\"?(https?:)?//", request(server.links[0])[1])


def test_the_page_never_names_conditions(server: Served) -> None:
    status, body, _ = request(server.url + "page.json")
    assert status == 200 and not any(one.name.encode() in body for one in MUSHRA.conditions if one.name != "new")
    assert b"expected" not in body and b'item"' not in body


def test_a_sound_is_served_in_ranges(server: Served) -> None:
    name = f"stimuli/{MUSHRA.pages[1].stimuli[0].id}.wav"
    whole = (server.folder / name).read_bytes()
    status, body, headers = request(server.url + name)
    assert (status, body, headers["content-type"]) == (200, whole, "audio/wav")
    status, body, headers = request(server.url + name, headers={"range": "bytes=10-19"})
    assert (status, body) == (206, whole[10:20]) and headers["content-range"] == f"bytes 10-19/{len(whole)}"
    assert request(server.url + name, headers={"range": "bytes=-5"})[1] == whole[-5:]
    assert request(server.url + name, headers={"range": f"bytes={len(whole)}-"})[0] == 416


@pytest.mark.parametrize("path", ["?token=unknown-unknown", "", "index.html", "?token=%00", "?token=%ff", "?token=" + "x" * 5000])
def test_without_a_known_token_there_is_a_plain_refusal(server: Served, path: str) -> None:
    status, body, headers = request(server.url + path)
    assert status == 403 and b"<script" not in body and b"valid link" in body
    assert headers["content-type"].startswith("text/html") and "content-security-policy" in headers


@pytest.mark.parametrize("path", ["api/consent", "api/answers", "api/finish", "api/session", "api/join"])
def test_an_unknown_token_can_store_nothing(server: Served, path: str) -> None:
    bodies: dict[str, Any] = {"api/answers": {"answers": answers_to(MUSHRA, MUSHRA.pages[0])}, "api/join": {}}
    sent = {"token": "unknown-unknown", **bodies.get(path, {})} if path != "api/join" else {}
    url = f"{server.url}{path}" + ("?token=unknown-unknown" if path == "api/session" else "")
    status, body, _ = request(url, None if path == "api/session" else sent)
    assert status == 403 and "error" in json.loads(body)
    assert rows_of(server.folder, "SELECT * FROM listeners WHERE token LIKE 'unknown%'") == []


def test_answers_come_back_and_a_later_one_replaces_the_earlier(server: Served, token: str) -> None:
    page = MUSHRA.pages[1]
    for score in (20, 70):
        body = {"token": token, "answers": answers_to(MUSHRA, page, score)}
        assert request(f"{server.url}api/answers", body)[0] == 200
    session = json.loads(request(f"{server.url}api/session?token={token}")[1])
    assert (session["name"], session["consented"], session["finished"]) == ("Ann", True, False)
    assert {(row["page"], row["stimulus"], row["score"]) for row in session["answers"]} == {
        (page.id, one.id, 70.0) for one in page.stimuli
    }
    assert len(session["answers"]) == len(page.stimuli) and "token" not in session["answers"][0]


def test_the_end_needs_every_page_and_closes_the_answers(server: Served, token: str) -> None:
    status, body, _ = request(f"{server.url}api/finish", {"token": token})
    assert status == 422 and "no answer" in json.loads(body)["error"]
    for page in MUSHRA.pages:
        assert request(f"{server.url}api/answers", {"token": token, "answers": answers_to(MUSHRA, page)})[0] == 200
    for _ in range(2):
        assert json.loads(request(f"{server.url}api/finish", {"token": token})[1])["finished"]
    late = {"token": token, "answers": answers_to(MUSHRA, MUSHRA.pages[0], 1)}
    assert request(f"{server.url}api/answers", late)[0] == 409
    assert {row["score"] for row in rows_of(server.folder, "SELECT * FROM answers WHERE token = ?", token)} == {50}


def test_nothing_is_stored_before_consent(server: Served) -> None:
    token = server.tokens[0]
    body = {"token": token, "answers": answers_to(MUSHRA, MUSHRA.pages[0])}
    status, answer, _ = request(f"{server.url}api/answers", body)
    assert status == 422 and "not begun" in json.loads(answer)["error"]
    assert rows_of(server.folder, "SELECT * FROM answers WHERE token = ?", token) == []


def _changed(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda body: body["answers"][0].update({key: value})


@pytest.mark.parametrize(
    "change",
    [
        _changed("score", 100.5),
        _changed("score", -1),
        _changed("score", None),
        _changed("score", "many"),
        _changed("score", float("nan")),
        _changed("score", float("inf")),
        _changed("score", 1e400),
        _changed("chosen", 1),
        _changed("seconds", -1),
        _changed("plays", 2**70),
        _changed("position", 10**6),
        _changed("page", "item-2"),
        _changed("page", "no-page"),
        _changed("stimulus", MUSHRA.pages[2].stimuli[0].id),
        _changed("stimulus", "x" * 10_000),
        _changed("answered", "2000-01-01"),
        lambda body: body["answers"].pop(),
        lambda body: body["answers"].append(body["answers"][0]),
        lambda body: body.update(answers=[]),
        lambda body: body.update(answers="all"),
        lambda body: body.update(name="x"),
        lambda body: body.pop("token"),
        lambda body: body.update(token=["x"]),
    ],
)
def test_answers_that_do_not_fit_are_refused_whole(
    server: Served, token: str, change: Callable[[dict[str, Any]], object]
) -> None:
    body = {"token": token, "answers": answers_to(MUSHRA, MUSHRA.pages[1])}
    change(body)
    status, answer, _ = request(f"{server.url}api/answers", body)
    assert status == 422 and len(json.loads(answer)["error"]) < 400
    assert rows_of(server.folder, "SELECT * FROM answers WHERE token = ?", token) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'{"token": "' + b"x" * 100 + b'"}', b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_request_is_refused(server: Served, body: bytes) -> None:
    assert request(f"{server.url}api/answers", body)[0] == 422


@pytest.mark.parametrize("size", [1_000_001, 5_000_000])
def test_a_large_body_is_refused(server: Served, token: str, size: int) -> None:
    status, _, _ = request(f"{server.url}api/consent", {"token": token, "name": "x" * size})
    assert status == 413


def test_a_large_body_without_length_is_refused(server: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("POST", "/api/consent", iter([b"x" * 100_000] * 20), {"transfer-encoding": "chunked"}, encode_chunked=True)
    assert connection.getresponse().status == 413


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("Robert'); DROP TABLE answers;--", "Robert'); DROP TABLE answers;--"),
        ("a\x00b\nc\u2028d", "a b c d"),
        ("\u202eevil", "\u202eevil"),
        ("", ""),
        ("x" * 201, None),
        ("\ud800", None),
        ({"a": 1}, None),
    ],
)
def test_a_hostile_name_is_kept_as_text_or_refused(server: Served, name: Any, kept: str | None) -> None:
    token = server.tokens.pop()
    status, body, headers = request(f"{server.url}api/consent", {"token": token, "name": name})
    if kept is None:
        assert status == 422 and rows_of(server.folder, "SELECT * FROM listeners WHERE token = ?", token) == []
    else:
        assert status == 200 and json.loads(body)["name"] == kept and headers["content-type"] == "application/json"


def test_links_stay_the_same_and_answers_survive_a_restart(tmp_path: Path) -> None:
    folder = write_test(tmp_path / "test", MUSHRA)
    with served(folder, "--listeners", 2) as first:
        token = first.tokens[0]
        request(f"{first.url}api/consent", {"token": token})
        request(f"{first.url}api/answers", {"token": token, "answers": answers_to(MUSHRA, MUSHRA.pages[0], 33)})
    with served(folder, "--listeners", 3) as second:
        assert second.tokens[:2] == first.tokens and len(set(second.tokens)) == 3
        assert all(re.fullmatch(r"[\w-]{20,}", token) for token in second.tokens)
        session = json.loads(request(f"{second.url}api/session?token={token}")[1])
        assert {row["score"] for row in session["answers"]} == {33}


def test_an_open_test_lets_anyone_join(tmp_path: Path) -> None:
    with served(write_test(tmp_path / "test", MUSHRA), "--listeners", 1, "--open") as server:
        assert request(server.url)[0] == 200 and request(server.url + "?token=unknown-unknown")[0] == 403
        assert json.loads(request(server.url + "api/session")[1]) == {"format": 1, "open": True}
        tokens = {json.loads(request(server.url + "api/join", {})[1])["token"] for _ in range(3)}
        assert len(tokens) == 3 and not tokens & set(server.tokens)
        assert request(f"{server.url}api/consent", {"token": tokens.pop()})[0] == 200
        assert len(rows_of(server.folder, "SELECT * FROM listeners")) == 1


def test_ctrl_c_ends_the_server_with_its_code(tmp_path: Path) -> None:
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        server = start_server(write_test(tmp_path / str(code), MUSHRA))
        begin = time.monotonic()
        server.process.send_signal(number)
        _, err = server.process.communicate(timeout=10)
        assert server.process.returncode == code and time.monotonic() - begin < 5
        assert "Traceback" not in err and err.strip() in ("interrupted", "")


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run `tts listening-test serve`, which must fail with one line and a hint, and return them."""
    assert main(["listening-test", "serve", *map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 2 and "hint: " in error, error
    return error


def test_a_taken_port_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_test(tmp_path / "test", MUSHRA)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"port {port} of 127.0.0.1" in (error := refused(capsys, folder, "--port", port)) and "--port" in error
    assert "unknown host" in refused(capsys, folder, "--host", "no.such.host.invalid")


def test_a_broken_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such folder" in refused(capsys, tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "test.json: no such file" in refused(capsys, tmp_path / "empty")
    folder = write_test(tmp_path / "test", MUSHRA)
    sound = folder / "stimuli" / f"{MUSHRA.pages[0].stimuli[0].id}.wav"
    sound.rename(tmp_path / "elsewhere.wav")
    assert f"{sound.name} missing" in refused(capsys, folder)
    sound.symlink_to(tmp_path / "elsewhere.wav")
    assert f"{sound.name} missing, or a link" in refused(capsys, folder)
    sound.unlink()
    (tmp_path / "elsewhere.wav").rename(sound)
    (folder / "results.sqlite").write_bytes(b"no database" * 100)
    assert "results.sqlite: is no file of answers" in refused(capsys, folder)
    (folder / "test.json").write_text("{", encoding="utf-8")
    assert "not JSON" in refused(capsys, folder)


def test_a_file_of_answers_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_test(tmp_path / "test", MUSHRA)
    (folder / "results.sqlite").mkdir()
    assert "results.sqlite: cannot be written" in refused(capsys, folder)


def test_another_application_can_mount_it(tmp_path: Path) -> None:
    import threading

    import uvicorn

    app = Starlette(routes=[Mount("/listen", create_app(write_test(tmp_path / "test", MUSHRA), is_open=True))])
    running = uvicorn.Server(uvicorn.Config(app, log_level="error", port=0))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/listen/"
        try:
            assert b"<main" in request(url)[1] and request(url + "page.json")[0] == 200
            token = json.loads(request(url + "api/join", {})[1])["token"]
            assert request(f"{url}api/consent", {"token": token})[0] == 200
            assert request(url + "test.json")[0] == 404
        finally:
            running.should_exit = True
            thread.join()


def store_of(kind: Kind, folder: Path) -> tuple[ListeningTest, AnswerStore]:
    test = small_test(kind)
    store = AnswerStore(folder / "results.sqlite", test)
    store.consent("listener", "", "")
    return test, store


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_takes_its_own_answers_only(kind: Kind, tmp_path: Path) -> None:
    test, store = store_of(kind, tmp_path)
    page = test.pages[1]
    for other in KINDS:
        rows = [
            {**row, "stimulus": one.id} for row, one in zip(answers_to(small_test(other), page, 3.5), page.stimuli, strict=True)
        ]
        answers = [GivenAnswer(**row) for row in rows]
        if {kind, other} <= {"mushra", "mos"} or {kind, other} <= {"ab", "abx"}:
            store.record("listener", answers)
        else:
            with pytest.raises(InputError, match=r"wrong (score|choice)"):
                store.record("listener", answers)


@pytest.mark.parametrize(
    ("kind", "score", "fits"), [("mos", 4.5, True), ("mos", 4.25, False), ("mos", 0.5, False), ("mos", 5.5, False)]
)
def test_grades_are_whole_or_half(kind: Kind, score: float, fits: bool, tmp_path: Path) -> None:
    test, store = store_of(kind, tmp_path)
    answers = [GivenAnswer(**row) for row in answers_to(test, test.pages[1], score)]
    if fits:
        return store.record("listener", answers)
    with pytest.raises(InputError, match="wrong score"):
        store.record("listener", answers)
    return None


@pytest.mark.parametrize(("kind", "chosen", "fits"), [("ab", (0, 0), True), ("ab", (1, 1), False), ("abx", (0, 0), False)])
def test_only_a_preference_may_be_left_open(kind: Kind, chosen: tuple[int, int], fits: bool, tmp_path: Path) -> None:
    test, store = store_of(kind, tmp_path)
    rows = answers_to(test, test.pages[1])
    answers = [GivenAnswer(**{**row, "chosen": one}) for row, one in zip(rows, chosen, strict=True)]
    if fits:
        return store.record("listener", answers)
    with pytest.raises(InputError, match="wrong choice"):
        store.record("listener", answers)
    return None


def test_answers_are_on_the_disk_once_they_are_acknowledged(tmp_path: Path) -> None:
    test, store = store_of("mushra", tmp_path)
    with store._connection() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    store.record("listener", [GivenAnswer(**row) for row in answers_to(test, test.pages[0])])
    with pytest.raises(InputError, match="not begun"):
        store.record("stranger", [GivenAnswer(**row) for row in answers_to(test, test.pages[0])])
    assert {row["token"] for row in rows_of(tmp_path)} == {"listener"}


def test_a_page_that_fails_in_the_middle_stores_nothing(tmp_path: Path) -> None:
    test, store = store_of("mushra", tmp_path)
    with store._connection() as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON answers WHEN (SELECT COUNT(*) FROM answers) = 2 "
            "BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
        )
    with pytest.raises(sqlite3.Error, match="disk is full"):
        store.record("listener", [GivenAnswer(**row) for row in answers_to(test, test.pages[0])])
    assert rows_of(tmp_path) == []


def test_links_tell_the_progress_of_the_listeners(tmp_path: Path) -> None:
    folder = write_test(tmp_path / "test", MUSHRA)
    tokens = open_server(folder, listeners=3).links
    store = AnswerStore(folder / "results.sqlite", MUSHRA)
    names = [link.url.partition("=")[2] for link in tokens]
    for name, pages in zip(names[:2], (MUSHRA.pages, MUSHRA.pages[:2]), strict=True):
        store.consent(name, "", "")
        for page in pages:
            store.record(name, [GivenAnswer(**row) for row in answers_to(MUSHRA, page)])
    store.finish(names[0])
    links = open_server(folder, listeners=1).links
    assert [link.state for link in links] == ["finished", "2 pages answered", "not begun"]


def test_a_name_is_one_line_of_characters_that_are_printed() -> None:
    assert cleaned(" a\tb\r\n\x00c\ud800\x1b[31m ") == "a b c [31m"
