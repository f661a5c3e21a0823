"""Live painting of a still and of a moving scene: rate, size, latency, stillness, and whether paint smears.

    python benchmarks/live.py [--image samples/photo.jpg] [--style samples/swirl.jpg] [--weights auto]
                              [--seconds 40] [--json live.json]

A network camera on loopback sends the image at 640x480, 15 times a second: still, with noise of 2 levels, or a part
of it that moves to and fro. After the first seconds, in which the size of the painting is found, each scene is measured
by the figures of ``vidstyle report``, at the painting's size: the moving one beside a film of the same images painted
by ``vidstyle``'s chain at the same size. Latency is from the image's arrival to its painting, in the time that a
painting takes. Flicker is the mean change from one shown image to the next, in levels of 255.
"""

import argparse
import itertools
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from video import judge_of

from vidstyle import Frame, Settings, load_image
from vidstyle.cli.terminal import keep_freed_memory
from vidstyle.core.pixels import to_array, to_tensor
from vidstyle.core.sizes import resize
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_video import paint_frames
from vidstyle.evaluation.metrics import film_measures, judged, summary
from vidstyle.live.painting import LiveImage, LivePainting, paint_live
from vidstyle.settings.presets import LIVE
from vidstyle.video.camera import Camera

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.cameras import camera_of, jpeg  # noqa: E402 (the tests' network camera)

Pixels = NDArray[np.uint8]
FOUND = 10.0  # seconds in which the size is found
SHOWN = ("warp_error", "warp_error_over_energy", "structure", "style_distance", "flicker")


def scenes(image: Pixels) -> dict[str, list[bytes]]:
    """JPEGs that a camera sends over and over."""
    rng = np.random.default_rng(0)
    still = cv2.resize(image, (640, 480), interpolation=cv2.INTER_AREA)
    large = cv2.resize(image, (800, 600), interpolation=cv2.INTER_AREA)
    lefts = [round(80 - 80 * math.cos(2 * math.pi * n / 300)) for n in range(300)]
    return {
        "still": [jpeg(np.clip(still + rng.normal(0, 2, still.shape), 0, 255).astype(np.uint8)) for _ in range(24)],
        "moving": [jpeg(np.ascontiguousarray(large[60:540, left : left + 640])) for left in lefts],
    }


def watched(painting: LivePainting, seconds: float) -> list[LiveImage]:
    """What is painted in so many seconds, after the size was found."""
    began = time.monotonic()
    found = itertools.takewhile(lambda _: time.monotonic() < began + FOUND + seconds, painting.paintings())
    seen = [image for image in found if time.monotonic() > began + FOUND]
    return [image for image in seen if image.budget.size == seen[-1].budget.size]


def figures(model: StyleModel, pairs: Sequence[tuple[Frame, Tensor]]) -> dict[str, float]:
    looks = judged(pairs, judge_of(model, None))
    rows = list(looks)
    whole = summary(film_measures([row.measures for row in rows], rows[-1].still), model.settings.layers[:1], [])
    return {name: whole[name] for name in SHOWN}


def frame_of(image: LiveImage, number: int) -> Frame:
    small = resize(to_tensor(image.snap.pixels), image.budget.size)
    return Frame(number, image.snap.taken, small, cut=image.opens, look=image.look)


def measured(model: StyleModel, name: str, seen: Sequence[LiveImage]) -> dict[str, Any]:
    frames = [frame_of(image, number) for number, image in enumerate(seen)]
    live = figures(model, [(f, p.painted.image) for f, p in zip(frames, seen, strict=True)])
    gaps = [b.snap.taken - a.snap.taken for a, b in itertools.pairwise(seen)]
    losses = [float(image.painted.losses.total) for image in seen]
    shown = [float(np.abs(b.pixels.astype(float) - a.pixels).mean()) for a, b in itertools.pairwise(seen)]
    result: dict[str, Any] = {
        "images": len(seen),
        "rate": 1 / fmean(gaps),
        "size": seen[-1].budget.size,
        "steps": fmean(image.budget.steps for image in seen),
        "latency_in_paintings": fmean(p.latency / p.seconds for p in seen),
        "slowest_latency_in_paintings": max(p.latency / p.seconds for p in seen),
        "loss": [losses[0], losses[len(losses) // 2], losses[-1]],
        "shown_flicker": fmean(shown),
        "live": live,
    }
    if name == "moving":
        film = model.changed(settings=model.settings.replace(steps=30, frame_steps=3), look=seen[0].look)
        painted = paint_frames(film, [replace(frame, cut=False) for frame in frames])
        result["film"] = figures(model, [(one.frame, one.painted.image) for one in painted])
    return result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", type=Path, default=ROOT / "samples" / "photo.jpg")
    parser.add_argument("--style", type=Path, default=ROOT / "samples" / "swirl.jpg")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--json", type=Path)
    words = parser.parse_args()
    keep_freed_memory()
    style, report = load_image(words.style).rgb, {}
    settings = Settings(**{**LIVE, "weights": words.weights})
    for name, scene in scenes(to_array(load_image(words.image).rgb)).items():
        with camera_of(lambda n, scene=scene: scene[n % len(scene)], rate=15) as server, Camera(server.url) as camera:
            painting = paint_live(camera, [style], settings, device="cpu")
            seen = watched(painting, words.seconds)
        report[name] = measured(painting.model, name, seen)
        print(name, json.dumps(report[name], indent=1), flush=True)
    if words.json:
        words.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
