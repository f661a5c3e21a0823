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
from fastapi.responses import FileResponse, Response
from gradio import processing_utils
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vidstyle.errors import JobError
from vidstyle.web.job_store import AFTER, BEFORE, LATEST, MAKING, REPORT, JobStore, Ticket
from vidstyle.web.page import CSS, page

_UNUSED = re.compile(r"/+gradio_api/+(run-history|runs|vibe|undo-vibe)")  # they would speak to other hosts
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
TENDED_EACH, CLEANED_EACH, PAUSE = 0.5, 3600.0, 30.0  # seconds; the last after an error

log = logging.getLogger(__name__)


class Guard:
    """Refuses requests for other hosts (DNS rebinding), from other sites, and that are too large, before a page or a
    file sees them. `hosts` are the names that the server goes by, with or without a port."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str], max_bytes: int) -> None:
        self._app, self._hosts, self._max_bytes = app, {host.lower() for host in hosts}, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if _UNUSED.match(scope["path"]):
            await _refused(404, "there is no such page", scope, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if (refusal := self._refusal(scope, headers)) is not None:
            await _refused(*refusal, scope, send)
            return
        seen = 0

        async def counted() -> Message:
            """What comes in; as if it broke off there, where it is too much."""
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            return {"type": "http.disconnect"} if seen > self._max_bytes else message

        began = False

        async def sent(message: Message) -> None:
            """What goes out, as long as not too much came in."""
            nonlocal began
            if seen <= self._max_bytes:
                began = True
                await send(message)

        try:
            await self._app(scope, counted, sent)
        except Exception:
            if seen <= self._max_bytes:
                raise
        if seen > self._max_bytes and not began:
            await _refused(413, self._too_large(), scope, send)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if _name(host) not in self._hosts:
            return 400, "this server does not go by that name; use the address that it printed"
        origin = headers.get("origin")
        foreign = origin is not None and origin.partition("://")[2].lower() != host.lower()
        if foreign and (scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")):
            return 403, "requests from other sites are refused"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._max_bytes:
            return 413, self._too_large()
        return None

    def _too_large(self) -> str:
        return f"uploads may have {self._max_bytes:,} bytes; give a smaller file, or start with a larger --max-upload"


def _name(host: str) -> str:
    """A host without its port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() else host).lower()


async def _refused(code: int, reason: str, scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": reason})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": f"{reason}\n".encode()})


def application(
    store: JobStore,
    shelf: Sequence[Path],
    *,
    hosts: Sequence[str] = LOOPBACK,
    max_bytes: int = 2 * 10**9,
    auth: tuple[str, str] | None = None,
) -> ASGIApp:
    """The page and the files of its jobs, guarded."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lambda _: _tending(store))

    @app.get("/jobs/{name}/{file}")
    def job_file(name: str, file: str) -> Response:
        try:
            place = store.place(name)
            out = Ticket.read(place).out
        except JobError as error:
            raise HTTPException(404, str(error)) from None
        if file not in (out, LATEST, BEFORE, AFTER, MAKING, REPORT) or not (place / file).is_file():
            raise HTTPException(404, "there is no such file of this job")
        if file in (LATEST, BEFORE, AFTER):  # which may be replaced while they are sent
            return Response((place / file).read_bytes(), media_type="image/jpeg", headers=_HEADERS)
        return FileResponse(place / file, headers=_HEADERS)

    _fetch_nothing()
    blocks = page(store, shelf)
    blocks.run_history = False
    blocks.queue(max_size=64)
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        auth=auth,
        max_file_size=max_bytes,
        footer_links=[],
        css=CSS,
        theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
        show_error=False,
    )
    return Guard(app, hosts, max_bytes)


def _fetch_nothing() -> None:
    """Gradio would download what a request names by an address instead of a file that was sent."""

    async def refused(url: str, cache_dir: str) -> str:
        raise ValueError(f"the page fetches nothing, also not {url!r}")

    def refused_at_once(url: str, cache_dir: str) -> str:
        raise ValueError(f"the page fetches nothing, also not {url!r}")

    processing_utils.async_ssrf_protected_download = refused
    processing_utils.ssrf_protected_download = refused_at_once


# What a job's name is known by must not leak to other sites, nor what it painted be taken for a page with rights.
_HEADERS = {"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}


@contextlib.asynccontextmanager
async def _tending(store: JobStore) -> AsyncIterator[None]:
    """Starts what waits and removes what is old, in a thread, for as long as the server runs."""
    ending = threading.Event()

    def tend() -> None:
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

    thread = threading.Thread(target=tend, name="vidstyle-store", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
        store.close()


def serve(app: ASGIApp, listening: socket.socket) -> None:
    """Serves on a bound socket until it is stopped."""
    # Its messages go where all of third parties go: to the log file, where one is wanted.
    config = uvicorn.Config(app, log_config=None, log_level="warning", timeout_graceful_shutdown=2)
    uvicorn.Server(config).run([listening])
