"""Animations with every way to go on from one image to the next: random ones, beside the specification."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tests.animations import CLEAR, KEEP, RESTORE, Part, apng_of, composed, gif_of
from tests.media import LEVELS, Trial, on_white
from tests.media_images import of_loaded
from vidstyle.errors import SourceError
from vidstyle.images import LoadedImage
from vidstyle.video.probe import probe
from vidstyle.video.reader import open_video


def animation(trial: Trial) -> None:
    """A GIF, APNG or WebP of images that are put in place, laid over, cleared and restored."""
    ending, loop = trial.pick("gif", "png", "webp"), trial.pick(0, 0, 1, 3)
    size, path = (trial.random.randint(4, 32), trial.random.randint(4, 32)), trial.folder / f"a.{ending}"
    parts = list(parts_of(trial, ending, size))
    hidden = bool(ending == "png" and trial.pick(0, 1))
    trial.what = f"{ending} of {len(parts)}, loop {loop}, hidden {hidden}"
    if ending == "gif":
        path.write_bytes(gif_of(parts, size, trial.pick(None, loop), trial.pick(0, 1)))
    elif ending == "png":
        first = np.full((*size, 4), [255, 0, 255, 255], np.uint8)
        path.write_bytes(apng_of(parts, size, loop, first if hidden else None))
    else:
        images = [Image.fromarray(part.pixels) for part in parts]
        delays = [10 * part.delay for part in parts]
        images[0].save(path, save_all=True, append_images=images[1:], duration=delays, loop=loop, lossless=True)
    check_animation(trial, path, parts, size)


def parts_of(trial: Trial, ending: str, size: tuple[int, int]) -> Iterator[Part]:
    levels = [0, 255] if ending == "gif" else [0, 60, 200, 255]
    noise, whole = trial.noise, ending == "webp"
    for number in range(trial.random.randint(2, 7)):
        first = number == 0 and ending == "png"  # of an APNG the first is as large as the canvas
        top, left = (0, 0) if whole or first else (int(noise.integers(size[0])), int(noise.integers(size[1])))
        height, width = (
            size
            if whole or first
            else (int(noise.integers(size[0] - top)) + 1, int(noise.integers(size[1] - left)) + 1)
        )
        pixels = (85 * noise.integers(0, 4, (height, width, 4))).astype(np.uint8)  # few colours, for GIF
        pixels[..., 3] = 255 if number == 0 else noise.choice(levels, (height, width))
        pixels[pixels[..., 3] == 0] = 0
        over = ending == "gif" or bool(trial.pick(0, 1))
        delay = trial.pick(0, 1, 2, 3, 7, 10, 25)
        yield Part(pixels, top, left, trial.pick(KEEP, CLEAR, RESTORE), over and not whole, delay)


def check_animation(trial: Trial, path: Path, parts: list[Part], size: tuple[int, int]) -> None:
    wanted = [part.delay / 100 if part.delay > 1 else 0.1 for part in parts]
    info = probe(path)
    if path.suffix == ".webp" and info.durations is None:  # Pillow writes equal images as one
        raise SourceError("VS344", name=path.name)
    found = list(info.durations or ())
    same = len(found) == len(wanted) and np.allclose(found, wanted)
    trial.check(same, f"durations {found} not {wanted}")
    with open_video(path) as source:
        frames = [of_loaded(LoadedImage(frame.image, frame.alpha)) for frame in source]
    shown = list(composed(parts, size))
    trial.check(len(frames) == len(shown), f"{len(frames)} frames of {len(shown)}")
    for number, (one, other) in enumerate(zip(frames, shown, strict=True)):
        seen = one[..., 3] >= 153
        gap = np.abs(on_white(one) - other)[seen]
        trial.check(gap.max(initial=0) <= LEVELS, f"frame {number} differs by {gap.max(initial=0):.0f}")
    trial.reader = "the specification"
