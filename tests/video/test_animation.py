"""Animations are shown as browsers show them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.animations import CLEAR, KEEP, RESTORE, Part, apng_of, composed, gif_of
from vidstyle.errors import SourceError
from vidstyle.limits import Limits
from vidstyle.video import animation
from vidstyle.video.encoder import Film
from vidstyle.video.muxer import Sink
from vidstyle.video.probe import probe

SIZE = HEIGHT, WIDTH = 12, 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("animation")


@st.composite
def parts(draw: st.DrawFn, levels: Sequence[int]) -> list[Part]:
    """Images of any place and size, whose opacity has some `levels`."""
    random, found = np.random.default_rng(draw(st.integers(0, 9999))), list[Part]()
    for _ in range(draw(st.integers(1, 5))):
        top, left = int(random.integers(HEIGHT)), int(random.integers(WIDTH))
        height, width = int(random.integers(HEIGHT - top)) + 1, int(random.integers(WIDTH - left)) + 1
        pixels = random.integers(0, 256, (height, width, 4)).astype(np.uint8)
        pixels[..., 3] = random.choice(levels, (height, width))
        pixels[pixels[..., 3] == 0] = 0
        disposal, over = draw(st.sampled_from([KEEP, CLEAR, RESTORE])), draw(st.booleans())
        found.append(Part(pixels, top, left, disposal, over, draw(st.integers(2, 30))))
    return found


def on_white(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    opacity = pixels[..., 3:] / 255
    return pixels[..., :3] * opacity + 255 * (1 - opacity)


def check(path: Path, sequence: Sequence[Part], tolerance: float) -> None:
    shown, wanted = list(map(on_white, animation.read(path))), list(composed(sequence, SIZE))
    assert len(shown) == len(wanted)
    for number, (one, other) in enumerate(zip(shown, wanted, strict=True)):
        assert np.abs(one - other).max() <= tolerance, number
    showing = animation.measure(path)
    assert (showing.size, showing.announced) == (SIZE, len(sequence))
    assert showing.durations == pytest.approx([part.delay / 100 for part in sequence])
    assert showing.transparent == any((image[..., 3] < 255).any() for image in animation.read(path))


@settings(max_examples=40, deadline=None)
@given(parts([0, 255]), st.integers(0, 1))
def test_every_gif_is_composed_right(folder: Path, sequence: list[Part], background: int) -> None:
    sequence = [replace(part, over=True) for part in sequence]
    (folder / "a.gif").write_bytes(gif_of(sequence, SIZE, background=background))
    check(folder / "a.gif", sequence, 0.5)


@pytest.mark.parametrize(("top", "left"), [(5, 9), (11, 15), (12, 16), (400, 0)])
def test_what_lies_outside_is_cut_off(folder: Path, top: int, left: int) -> None:
    ground = Part(np.full((*SIZE, 4), [9, 99, 199, 255], np.uint8), 0, 0)
    pixels = np.full((8, 9, 4), [200, 20, 20, 255], np.uint8)
    for disposal in (KEEP, CLEAR, RESTORE):
        (folder / "o.gif").write_bytes(gif_of([ground, Part(pixels, top, left, disposal), ground], SIZE))
        shown = list(animation.read(folder / "o.gif"))
        wanted = shown[0].copy()
        wanted[top : top + 8, left : left + 9] = [200, 20, 20, 255]
        assert np.array_equal(shown[1], wanted)
        assert np.array_equal(shown[2], shown[0])


@settings(max_examples=40, deadline=None)
@given(parts([0, 60, 200, 255]), st.booleans())
def test_every_apng_is_composed_right(folder: Path, sequence: list[Part], hidden: bool) -> None:
    """The image for programs that know no animations is not shown."""
    first = replace(sequence[0], pixels=np.full((*SIZE, 4), 200, np.uint8), top=0, left=0)
    sequence, other = [first, *sequence[1:]], np.full((*SIZE, 4), 77, np.uint8)
    (folder / "a.png").write_bytes(apng_of(sequence, SIZE, hidden=other if hidden else None))
    check(folder / "a.png", sequence, 3)


@settings(max_examples=60, deadline=None)
@given(parts([0, 255]), st.booleans(), st.integers(0, 10_000), st.integers(0, 255), st.booleans())
def test_damaged_animations_are_read_as_far_as_they_go(
    folder: Path, sequence: list[Part], png: bool, place: int, value: int, cut: bool
) -> None:
    first = replace(sequence[0], pixels=np.full((*SIZE, 4), 200, np.uint8), top=0, left=0)
    path = folder / ("d.png" if png else "d.gif")
    data = bytearray(apng_of([first, *sequence[1:]], SIZE) if png else gif_of(sequence, SIZE))
    place %= len(data)
    if cut:
        del data[place:]
    else:
        data[place] = value
    path.write_bytes(data)
    with contextlib.suppress(SourceError):
        showing = animation.measure(path, Limits(pixels=1e6))
        assert len(list(animation.read(path))) == len(showing.durations) <= showing.announced


@pytest.mark.parametrize("loop", [None, 0, 1, 3])
def test_how_often_a_gif_is_shown(folder: Path, loop: int | None) -> None:
    """Its number is how often it is shown again."""
    one = Part(np.full((*SIZE, 4), 255, np.uint8), 0, 0)
    (folder / "loop.gif").write_bytes(gif_of([one, one], SIZE, loop))
    assert animation.measure(folder / "loop.gif").plays == {None: 1, 0: 0}.get(loop, (loop or 0) + 1)


@pytest.mark.parametrize("plays", [0, 1, 3])
def test_how_often_an_apng_is_shown(folder: Path, plays: int) -> None:
    one = Part(np.full((*SIZE, 4), 255, np.uint8), 0, 0)
    (folder / "loop.png").write_bytes(apng_of([one, one], SIZE, plays))
    assert animation.measure(folder / "loop.png").plays == plays


@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
@pytest.mark.parametrize("plays", [0, 1, 2, 5])
def test_an_animation_is_shown_as_often_as_it_was(tmp_path: Path, ending: str, plays: int) -> None:
    film = Film(tmp_path / f"a.{ending}", SIZE, Fraction(10), plays=plays)
    with Sink(film) as sink:
        for level in (0, 90, 200):
            sink.write_pixels(np.full((*SIZE, 3), level, np.uint8))
        sink.finish()
    assert probe(film.path).plays == plays
    with Image.open(film.path) as file:
        assert file.info.get("loop") == ({0: 0, 1: None}.get(plays, plays - 1) if ending == "gif" else plays)


def test_times_that_browsers_take_for_none(folder: Path) -> None:
    one = Part(np.full((*SIZE, 4), 255, np.uint8), 0, 0)
    (folder / "t.gif").write_bytes(gif_of([replace(one, delay=delay) for delay in (0, 1, 2, 3)], SIZE))
    assert animation.measure(folder / "t.gif").durations == (0.1, 0.1, 0.02, 0.03)
    Image.new("RGB", (8, 8)).save(
        folder / "t.png", save_all=True, append_images=[Image.new("RGB", (8, 8), "red")], duration=[1000 / 60, 10]
    )
    assert animation.measure(folder / "t.png").durations == pytest.approx((1 / 60, 0.1), abs=1e-4)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([".gif", ".webp", ".png"]),
    st.integers(1, 90),
    st.fractions(5, 300, max_denominator=1001),
    st.none() | st.lists(st.floats(0.011, 0.5), min_size=90, max_size=90),
)
def test_the_time_is_right_at_any_rate(ending: str, count: int, rate: Fraction, each: list[float] | None) -> None:
    """Images are shown in their order, never too shortly, and each moment has the one that is due, or the next."""
    seconds = [float(1 / rate)] * count if each is None else each[:count]
    shown, ticks = animation.scheduled(ending, count, rate, None if each is None else tuple(each))
    second, shortest = (100, 2) if ending == ".gif" else (1000, 11)
    assert (shown[0], len(shown)) == (0, len(ticks))
    assert sorted(set(shown)) == shown
    assert min(ticks) >= shortest
    assert sum(ticks) == max(shortest, round(sum(seconds) * second))
    if min(seconds) * second >= shortest + 1:
        assert shown == list(range(count))
    due, begins = [0.0, *accumulate(seconds)], [0, *accumulate(ticks)]
    for number, begin in zip(shown, begins, strict=False):
        assert begin >= due[number] * second - 0.5
        assert begin <= due[number] * second + shortest + 0.5


@pytest.mark.parametrize("ending", [".gif", ".webp", ".png"])
def test_an_animation_of_one_image_is_that_image(tmp_path: Path, ending: str) -> None:
    film = Film(tmp_path / f"a{ending}", SIZE, Fraction(5))
    with Sink(film) as sink:
        sink.write_pixels(np.full((*SIZE, 3), 200, np.uint8))
        sink.finish()
    with Image.open(film.path) as image:
        assert getattr(image, "n_frames", 1) == 1
        assert np.abs(np.asarray(image.convert("RGB")).astype(int) - 200).max() <= 4


@pytest.mark.parametrize(("rate", "kept"), [(30, 30), (50, 50), (60, 50), (240, 50)])
def test_a_fast_film_keeps_its_time_as_gif(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, rate: int, kept: int
) -> None:
    film = Film(tmp_path / "a.gif", SIZE, Fraction(rate))
    with Sink(film) as sink:
        for number in range(rate):
            sink.write_pixels(np.full((*SIZE, 3), 250 * number // rate, np.uint8))
        sink.finish()
    showing = animation.measure(film.path)
    assert sum(showing.durations) == pytest.approx(1.0)
    assert len(showing.durations) == pytest.approx(kept, abs=1)
    assert len(caplog.records) == (kept < rate)
    moments = np.cumsum([0, *showing.durations[:-1]])
    for moment, image in zip(moments, animation.read(film.path), strict=True):
        assert abs(image[0, 0, 0] / 250 - moment) <= 0.02 + 0.016 + 1 / rate
