"""Short animations: the times of their images, and files that stay within their bytes."""

import base64
import itertools
import shutil
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.refusals import refused
from vidstyle.video.flipbook import FLIPBOOK_ENDINGS, Extent, Flipbook, write_flipbook
from vidstyle.video.probe import probe
from vidstyle.video.reader import open_video

FRAMES, WIDTH = 24, 128
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def draw(frames: int, width: int) -> list[NDArray[np.uint8]]:
    """From one noisy image to another, evenly: nothing that compresses well."""
    height = round(width * 0.75)
    generator = np.random.default_rng(0)
    begin, end = (4 * cv2.GaussianBlur(generator.random((96, 128, 3)), (0, 0), 1.2) - 1.5 for _ in range(2))
    shares = np.linspace(0, 1, frames)
    images = [np.uint8(255 * np.clip((1 - s) * begin + s * end, 0, 1)) for s in shares]
    return [np.asarray(cv2.resize(one, (width, height), interpolation=cv2.INTER_AREA)) for one in images]


def write(path: Path, max_bytes: int | None = None) -> Flipbook:
    return write_flipbook(path, draw, FRAMES, WIDTH, max_bytes=max_bytes)


@pytest.mark.parametrize("ending", FLIPBOOK_ENDINGS)
def test_every_image_has_its_time_and_the_last_is_held(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    flipbook = write(path)
    info = probe(path)
    assert flipbook == Flipbook(path, flipbook.full, flipbook.full, path.stat().st_size)
    assert (flipbook.kept.frames, flipbook.kept.width, info.size) == (FRAMES, WIDTH, (96, 128))
    assert info.seconds == pytest.approx((FRAMES - 1) * 0.08 + 2.0, abs=0.001)
    if ending != ".mp4":
        assert info.durations == pytest.approx([0.08] * (FRAMES - 1) + [2.0])
        with Image.open(path) as file:
            assert file.info["loop"] == 0
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_an_mp4_has_even_sides_and_can_play_before_all_of_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_flipbook(path, lambda frames, width: draw(frames, 97), 3, 97)
    assert probe(path).size == (74, 98)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("ending", FLIPBOOK_ENDINGS)
def test_a_bound_is_kept_and_used(tmp_path: Path, ending: str) -> None:
    whole = write(tmp_path / f"whole{ending}")
    path, bound = tmp_path / f"small{ending}", whole.bytes // 3
    flipbook = write(path, bound)
    assert 0.5 * bound < flipbook.bytes == path.stat().st_size <= bound
    assert flipbook.full == whole.full
    kept, full = flipbook.kept, whole.full
    assert kept.frames < full.frames
    assert kept.width < full.width
    assert kept.grade > full.grade if ending == ".mp4" else kept.grade < full.grade
    info = probe(path)
    assert info.size[1] == kept.width + (kept.width % 2 if ending == ".mp4" else 0)
    assert info.seconds == pytest.approx((kept.frames - 1) * 0.08 + 2.0, abs=0.001)
    assert write(tmp_path / f"loose{ending}", whole.bytes).kept == whole.full


def test_few_tries_are_needed(tmp_path: Path) -> None:
    whole, tries = write_flipbook(tmp_path / "whole.gif", draw, 36, 240), list[int]()
    write_flipbook(tmp_path / "a.gif", draw, 36, 240, max_bytes=whole.bytes // 3, on_try=tries.append)
    assert tries == list(range(1, len(tries) + 1))
    assert len(tries) <= 3


def test_a_gif_has_as_few_colours_as_it_says(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.gif")
    flipbook = write(tmp_path / "a.gif", whole.bytes // 4)
    with open_video(flipbook.path) as film:
        colours = {tuple(c) for frame in film for c in (frame.image * 255).round().flatten(1).T.int().tolist()}
    assert 0.7 * flipbook.kept.grade < len(colours) <= flipbook.kept.grade


def test_what_cannot_fit_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(b"older")
    with refused("VS439", "a.gif", "0.005 MB", "12 images", "96 pixels"):
        write(path, 5000)
    assert path.read_bytes() == b"older"
    assert [one.name for one in tmp_path.iterdir()] == ["a.gif"]


def test_a_stop_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def stop(number: int) -> None:
        if number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_flipbook(tmp_path / "a.gif", draw, FRAMES, WIDTH, max_bytes=100_000, on_try=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.png", "a", "a.avi"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    with refused("VS414", "gif", "webp", "mp4"):
        write(tmp_path / name)


@pytest.mark.parametrize("ending", FLIPBOOK_ENDINGS)
def test_less_is_never_more(ending: str) -> None:
    full = Extent(60, 800, {".gif": 256, ".webp": 90, ".mp4": 18}[ending])
    assert full.lowered(1.0, ending) == full
    steps = [full.lowered(0.8**n, ending) for n in range(60)]
    for more, less in itertools.pairwise(steps):
        assert less.frames <= more.frames
        assert less.width <= more.width
        assert less.grade >= more.grade if ending == ".mp4" else less.grade <= more.grade
    assert steps[-1] == full.lowered(1e-9, ending)


_DECODE = """async (text) => {
  const data = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const decoder = new ImageDecoder({data, type: 'image/gif'});
  await decoder.tracks.ready;
  await decoder.completed;
  const track = decoder.tracks.selectedTrack, frames = [];
  for (let n = 0; n < track.frameCount; n++) {
    const {image} = await decoder.decode({frameIndex: n});
    const canvas = new OffscreenCanvas(image.displayWidth, image.displayHeight);
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
    frames.push({seconds: image.duration / 1e6, pixels: Array.from(data)});
  }
  return {loops: track.repetitionCount === Infinity, frames};
}"""


@pytest.mark.skipif(BROWSER is None, reason="no chromium, chromium-browser or google-chrome is installed")
def test_a_browser_plays_it(tmp_path: Path) -> None:
    """All frames are decoded, with their times; they change evenly, and three of them at least are seen."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = tmp_path / "a.gif"
    data = base64.b64encode(write_flipbook(path, draw, 10, 64).path.read_bytes()).decode()
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(tmp_path.as_uri())  # the decoder wants a page with an address
        found = page.evaluate(_DECODE, data)
        page.goto(path.as_uri())
        shown = {page.screenshot()}
        while len(shown) < 3:  # the test's own time limit ends it
            shown.add(page.screenshot())
        browser.close()
    frames = [np.array(frame["pixels"], float) for frame in found["frames"]]
    changes = [float(np.sqrt(np.mean((after - before) ** 2))) for before, after in itertools.pairwise(frames)]
    assert found["loops"]
    assert [frame["seconds"] for frame in found["frames"]] == pytest.approx([0.08] * 9 + [2.0])
    assert max(changes) <= 3 * median(changes)
