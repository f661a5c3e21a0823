"""Files to paint, settings that paint in milliseconds, and a server in a process of its own."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import _plain_terminal  # noqa: F401 (a fixture)
from tests.clips import clip
from tests.front_ends import film, photo, style  # noqa: F401 (fixtures)
from tests.images import clouds, stripes
from vidstyle.images import save_image

QUICK: Mapping[str, Any] = {
    "steps": 1,
    "frame_steps": 1,
    "every": 1,
    "scales": 1,
    "loss": "sums",
    "style_layers": "conv1_1",
    "content_layers": "conv1_1",
    "weights": "selftaught",
}


@pytest.fixture(autouse=True, scope="session")
def _gradio() -> None:
    if importlib.util.find_spec("gradio") is None:  # importing it here would leave an event loop open
        pytest.skip("the page needs Gradio; pip install 'vidstyle[web]'")


@pytest.fixture(autouse=True)
def _quick_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def until(holds: Callable[[], object], seconds: float = 90.0) -> None:
    """Waits until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


class Server:
    """``vidstyle serve`` in a process of its own, on any free port."""

    def __init__(self, jobs: Path, *words: str) -> None:
        command = [sys.executable, "-m", "vidstyle", "serve", "--port", "0", "--jobs", str(jobs), *words]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self._process.stdout
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:")

    def stop(self) -> int:
        """By Ctrl-C; the exit code."""
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=60)
        return self._process.returncode


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store") / "jobs"


@pytest.fixture(scope="module")
def server(jobs: Path) -> Iterator[Server]:
    started = Server(jobs, "--max-upload", "1mb")
    yield started
    assert started.stop() in (0, 130)


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """Where requests went."""
    return []


@pytest.fixture(scope="module")
def browser(asked: list[str]) -> Iterator[Any]:
    from tests.web.browser import CAMERA, CHROMIUM, is_here, sync_api

    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *CAMERA])
        context = chromium.new_context(viewport={"width": 1280, "height": 1000}, permissions=["camera"])

        def only_here(route: Any) -> None:
            asked.append(route.request.url)
            route.continue_() if is_here(route.request.url) else route.abort()

        context.route("**/*", only_here)
        yield context
        chromium.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("page")
    save_image(made / "photo.png", clouds(48, 64))
    save_image(made / "stripes.png", stripes(48, 64))
    clip(made / "clip.mp4", count=4, size=(48, 64))
    return made


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    """The browser; each page holds a connection, of which browsers allow six to a server."""
    yield browser
    for page in browser.pages:
        page.close()
