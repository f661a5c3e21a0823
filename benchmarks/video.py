"""Films painted by vidstyle against baselines made of the same engine: stability, style, content, work.

    python benchmarks/video.py CLIP --style PICTURE [--frames 48] [--size 320] [--judge FILE] [--json FILE] [--out DIR]
    python benchmarks/video.py made --style PICTURE [--frames 24] [--size 192] ...

With a CLIP, one row for each of:

- ``vidstyle``: as the command line paints;
- ``alone``: each frame for itself, coarse to fine from its content;
- ``warm``: each frame from the last painting as it lies, a fresh Adam, WARM_STEPS steps at full size;
- ``ruder``: each frame from the last painting carried along the flow, with a temporal loss where it can be seen, by
  L-BFGS until the loss falls by less than 1e-4 in 50 steps (Ruder et al. 2016); only --ruder-frames, it is slow.

All have the same filters, palette, balance and first frame. Style is judged by layers that nothing was optimised for,
of the painter's own filters or, with --judge, of a file of trained ones. ``made`` paints clips whose motion is known,
holds the flow of the painting against it where there is motion, and counts the work where 20 % of a picture move in
front of a still camera.
"""

import argparse
import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from vidstyle import Frame, Painter, Settings, calibrated, find_cuts, load_filters, load_picture, mark_cuts, open_video
from vidstyle.apps.memory import keep_freed_memory
from vidstyle.features.weights import read_filters
from vidstyle.jobs.measures import Judge, Work, film_measures, judged
from vidstyle.jobs.report import summary
from vidstyle.media.images import fit_size
from vidstyle.media.sink import open_sink
from vidstyle.motion.chain import paint_frames
from vidstyle.motion.flow import Flow, Motion, optical_flow, warp
from vidstyle.painting.descent import Moments, Schedule, adam, lbfgs, loss_and_gradient
from vidstyle.painting.painter import FIRST_RATE, LAST_RATE, Painted, size_of
from vidstyle.painting.targets import Anchor, Losses

PHOTO = Path(__file__).resolve().parents[1] / "samples" / "photo.jpg"
WARM_STEPS, LBFGS_STEPS = 8, 500
RUDER_TOLERANCE, RUDER_EVERY, RUDER_MOST = 1e-4, 50, 1000
TRAINED_LAYERS = ("conv1_1", "conv2_1", "conv3_1")
ALL = Settings().layers

Painting = Iterator[tuple[Frame, Painted, float]]  # a frame, its painting, the seconds that it took
Method = Callable[[Painter, Sequence[Frame]], Painting]


# ---------------------------------------------------------------- the contestants


def timed(results: Iterator[tuple[Frame, Painted]]) -> Painting:
    began = time.perf_counter()
    for frame, painted in results:
        yield frame, painted, time.perf_counter() - began
        began = time.perf_counter()


def vidstyle(painter: Painter, frames: Sequence[Frame]) -> Painting:
    return timed((one.frame, one.painted) for one in paint_frames(painter, frames))


def alone(painter: Painter, frames: Sequence[Frame]) -> Painting:
    return timed((frame, painter.paint(frame.image)) for frame in frames)


def warm(painter: Painter, frames: Sequence[Frame]) -> Painting:
    def results() -> Iterator[tuple[Frame, Painted]]:
        last = None
        for frame in frames:
            if last is None or frame.cut:
                last = painter.paint(frame.image)
            else:
                schedule = Schedule(WARM_STEPS, FIRST_RATE, LAST_RATE, painter.axes)
                objective = painter.objective(painter.coloured(frame.image))
                end = adam(last.image, objective, schedule, None, lambda *_: None)
                last = Painted(end.image, end.losses, WARM_STEPS, 0.0, end.moments, WARM_STEPS)
            yield frame, last

    return timed(results())


def ruder(painter: Painter, frames: Sequence[Frame]) -> Painting:
    def results() -> Iterator[tuple[Frame, Painted]]:
        last: Painted | None = None
        before: Frame | None = None
        for frame in frames:
            if last is None or before is None or frame.cut:
                last = painter.paint(frame.image)
            else:
                last = followed(painter, frame, before, last)
            before = frame
            yield frame, last

    return timed(results())


