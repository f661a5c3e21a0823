"""Makes docs/page.jpg and docs/window.jpg: the page, and the live window, as they look with the samples.

The page's states, at two widths, light and dark, are left in a folder ``vidstyle-page`` for temporary files.

    python scripts/screenshots.py [page] [window]

Needs the extras ``test``, chromium, Xvfb and xdotool.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import imageio.v3 as iio
import numpy as np
from PIL import Image, ImageGrab
from playwright.sync_api import Page, ViewportSize, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
SAMPLES, DOCS = ROOT / "samples", ROOT / "docs"
DISPLAY = ":87"
SHOTS = Path(tempfile.gettempdir()) / "vidstyle-page"
WIDE: ViewportSize = {"width": 1280, "height": 940}
NARROW: ViewportSize = {"width": 390, "height": 844}
sys.path.insert(0, str(ROOT))
from tests.cameras import camera_of, jpeg  # noqa: E402 (the tests' network camera)


def page() -> None:
    """The page in its states, at two widths, light and dark, in SHOTS; one of them is docs/page.jpg."""
    SHOTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as jobs, _served(jobs) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        shown = browser.new_page(viewport=WIDE)
        shown.goto(url)
        shown.wait_for_selector("#paint")
        shown.wait_for_timeout(3000)  # Gradio sets its own theme, and the styles are loaded
        _image_states(shown)
        shown.goto(url)
        _video_states(shown, Path(jobs))
        browser.close()
    _as_jpeg(SHOTS / "done_1280_light.png", DOCS / "page.jpg")


@contextmanager
def _served(jobs: str) -> Iterator[str]:
    """The address of the page."""
    words = [sys.executable, "-m", "vidstyle", "serve", "--port", "0", "--jobs", jobs]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait(60)


def _image_states(shown: Page) -> None:
    """The page before anything is chosen, without what it needs, with a preview, and an image until it is painted."""
    _shoot(shown, "start")
    shown.click("#paint")
    shown.wait_for_selector("#facts .failed")
    _shoot(shown, "refused")
    shown.set_input_files("#source input[type=file]", SAMPLES / "photo.jpg")
    shown.get_by_label("swirl").check()
    shown.wait_for_selector("#facts .facts")
    shown.click("#set-size input")
    shown.get_by_role("option", name="320 px").click()
    shown.click("#preview")
    shown.wait_for_selector("#preview-view [data-state=done]", timeout=300_000)
    _shoot(shown, "preview")
    shown.click("#paint")
    shown.wait_for_selector("#view img.live", timeout=300_000)
    _shoot(shown, "painting")
    shown.wait_for_selector("#view [data-state=done]", timeout=600_000)
    _shoot(shown, "done")


def _video_states(shown: Page, jobs: Path) -> None:
    """A video while it is painted and when that is done, a job that failed, and a setting that cannot be."""
    shown.set_input_files("#source input[type=file]", _short_video(jobs / "boat.mp4"))
    shown.get_by_label("swirl").check()
    shown.wait_for_selector("#end input")
    shown.get_by_label("Quick draft").check()
    shown.check("#report input")
    shown.click("#paint")
    shown.wait_for_selector("#view .note:text('frame 3 of')", timeout=600_000)
    _shoot(shown, "video")
    shown.wait_for_selector("#view .note:text-matches('[Mm]easur')", timeout=600_000)
    _shoot(shown, "report")
    shown.wait_for_selector("#view [data-state=done] video", timeout=600_000)
    _shoot(shown, "video_done")
    shown.click("#paint")
    shown.wait_for_selector("#view [data-state=painting]")
    name = shown.get_attribute("#view [data-job]", "data-job")
    shown.click("#cancel")
    shown.wait_for_selector("#view [data-state=cancelled]", timeout=60_000)
    assert name
    (jobs / name / "style1.jpg").write_bytes(b"damaged")
    shown.click("#resume")
    shown.wait_for_selector("#view [data-state=failed]", timeout=60_000)
    _shoot(shown, "failed")
    shown.get_by_role("button", name="Advanced").click()
    shown.fill("#set-steps input", "0")
    shown.click("#paint")
    shown.wait_for_selector("#set-steps .field-error")
    _shoot(shown, "wrong", scrolled=True)


def _short_video(path: Path) -> Path:
    """The sample photo, slowly moved, for half a second."""
    photo = cv2.resize(cv2.imread(str(SAMPLES / "photo.jpg")), (320, 240), interpolation=cv2.INTER_AREA)
    moved = [photo[at : at + 224, 2 * at : 2 * at + 288, ::-1] for at in range(12)]
    iio.imwrite(path, np.stack(moved), fps=24)
    return path


def _shoot(shown: Page, state: str, scrolled: bool = False) -> None:
    """What is seen of the page, and on a phone all of it; where it is `scrolled` to, else from its top."""
    for theme in ("dark", "light"):
        shown.evaluate("theme => document.body.classList.toggle('dark', theme === 'dark')", theme)
        for size in (NARROW, WIDE):
            shown.set_viewport_size(size)
            if scrolled:
                shown.evaluate("document.querySelector('.field-error').scrollIntoView({ block: 'center' })")
            else:
                shown.evaluate("scrollTo(0, 0)")
            shown.wait_for_timeout(500)
            file = SHOTS / f"{state}_{size['width']}_{theme}.png"
            shown.screenshot(path=file, full_page=size == NARROW and not scrolled)


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
    _as_jpeg(DOCS / "window.png", DOCS / "window.jpg")
    (DOCS / "window.png").unlink()


def _wait_for_painting() -> None:
    while sum(ImageGrab.grab(xdisplay=DISPLAY).convert("RGB").getpixel((1000, 240))) < 30:  # type: ignore[arg-type]
        time.sleep(1)


def _as_jpeg(path: Path, target: Path) -> None:
    with Image.open(path) as image:
        image.convert("RGB").save(target, quality=85)


if __name__ == "__main__":
    for name in sys.argv[1:] or ["page", "window"]:
        {"page": page, "window": window}[name]()
