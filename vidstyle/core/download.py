"""Fetching files that torchvision publishes once, with progress and without waiting for hosts that do not answer."""

import hashlib
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from vidstyle.errors import WeightsError

PATIENCE = 10.0  # seconds until a silent host is given up
CHUNK = 1 << 20


class UnreachableError(WeightsError):
    """The host of the weights does not answer."""


def fetch_published(
    url: str, folder: Path, what: str, on_progress: Callable[[str, int, int], None] | None = None
) -> Path:
    """Fetches a file into `folder`, checked against the SHA-256 digits in its name; `what` is told as progress.

    Raises UnreachableError when the host does not answer in 10 s or the connection breaks, WeightsError when
    what came is not the file.
    """
    path = folder / url.rsplit("/", 1)[-1]
    with _opened(url) as response, path.open("wb") as file:
        digest = _copied(response, file.write, f"fetching {what}", on_progress or (lambda *_: None))
    if not digest.startswith(published_digits(url)):
        found, expected = digest[:8], published_digits(url)
        raise WeightsError("VS703", url=url, found=found, expected=expected)
    return path


def published_digits(url: str) -> str:
    """The first digits of the SHA-256 of a published file, which are in its name."""
    return Path(url).stem.rsplit("-", 1)[-1]


def _opened(url: str) -> HTTPResponse:
    """The open connection. In a thread, because a name lookup knows no time limit."""
    outcome: list[HTTPResponse | Exception] = []

    def connect() -> None:
        try:
            outcome.append(urllib.request.urlopen(url, timeout=PATIENCE))
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if outcome and not isinstance(outcome[0], Exception):
        return outcome[0]
    reason = getattr(outcome[0], "reason", outcome[0]) if outcome else f"no answer in {PATIENCE:.0f} s"
    raise UnreachableError("VS702", url=url, reason=reason)


def _copied(
    response: HTTPResponse, write: Callable[[bytes], object], what: str, tell: Callable[[str, int, int], None]
) -> str:
    """Writes all of the response; its SHA-256."""
    size = int(response.headers.get("Content-Length") or 0)
    digest, done = hashlib.sha256(), 0
    try:
        while chunk := response.read(CHUNK):
            write(chunk)
            digest.update(chunk)
            done += len(chunk)
            tell(what, done, size)
    except (TimeoutError, ConnectionError, HTTPException) as error:
        raise UnreachableError("VS705", done=done >> 20, size=size >> 20, error=error) from error
    if done < size:
        raise UnreachableError("VS704", done=done >> 20, size=size >> 20)
    return digest.hexdigest()
