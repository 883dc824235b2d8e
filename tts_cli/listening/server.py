"""Web server of a listening test: the page, its sounds, and the answers of listeners.

`create_app` makes the application; another application can mount it at any path. `open_server` runs it alone. Requests reach the
files of the page, `page.json` and the stimuli of the test, and nothing else.
"""

from __future__ import annotations

import os
import re
import socket
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import uvicorn
from pydantic import Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tts_cli.config import StrictModel
from tts_cli.errors import InputError, RefusedError, TtsError
from tts_cli.listening.design import PAGE_FILE, RESULTS_FILE, STIMULI_FOLDER, read_test
from tts_cli.listening.store import LONGEST_NAME, AnswerStore, GivenAnswer

PAGE_FOLDER = Path(__file__).parent / "page"
"""Files of the page; `tts listening-test build` copies them into the folder of a test."""
INDEX = "index.html"
MOST_BYTES = 1_000_000
"""Size of the largest request, in bytes."""
DRAINED_BYTES = 16 * MOST_BYTES
"""A larger request is read to this size before it is refused, so that the sender reads the refusal."""
GRACE_S = 2
"""Longest wait for open requests at the end, in seconds."""
WAVEFORM_STYLE = "sha256-XGW/cX2BkTPWNNT3NdyASrPEWZfPnKdPJaJ2aN7R+v8="
"""Hash of the style sheet that wavesurfer.js puts into the page."""
HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; script-src 'self'; style-src 'self' '{WAVEFORM_STYLE}'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
MEDIA_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".json": "application/json",
}
SOUND = re.compile(r"([0-9a-f]{16})\.wav")
REFUSAL = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>No access</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>No access</h1><p>This is no valid link to a listening test. Please ask for a new one.</p></main></body></html>"""

Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Body = TypeVar("Body", bound="TokenBody")


class TokenBody(StrictModel):
    """Body of a request in the name of a listener."""

    token: Token


class ConsentBody(TokenBody):
    """Body of `POST api/consent`."""

    name: str = Field(default="", max_length=LONGEST_NAME)


class AnswersBody(TokenBody):
    """Body of `POST api/answers`: the answers of one page."""

    answers: tuple[GivenAnswer, ...] = Field(min_length=1, max_length=100)


class SecurityHeaders:
    """Middleware that adds `HEADERS` to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in {"cache-control": "no-cache", **HEADERS}.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


@dataclass(frozen=True)
class _Desk:
    """Endpoints of one test."""

    folder: Path
    sounds: frozenset[str]
    store: AnswerStore
    is_open: bool

    async def index(self, request: Request) -> Response:
        token = request.query_params.get("token")
        if not (await self._knows(token) if token else self.is_open):
            return HTMLResponse(REFUSAL, 403)
        return self._file(INDEX)

    async def page_file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name != PAGE_FILE and name not in page_files():
            raise HTTPException(404)
        return self._file(name)

    async def sound(self, request: Request) -> Response:
        found = SOUND.fullmatch(request.path_params["name"])
        if not found or found[1] not in self.sounds:
            raise HTTPException(404)
        return self._file(f"{STIMULI_FOLDER}/{found[0]}", "audio/wav")

    async def session(self, request: Request) -> Response:
        token = request.query_params.get("token")
        if token is None and self.is_open:
            return JSONResponse({"format": 1, "open": True})
        await self._check_token(token)
        return await self._session(str(token))

    async def join(self, request: Request) -> Response:
        await _body(request, StrictModel)
        if not self.is_open:
            raise HTTPException(403, "this test is for invited listeners")
        return await self._session(await run_in_threadpool(self.store.join))

    async def consent(self, request: Request) -> Response:
        body = await self._listener_body(request, ConsentBody)
        await run_in_threadpool(self.store.consent, body.token, body.name, request.headers.get("user-agent", ""))
        return await self._session(body.token)

    async def answers(self, request: Request) -> Response:
        body = await self._listener_body(request, AnswersBody)
        await run_in_threadpool(self.store.record, body.token, body.answers)
        return JSONResponse({"stored": len(body.answers)})

    async def finish(self, request: Request) -> Response:
        body = await self._listener_body(request, TokenBody)
        await run_in_threadpool(self.store.finish, body.token)
        return await self._session(body.token)

    async def _session(self, token: str) -> Response:
        return JSONResponse(await run_in_threadpool(self.store.session, token), headers={"cache-control": "no-store"})

    async def _listener_body(self, request: Request, model: type[Body]) -> Body:
        body = await _body(request, model)
        await self._check_token(body.token)
        return body

    async def _check_token(self, token: str | None) -> None:
        if token is None or not await self._knows(token):
            raise HTTPException(403, "unknown token")

    async def _knows(self, token: str) -> bool:
        # SQLite cannot take lone surrogates.
        return token.isascii() and await run_in_threadpool(self.store.knows, token)

    def _file(self, name: str, media_type: str | None = None) -> FileResponse:
        """Return a file of the folder. A link that leads out of its place counts as missing."""
        path = self.folder / name
        if not _is_inside(self.folder, name):
            raise HTTPException(404)
        return FileResponse(path, media_type=media_type or MEDIA_TYPES.get(path.suffix))


def _is_inside(folder: Path, name: str) -> bool:
    """Return True if `name` is a file in `folder`, an absolute path without links, and no link that leads elsewhere."""
    path = folder / name
    return path.is_file() and path.resolve() == path


Model = TypeVar("Model", bound=StrictModel)


