"""Films painted by vidstyle against baselines made of the same engine: stability, style, content, work.

    python benchmarks/video.py CLIP --style IMAGE [--frames 48] [--size 320] [--judge FILE] [--json FILE] [--out DIR]
    python benchmarks/video.py made --style IMAGE [--frames 24] [--size 192] ...
    python benchmarks/video.py changes --style IMAGE [--size 160] [--films "fade in,dissolve"] ...

With a CLIP, one row for each of:

- ``vidstyle``: as the command line paints;
- ``alone``: each frame for itself, coarse to fine from its content;
- ``warm``: each frame from the last painting as it lies, WARM_STEPS steps at full size;
- ``ruder``: each frame from the last painting carried along the flow, with a temporal loss where it can be seen, by
  L-BFGS until the loss falls by less than 1e-4 in 50 steps (Ruder et al. 2016); only --ruder-frames, it is slow.

All have the same filters, palette, balance and first frame. Style is judged by layers that nothing was optimised for,
of the model's own filters or, with --judge, of a file of trained ones. ``made`` paints clips whose motion is known,
holds the flow of the painting against it where there is motion, and counts the work where 20 % of an image move in
front of a still camera. ``changes`` paints films whose light or scene changes (changing.py) and holds every fourth
frame against the same frame painted alone; with --out it writes a strip of each film.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

from baselines import METHODS, vidstyle
from changing import changes_measured, changing_films
from made import followed_motion, made_clips
from torch import Tensor

from vidstyle import Frame, Settings, calibrated, load_image, open_video
from vidstyle.cli.terminal import keep_freed_memory
from vidstyle.core.cuts import find_cuts, mark_cuts
from vidstyle.core.optimizers import Preconditioner, Schedule, lbfgs, loss_and_gradient, quasi_newton
from vidstyle.core.sizes import fit_size, size_of
from vidstyle.core.style_model import StyleModel
from vidstyle.core.weights import load_filters, read_filters
from vidstyle.evaluation.judge import Judge
from vidstyle.evaluation.metrics import film_measures, judged, summary
from vidstyle.jobs.events import Work
from vidstyle.video.encoder import Film
from vidstyle.video.muxer import Sink

LBFGS_STEPS = 500
TRAINED_LAYERS = ("conv1_1", "conv2_1", "conv3_1")


# ---------------------------------------------------------------- the judge


def judge_of(model: StyleModel, file: Path | None) -> Judge:
    """By layers that were not optimised: of trained filters, or of the model's own."""
    content = tuple(model.settings.content_layer_weights)
    if file is None:
        layers = tuple(model.settings.style_layer_weights)
        return Judge.of(model.filters.tensors, "avg", model.styles, layers, content, model.palettes, model.device)
    tensors = read_filters(file, TRAINED_LAYERS[-1]).tensors
    return Judge.of(tensors, "avg", model.styles, TRAINED_LAYERS, TRAINED_LAYERS[-1:], model.palettes, model.device)


