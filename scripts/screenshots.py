"""Makes docs/page.jpg and docs/window.jpg: the page and the live window, as they look while they paint the samples.

    python scripts/screenshots.py [page] [window]

Needs the extras ``test``, chromium, Xvfb and xdotool.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageGrab
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
SAMPLES, DOCS = ROOT / "samples", ROOT / "docs"
DISPLAY = ":87"
sys.path.insert(0, str(ROOT))
from tests.cameras import camera_of, jpeg  # noqa: E402 (the tests' network camera)


def page() -> None:
    """An image on its way."""
    with tempfile.TemporaryDirectory() as jobs:
        words = [sys.executable, "-m", "vidstyle", "serve", "--port", "0", "--jobs", jobs]
        server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert server.stdout
        url = server.stdout.readline().strip()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            shown = browser.new_page(viewport={"width": 1280, "height": 940})
            shown.goto(url)
            shown.wait_for_selector("#paint")
            shown.set_input_files("#source input[type=file]", SAMPLES / "photo.jpg")
            shown.get_by_label("swirl").check()
            shown.fill("#set-size :is(input, textarea)", "320")
            shown.click("#paint")
            shown.wait_for_selector("#view img.live", timeout=300_000)
            shown.wait_for_function("document.querySelector('#view progress')?.value > 0.6", timeout=300_000)
            shown.evaluate("scrollTo(0, 0)")  # filling the size moved the page
            shown.screenshot(path=DOCS / "page.png")
            browser.close()
        server.terminate()
        server.wait(60)
    _as_jpeg(DOCS / "page.png")


def window() -> None:
    """A still scene, after some time."""
    photo = cv2.cvtColor(cv2.imread(str(SAMPLES / "photo.jpg")), cv2.COLOR_BGR2RGB)
    scene = jpeg(np.asarray(cv2.resize(photo, (640, 480), interpolation=cv2.INTER_AREA), np.uint8))
    server = subprocess.Popen(["Xvfb", DISPLAY, "-screen", "0", "1284x480x24"], stderr=subprocess.DEVNULL)
    time.sleep(2)
    with camera_of(lambda _: scene, rate=15) as camera:
        words = ["webcam", "--camera", camera.url, "--style", str(SAMPLES / "swirl.jpg")]
        live = subprocess.Popen([sys.executable, "-m", "vidstyle", *words], env={**os.environ, "DISPLAY": DISPLAY})
        _wait_for_painting()
        time.sleep(40)
        ImageGrab.grab(xdisplay=DISPLAY).save(DOCS / "window.png")
        live.terminate()
        live.wait(60)
    server.terminate()
    server.wait(20)
    _as_jpeg(DOCS / "window.png")


def _wait_for_painting() -> None:
    while sum(ImageGrab.grab(xdisplay=DISPLAY).convert("RGB").getpixel((1000, 240))) < 30:  # type: ignore[arg-type]
        time.sleep(1)


def _as_jpeg(path: Path) -> None:
    with Image.open(path) as image:
        image.convert("RGB").save(path.with_suffix(".jpg"), quality=85)
    path.unlink()


if __name__ == "__main__":
    for name in sys.argv[1:] or ["page", "window"]:
        {"page": page, "window": window}[name]()