async def _body(request: Request, model: type[Model]) -> Model:
    """Return the body of a request, validated."""
    kept, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > DRAINED_BYTES:
            break
        if size <= MOST_BYTES:
            kept += chunk
    if size > MOST_BYTES:
        raise HTTPException(413, f"a request has at most {MOST_BYTES} bytes")
    try:
        return model.model_validate_json(bytes(kept) or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise HTTPException(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:300]) from error


def create_app(folder: Path, is_open: bool = False) -> Starlette:
    """Return the application that serves the listening test in `folder`.

    Args:
        folder: Folder that `tts listening-test build` made.
        is_open: Let listeners join without an invitation.

    Raises:
        InputError: The folder is missing or holds no complete test.
        OutputError: The folder is not writable.
    """
    return _application(_open_desk(folder, is_open))


def _open_desk(folder: Path, is_open: bool) -> _Desk:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder", hint="tts listening-test build CONFIG.yaml makes the folder of a test")
    test = read_test(folder)
    pages = test.pages
    sounds = frozenset(one.id for page in pages for one in page.stimuli) | {one.id for page in pages for one in page.references}
    names = [*page_files(), PAGE_FILE, *(f"{STIMULI_FOLDER}/{sound}.wav" for sound in sorted(sounds))]
    missing = [name for name in names if not _is_inside(folder.resolve(), name)]
    if missing:
        more = f" and {len(missing) - 1} more files" if len(missing) > 1 else ""
        hint = "build the test again: tts listening-test build CONFIG.yaml"
        raise InputError(f"{folder}: no test to serve: {missing[0]}{more} missing, or a link", hint=hint)
    return _Desk(folder.resolve(), sounds, AnswerStore(folder / RESULTS_FILE, test), is_open)


def _application(desk: _Desk) -> Starlette:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        desk.store.close()

    routes = [
        Route("/", desk.index),
        Route(f"/{INDEX}", desk.index),
        Route(f"/{STIMULI_FOLDER}/{{name}}", desk.sound),
        Route("/api/session", desk.session),
        *(Route(f"/api/{one.__name__}", one, methods=["POST"]) for one in (desk.join, desk.consent, desk.answers, desk.finish)),
        Route("/{name}", desk.page_file),
    ]
    handlers: dict[Any, Callable[[Request, Any], Response | Awaitable[Response]]] = {
        HTTPException: _refuse,
        TtsError: _explain,
        sqlite3.Error: _delay,
    }
    app = Starlette(routes=routes, middleware=[Middleware(SecurityHeaders)], exception_handlers=handlers, lifespan=lifespan)
    app.router.redirect_slashes = False
    return app


def page_files() -> frozenset[str]:
    """Return the names of the files of the page."""
    return frozenset(path.name for path in PAGE_FOLDER.iterdir() if path.suffix in MEDIA_TYPES)


def _refuse(_: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _explain(_: Request, error: TtsError) -> Response:
    status = 409 if isinstance(error, RefusedError) else 422 if isinstance(error, InputError) else 503
    return JSONResponse({"error": error.message, "hint": error.hint}, status)


def _delay(_: Request, error: sqlite3.Error) -> Response:
    # The page keeps the answers and tries again.
    return JSONResponse({"error": f"the answers cannot be stored now: {error}"}, 503)


@dataclass(frozen=True)
class ListenerLink:
    """Link of an invited listener."""

    number: int
    url: str
    state: str
    """Progress of the listener, in words."""


@dataclass(frozen=True)
class ListeningServer:
    """Server of a listening test, ready to run; its port is taken."""

    url: str
    links: tuple[ListenerLink, ...]
    _app: Starlette
    _listening: socket.socket

    def run(self) -> None:
        """Answer requests until SIGINT or SIGTERM, which is raised again at the end."""
        config = uvicorn.Config(
            self._app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_S
        )
        with self._listening:
            uvicorn.Server(config).run(sockets=[self._listening])


def open_server(
    folder: Path, host: str = "127.0.0.1", port: int = 0, listeners: int = 1, is_open: bool = False
) -> ListeningServer:
    """Take the port and make the links of the listeners.

    Args:
        folder: Folder that `tts listening-test build` made.
        host: Name or address of the network interface.
        port: Number of the port; 0: a free one.
        listeners: Number of links; those that exist are kept.
        is_open: Let listeners join without an invitation.

    Raises:
        InputError: The folder holds no complete test, the host is unknown, or the port is taken.
        OutputError: The folder is not writable.
    """
    desk = _open_desk(folder, is_open)
    listening = _listen(host, port)
    shown = socket.gethostname() if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host  # noqa: S104 - compared
    url = f"http://{shown}:{listening.getsockname()[1]}/"
    tokens = desk.store.invite(listeners)
    return ListeningServer(url, _links(url, tokens, desk.store), _application(desk), listening)


def _links(url: str, tokens: Sequence[str], store: AnswerStore) -> tuple[ListenerLink, ...]:
    progress = store.progress()

    def state(token: str) -> str:
        pages, is_finished = progress.get(token, (0, False))
        return "finished" if is_finished else f"{pages} pages answered" if token in progress else "not begun"

    return tuple(ListenerLink(number, f"{url}?token={token}", state(token)) for number, token in enumerate(tokens, start=1))


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise InputError(f"--host {host}: unknown host", hint="name an address of this machine, such as 127.0.0.1") from error
    try:
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        hint = "choose another port with --port, or --port 0 for a free one"
        raise InputError(f"port {port} of {host} cannot be used ({os.strerror(error.errno or 0)})", hint=hint) from error