def measured(name: str, model: StyleModel, frames: Sequence[Frame], judge: Judge, out: Path | None) -> dict[str, Any]:
    """The figures of one method on the frames."""
    results = list(METHODS[name](model, frames))  # all of it before it is judged, which would take time from it
    works = [
        (Work(painted.steps, painted.full_steps, seconds, 0.0), float(painted.losses.spatial))
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


def save(path: Path, images: Sequence[Tensor]) -> None:
    with Sink(Film(path, size_of(images[0]), 24)) as sink:
        for image in images:
            sink.write(image)
        sink.finish()


def step_seconds(model: StyleModel, frame: Frame) -> dict[str, float]:
    """Seconds of one step (the median of some) and of one of L-BFGS with a line search on the frame."""
    objective, image = model.objective(model.coloured(frame.image)), frame.image
    loss_and_gradient(image, objective)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        quasi_newton(image, objective, Schedule(1), lambda *_: None, Preconditioner(model.features.colours))
        times.append(time.perf_counter() - began)
    steps, began = 10, time.perf_counter()
    lbfgs(image, objective, steps, lambda *_: None)
    return {"step": median(times), "lbfgs_step": (time.perf_counter() - began) / steps}


# ---------------------------------------------------------------- what is run


def model_for(frames: Sequence[Frame], style: Path, strength: float, weights: str) -> StyleModel:
    settings = Settings(weights=weights, strength=strength)
    image = load_image(style).rgb
    samples = [frames[i * len(frames) // 3].image for i in range(3)]
    filters = load_filters(weights, settings.layers, teachers=lambda: [image, *samples])
    return calibrated(StyleModel.of([image], filters, settings), samples)


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
    model = model_for(frames, options.style, options.strength, options.weights)
    judge, timed = judge_of(model, options.judge), [step_seconds(model, frames[0])]
    print(f"{len(frames)} frames of {size_of(frames[0].image)}, {model.filters.origin} filters", flush=True)
    rows = {}
    for name in options.methods.split(","):
        chosen = frames[: options.ruder_frames] if name == "ruder" else frames
        rows[name] = measured(name, model, chosen, judge, options.out)
        print_row(name, rows[name])
        timed.append(step_seconds(model, frames[0]))  # a machine's speed changes over the minutes of a run
    steps = {kind: fmean(times[kind] for times in timed) for kind in timed[0]}
    print_row("seconds of a step", steps)
    return {"frames": len(frames), "steps": steps, "rows": rows, "ratios": ratios(rows, steps, len(frames))}


def ratios(rows: dict[str, Any], steps: dict[str, float], frames: int) -> dict[str, float]:
    """What one reads the table for; all of one run."""
    ours = rows["vidstyle"]
    found = {
        "equivalents_of_a_follower": ours["follower_seconds"] / steps["step"],
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
        model = model_for(frames, options.style, options.strength, options.weights)
        before, results = step_seconds(model, frames[0]), list(vidstyle(model, frames))
        step = fmean((before["step"], step_seconds(model, frames[0])["step"]))
        paintings = [painted.image for _, painted, _ in results]
        if options.out:
            save(options.out / f"{name.replace(', ', '_')}.mp4", paintings)
        judge = judge_of(model, options.judge)
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


def run_changes(options: argparse.Namespace) -> dict[str, Any]:
    films = changing_films((round(options.size * 9 / 16), options.size))
    model = model_for(films["plain"], options.style, options.strength, options.weights)
    rows = {}
    for name in options.films.split(",") if options.films else films:
        rows[name] = changes_measured(name, model, films[name], options.out)
        print_row(name, rows[name])
    return {"size": options.size, "rows": rows}


def print_row(name: str, row: dict[str, Any]) -> None:
    figures = ((key, value) for key, value in row.items() if isinstance(value, float | int))
    print(f"\n{name}\n" + "\n".join(f"  {key:34} {value:.6g}" for key, value in figures), flush=True)


RUNS = {"made": (run_made, 24, 192), "changes": (run_changes, 0, 160)}  # with the usual frames and size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", help="a video, or the word made or changes")
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=None)
    parser.add_argument("--size", type=int, default=None)
    parser.add_argument("--strength", type=float, default=Settings.strength)
    parser.add_argument("--weights", default="selftaught")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--ruder-frames", type=int, default=4)
    parser.add_argument("--films", help="only these of changes, by their names and commas")
    parser.add_argument("--judge", type=Path, help="trained filters of conv1_1 ... conv3_1")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--out", type=Path, help="a folder for the films")
    options = parser.parse_args()
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
    run, frames, size = RUNS.get(options.clip, (run_clip, 48, 320))
    options.frames, options.size = options.frames or frames, options.size or size
    keep_freed_memory()
    result = run(options)
    for key, value in result.get("ratios", {}).items():
        print(f"{key:44} {value:10.3f}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