def followed(painter: Painter, frame: Frame, before: Frame, last: Painted) -> Painted:
    """A frame by Ruder's scheme; the temporal weight is that of vidstyle's default."""
    motion = Motion.between(frame.image, before.image)
    start = warp(last.image, motion.flow).clamp(0, 1)
    stiffness = motion.trust[None] * painter.pull(frame.image, start) * 255 / (2 * painter.settings.stability)
    objective = painter.objective(painter.coloured(frame.image), Anchor(start, stiffness, torch.ones_like(start[:1])))
    losses: list[float] = []
    latest: list[tuple[Tensor, Losses]] = []

    def watch(image: Tensor, loss: Losses) -> None:
        losses.append(float(loss.total))
        latest[:] = [(image, loss)]
        if len(losses) > RUDER_EVERY:
            earlier = losses[-1 - RUDER_EVERY]
            if (earlier - losses[-1]) / earlier < RUDER_TOLERANCE:
                raise StopIteration

    with contextlib.suppress(StopIteration):
        lbfgs(start, objective, Schedule(RUDER_MOST, 0, 0), None, watch)
    ((image, loss),) = latest
    return Painted(image, loss, len(losses), 0.0, Moments.zeros(image), len(losses))


METHODS: dict[str, Method] = {"vidstyle": vidstyle, "alone": alone, "warm": warm, "ruder": ruder}


# ---------------------------------------------------------------- the judge


def judge_of(painter: Painter, file: Path | None) -> Judge:
    """By layers that were not optimised: of trained filters, or of the painter's own."""
    content = tuple(painter.settings.content_layer_weights)
    if file is None:
        layers = tuple(painter.settings.style_layer_weights)
        return Judge.of(
            painter.filters.tensors, "avg", painter.styles, layers, content, painter.palette, painter.device
        )
    tensors = read_filters(file, TRAINED_LAYERS[-1]).tensors
    return Judge.of(
        tensors, "avg", painter.styles, TRAINED_LAYERS, TRAINED_LAYERS[-1:], painter.palette, painter.device
    )


def measured(name: str, painter: Painter, frames: Sequence[Frame], judge: Judge, out: Path | None) -> dict[str, Any]:
    """The figures of one method on the frames."""
    results = list(METHODS[name](painter, frames))  # all of it before it is judged, which would take time from it
    works = [
        (Work(painted.steps, painted.full_steps, seconds, 0.0), float(painted.losses.picture))
        for _, painted, seconds in results
    ]
    pairs = ((frame, painted.image.mul(255).round().div(255)) for frame, painted, _ in results)  # as it is seen
    ones, rows = [], []
    for one in judged(pairs, judge):
        rows.append(replace(one.measures, work=works[len(rows)][0]))
        ones.append(one.painting)
    film = film_measures(rows, one.still)
    if out:
        save(out / f"{name}.mp4", ones)
    followers = [i for i, row in enumerate(rows) if i and not row.cut] or [0]
    return {
        **summary(film, judge.optimised, judge.held_out),
        "follower_seconds": fmean(works[i][0].seconds for i in followers),
        "follower_steps": fmean(works[i][0].steps for i in followers),
        "follower_loss": fmean(works[i][1] for i in followers),
        "lowest_structure_over_first": min(row.structure for row in rows) / rows[0].structure,
        "highest_style_over_first": max(row.style_distance(judge.optimised) for row in rows)
        / rows[0].style_distance(judge.optimised),
        "seconds_in_all": sum(work.seconds for work, _ in works),
        "by_frame": [asdict(row) for row in rows],
    }


def save(path: Path, pictures: Sequence[Tensor]) -> None:
    with open_sink(path, size=size_of(pictures[0]), rate=24) as sink:
        for picture in pictures:
            sink.write(picture)
        sink.finish()


def step_seconds(painter: Painter, frame: Frame) -> dict[str, float]:
    """Seconds of one step of Adam and of one of L-BFGS on the frame, best of some."""
    objective, image = painter.objective(painter.coloured(frame.image)), frame.image
    loss_and_gradient(image, objective)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        adam(image, objective, Schedule(1, FIRST_RATE, LAST_RATE, painter.axes), None, lambda *_: None)
        times.append(time.perf_counter() - began)
    steps, began = 10, time.perf_counter()
    lbfgs(image, objective, Schedule(steps, 0, 0), None, lambda *_: None)
    return {"adam_step": min(times), "lbfgs_step": (time.perf_counter() - began) / steps}


# ---------------------------------------------------------------- clips whose motion is known


