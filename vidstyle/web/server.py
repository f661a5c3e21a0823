"""The server of the page: jobs' files by their names, and refusals of what no page asks for."""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import gradio as gr
import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, PlainTextResponse, Response
from gradio import processing_utils
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from vidstyle.cli.messages import some
from vidstyle.errors import JobError
from vidstyle.web.job_folder import BEFORE, FIRST_LOOK, LATEST
from vidstyle.web.job_store import UPLOADS, JobStore
from vidstyle.web.page import Page
from vidstyle.web.previews import Previews

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
TENDED_EACH, CLEANED_EACH, PAUSE = 0.5, 3600.0, 30.0  # seconds; the last after an error
STATIC = Path(__file__).with_name("static")
_UNUSED = re.compile(r"/+gradio_api/+(run-history|runs|vibe|undo-vibe)")  # they would speak to other hosts
# What a job's name is known by must not leak to other sites, nor what it painted be taken for a page with rights.
_HEADERS = {"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}

log = logging.getLogger(__name__)


class Guard:
    """Refuses requests before a page or a file sees them: for other hosts (DNS rebinding), from other sites, and such
    as are too large.

    Args:
        app: What answers all others.
        hosts: The names that the server goes by, without a port.
        max_bytes: The most that a request may have.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str], max_bytes: int) -> None:
        self._app, self._hosts, self._max_bytes = app, {host.lower() for host in hosts}, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # the page has none
            await WebSocketClose(1008)(scope, receive, send)
        elif scope["type"] == "http" and (refusal := self._refusal(scope)):
            await refusal(scope, receive, send)
        else:
            await self._app(scope, self._counted(receive), send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host, origin, length = headers.get("host", ""), headers.get("origin"), headers.get("content-length", "0")
        if _UNUSED.match(scope["path"]):
            return _refused(404, "there is no such page")
        if _name(host) not in self._hosts:
            return _refused(400, "this server does not use that name; use the address that it printed")
        foreign = origin is not None and origin.partition("://")[2].lower() != host.lower()
        if foreign and scope["method"] not in ("GET", "HEAD"):
            return _refused(403, "requests from other sites are refused")
        if not length.isdecimal() or int(length) > self._max_bytes:
            return _refused(413, self._too_large)
        return None

    @property
    def _too_large(self) -> str:
        return f"uploads may have at most {self._max_bytes:,} bytes; use a smaller file, or a larger --max-upload"

    def _counted(self, receive: Receive) -> Receive:
        """What comes in, which need not be as much as it says."""
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max_bytes:
                raise HTTPException(413, self._too_large, {"Connection": "close"})
            return message

        return counted


def _name(host: str) -> str:
    """A host without its port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() else host).lower()


def _refused(code: int, reason: str) -> Response:
    return PlainTextResponse(f"{reason}\n", code, {"Connection": "close"})


def application(
    store: JobStore,
    shelf: Sequence[Path],
    *,
    hosts: Sequence[str] = LOOPBACK_HOSTS,
    max_bytes: int = 2 * 10**9,
    auth: tuple[str, str] | None = None,
) -> ASGIApp:
    """The page and the files of its jobs, guarded.

    Args:
        store: The jobs; they are tended as long as the application runs.
        shelf: Images to choose styles from.
        hosts: The names that the server goes by, without a port.
        max_bytes: The most that an upload may have.
        auth: The user and the password that the page asks for; None for no question.
    """
    previews = Previews(store.folder / UPLOADS / "previews", store.device)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lambda _: _tending(store, previews))

    @app.get("/jobs/{name}/{file}")
    def job_file(name: str, file: str) -> Response:
        return _job_file(store, name, file)

    _fetch_nothing()
    blocks = Page(store, previews, shelf).blocks.queue(max_size=64)
    blocks.run_history = False
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        auth=auth,
        max_file_size=max_bytes,
        footer_links=[],
        css_paths=STATIC / "page.css",
        js=(STATIC / "page.js").read_text(),
        theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
        show_error=False,
    )
    return Guard(app, hosts, max_bytes)


def _job_file(store: JobStore, name: str, file: str) -> Response:
    try:
        files = store.view(name).files
    except JobError as error:
        raise HTTPException(404, str(error)) from None
    if file not in files:
        raise HTTPException(404, "this job has no such file")
    path = store.place(name) / file
    if file in (LATEST, FIRST_LOOK, BEFORE):  # which may be replaced while they are sent
        return Response(path.read_bytes(), media_type="image/jpeg", headers=_HEADERS)
    return FileResponse(path, headers=_HEADERS)


def _fetch_nothing() -> None:
    """Gradio would download what a request names by an address instead of a file that was sent."""

    async def refused(url: str, cache_dir: str) -> str:
        raise ValueError(f"the page fetches nothing from other servers, such as {url!r}")

    processing_utils.async_ssrf_protected_download = refused


@contextlib.asynccontextmanager
async def _tending(store: JobStore, previews: Previews) -> AsyncIterator[None]:
    """Starts what waits and removes what is old, in a thread, for as long as the server runs."""
    ending = threading.Event()
    thread = threading.Thread(target=_tend, args=(store, ending), name="vidstyle-store", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
        previews.close()
        store.close()
        if left := len(store.queue()):
            log.info("%s not done yet; the next server resumes the work", some(left, "job"))


def _tend(store: JobStore, ending: threading.Event) -> None:
    cleaned = -CLEANED_EACH
    while not ending.wait(TENDED_EACH):
        try:
            if time.monotonic() - cleaned > CLEANED_EACH:
                cleaned = time.monotonic()
                store.clean()
            store.tend()
        except Exception:  # a full disk, say, must not end the painting of all that comes after
            log.exception("the jobs cannot be tended; trying again in %g s", PAUSE)
            ending.wait(PAUSE)


def serve_on(app: ASGIApp, listening: socket.socket) -> None:
    """Serves `app` on a bound socket until it is stopped."""
    # Its messages go where all of third parties go: to the log file, where one is wanted.
    config = uvicorn.Config(app, log_config=None, log_level="warning", timeout_graceful_shutdown=2)
    uvicorn.Server(config).run([listening])