def made_clips(size: tuple[int, int], count: int) -> dict[str, tuple[list[Frame], list[Flow | None]]]:
    """Frames with the true flow of each to the one before, None for the first."""
    photo = load_picture(PHOTO).image.permute(1, 2, 0).numpy()
    photo = cv2.resize(photo, (round(photo.shape[1] * 1.6 * size[0] / photo.shape[0]), round(1.6 * size[0])))
    centre = photo.shape[1] / 2, photo.shape[0] / 2

    def camera(view: Callable[[int], Any]) -> tuple[list[Frame], list[Flow | None]]:
        """`view` gives for a frame the map (2, 3) from its pixels, counted from its middle, into the photo."""
        frames, flows, last = [], list[Flow | None](), None
        for i in range(count):
            matrix = np.float64(view(i))
            matrix[:, 2] += centre - matrix[:, :2] @ (size[1] / 2, size[0] / 2)
            flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
            pixels = cv2.warpAffine(photo, matrix, (size[1], size[0]), flags=flags, borderMode=cv2.BORDER_REFLECT)
            frames.append(framed(i, pixels))
            flows.append(None if last is None else between(matrix, last, size))
            last = matrix
        return frames, flows

    turn = np.deg2rad(0.5)
    return {
        "pan": camera(lambda i: [[1, 0, 1.3 * i - 15], [0, 1, 0.4 * i - 5]]),
        "zoom": camera(lambda i: [[0.992**i, 0, 0], [0, 0.992**i, 0]]),
        "rotation": camera(
            lambda i: [[np.cos(turn * i), -np.sin(turn * i), 0], [np.sin(turn * i), np.cos(turn * i), 0]]
        ),
        "object": crossing(camera(lambda _: [[1, 0, 0], [0, 1, 0]])[0], size, noise=0.0),
        "object, noise": crossing(camera(lambda _: [[1, 0, 0], [0, 1, 0]])[0], size, noise=0.006),
    }


def between(matrix: Any, last: Any, size: tuple[int, int]) -> Flow:
    """The flow of a view to the one before, from their maps into the same photo."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float64)
    there = np.stack([x, y, np.ones_like(x)], -1) @ matrix.T
    inverse = cv2.invertAffineTransform(last)
    back = np.concatenate([there, np.ones_like(x)[..., None]], -1) @ inverse.T
    return (back - np.stack([x, y], -1)).astype(np.float32)


def crossing(frames: list[Frame], size: tuple[int, int], noise: float) -> tuple[list[Frame], list[Flow | None]]:
    """A disc of 20 % of the area that crosses a still picture, each pixel with noise as of a codec."""
    radius = (0.2 * size[0] * size[1] / np.pi) ** 0.5
    generator = torch.Generator().manual_seed(0)
    paper = frames[0].image.flip(2).flip(1)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    found, flows = [], list[Flow | None]()
    for i, frame in enumerate(frames):
        moved = 2.0 * i
        inside = (x - radius - moved) ** 2 + (y - size[0] / 2) ** 2 < radius**2
        flow = np.zeros((*size, 2), np.float32)
        flow[inside] = (-2.0, 0)
        carried = warp(paper, np.dstack([np.full_like(x, -moved), np.zeros_like(x)]))
        image = torch.where(torch.from_numpy(inside), carried, frame.image)
        image = (image + noise * torch.randn(image.shape, generator=generator)).clamp(0, 1)
        found.append(replace(frame, image=image))
        flows.append(None if i == 0 else flow)
    return found, flows


def framed(index: int, pixels: Any) -> Frame:
    return Frame(index, index / 24, torch.from_numpy(pixels).permute(2, 0, 1).clamp(0, 1).contiguous())


def followed_motion(paintings: Sequence[Tensor], flows: Sequence[Flow | None], border: int = 8) -> float:
    """Median distance in pixels of the paintings' flow from the truth, where there is motion, away from the border."""
    gaps = []
    for before, painting, truth in zip(paintings, paintings[1:], flows[1:], strict=False):
        assert truth is not None
        gap = np.hypot(*(optical_flow(painting, before) - truth).transpose(2, 0, 1))
        inside = np.s_[border:-border, border:-border]
        gaps.append(gap[inside][truth.any(-1)[inside]])
    return float(np.median(np.concatenate(gaps)))


# ---------------------------------------------------------------- what is run


def painter_for(frames: Sequence[Frame], style: Path, strength: float, weights: str) -> Painter:
    settings = Settings(weights=weights, strength=strength)
    picture = load_picture(style).image
    samples = [frames[i * len(frames) // 3].image for i in range(3)]
    filters = load_filters(weights, settings.layers, teachers=lambda: [picture, *samples])
    return calibrated(Painter([picture], filters, settings), samples)


def read(clip: Path, count: int, long_side: int) -> list[Frame]:
    with open_video(clip) as source:
        source.size = fit_size(source.info.size, long_side)
        frames: list[Frame] = []
        for frame in source:
            frames.append(frame)
            if len(frames) == count:
                break
        return list(mark_cuts(frames, find_cuts(frames, source.info.rate)))


def run_clip(options: argparse.Namespace) -> dict[str, Any]:
    frames = read(Path(options.clip), options.frames, options.size)
    painter = painter_for(frames, options.style, options.strength, options.weights)
    judge, steps = judge_of(painter, options.judge), step_seconds(painter, frames[0])
    print(
        f"{len(frames)} frames of {size_of(frames[0].image)}, {painter.filters.origin} filters, step {steps}",
        flush=True,
    )
    rows = {}
    for name in options.methods.split(","):
        chosen = frames[: options.ruder_frames] if name == "ruder" else frames
        rows[name] = measured(name, painter, chosen, judge, options.out)
        print_row(name, rows[name])
    return {"frames": len(frames), "steps": steps, "rows": rows, "ratios": ratios(rows, steps, len(frames))}


def ratios(rows: dict[str, Any], steps: dict[str, float], frames: int) -> dict[str, float]:
    """What one reads the table for; all of one run."""
    ours = rows["vidstyle"]
    found = {
        "equivalents_of_a_follower": ours["follower_seconds"] / steps["adam_step"],
        "lbfgs_500_over_ours": LBFGS_STEPS * frames * steps["lbfgs_step"] / ours["seconds_in_all"],
    }
    for name in rows:
        if name != "vidstyle":
            found[f"warp_error_of_{name}_over_ours"] = rows[name]["warp_error"] / ours["warp_error"]
            found[f"seconds_of_{name}_over_ours"] = rows[name]["follower_seconds"] / ours["follower_seconds"]
            found[f"loss_of_{name}_over_ours"] = rows[name]["follower_loss"] / ours["follower_loss"]
            for key in ("style_distance", "held_out_style_distance"):
                found[f"{key}_of_{name}_over_ours"] = rows[name][key] / ours[key]
    return found


def run_made(options: argparse.Namespace) -> dict[str, Any]:
    size = (round(options.size * 9 / 16), options.size)
    rows = {}
    for name, (frames, flows) in made_clips(size, options.frames).items():
        painter = painter_for(frames, options.style, options.strength, options.weights)
        step = step_seconds(painter, frames[0])["adam_step"]
        results = list(vidstyle(painter, frames))
        paintings = [painted.image for _, painted, _ in results]
        if options.out:
            save(options.out / f"{name.replace(', ', '_')}.mp4", paintings)
        judge = judge_of(painter, options.judge)
        *_, end = judged(zip(frames, paintings, strict=True), judge)
        _, flicker, drift = end.still.figures()
        rows[name] = {
            "end_point_error": followed_motion(paintings, flows),
            "source_end_point_error": followed_motion([frame.image for frame in frames], flows),
            "equivalents": fmean(seconds for *_, seconds in results[1:]) / step,
            "median_equivalents": median(seconds for *_, seconds in results[1:]) / step,
            "steps": fmean(painted.steps for _, painted, _ in results[1:]),
            "flicker": flicker,
            "drift": drift,
        }
        print_row(name, rows[name])
    return {"frames": options.frames, "size": size, "rows": rows}


def print_row(name: str, row: dict[str, Any]) -> None:
    figures = ((key, value) for key, value in row.items() if isinstance(value, float | int))
    print(f"\n{name}\n" + "\n".join(f"  {key:34} {value:.6g}" for key, value in figures), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", help="a video, or the word made")
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=None)
    parser.add_argument("--size", type=int, default=None)
    parser.add_argument("--strength", type=float, default=Settings.strength)
    parser.add_argument("--weights", default="selftaught")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--ruder-frames", type=int, default=4)
    parser.add_argument("--judge", type=Path, help="trained filters of conv1_1 ... conv3_1")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--out", type=Path, help="a folder for the films")
    options = parser.parse_args()
    made = options.clip == "made"
    options.frames = options.frames or (24 if made else 48)
    options.size = options.size or (192 if made else 320)
    keep_freed_memory()
    result = run_made(options) if made else run_clip(options)
    for key, value in result.get("ratios", {}).items():
        print(f"{key:44} {value:10.3f}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
