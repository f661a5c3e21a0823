"""How well the engine paints: pairs of images, kinds of filters, this checkout against older commits.

    python benchmarks/quality.py [--contents A.jpg B.mp4 ...] [--styles S.jpg ...] [--size 256]
                                 [--weights selftaught FILE ...] [--against COMMIT ...] [--settings '{"steps": 30}']
                                 [--steps-now N] [--steps-against N] [--json quality.json] [--out DIR]

Each content (a video's first frame) is painted in each style, with each kind of filters, by each engine: ``now``, this
checkout, and the commits of --against, 89cd230 or later, each painting in a process of its own (one_painting.py).
Filters, palette and balance are the same for all engines, found once by this checkout. So is what measures the
paintings:

- loss: of this checkout's objective at the full size, and its content and style parts;
- structure: how much of the content's shapes is left;
- band_1 ... band_4: energies of the finest bands, the finest first, over those of the style at its strokes' size;
- patches: sliced Wasserstein distance of 7x7 patches from those of the style at that size;
- judged: relative Gram error of conv1_1, conv2_1, conv3_1 on filters that were not optimised, over that of the content
  itself: self-taught ones judge files, --judge (else the first file of --weights) judges self-taught ones;
- cost: of all steps, in steps at the full size; seconds.

--settings are changes of the defaults, which are each commit's own; fields that an older one lacks are dropped. To
compare losses at equal cost, bring the costs together with --steps-now or --steps-against.
"""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from one_painting import Engine, all_engines
from selftaught import patch_distance
from torch import Tensor
from torch.nn import functional as F

import vidstyle
from vidstyle import Settings, calibrated, load_image, open_video, save_image
from vidstyle.core.calibration import structure
from vidstyle.core.sizes import fit_size, resize, size_of
from vidstyle.core.style_model import STROKES, StyleModel
from vidstyle.core.weights import load_filters
from vidstyle.evaluation.judge import Judge
from vidstyle.images import image_format
from vidstyle.video.montage import contact_sheet

ROOT = Path(vidstyle.__file__).resolve().parents[1]
SAMPLES = Path(__file__).resolve().parents[1] / "samples"
STYLES = [str(SAMPLES / name) for name in ("monet.jpg", "woodcut.jpg", "swirl.jpg")]
SELFTAUGHT, JUDGED = "selftaught", ("conv1_1", "conv2_1", "conv3_1")
NAMES = {"filters": 11, "content": 11, "style": 11, "engine": 8}  # columns of the table, and how wide they are
FIGURES = dict.fromkeys(("loss", "content_loss", "style_loss", "structure", "patches", "judged"), ".4f")
FIGURES |= dict.fromkeys(("band_1", "band_2", "band_3", "band_4"), ".3f") | {"cost": ".2f", "seconds": ".2f"}

Row = dict[str, Any]  # names and figures of one painting


@dataclass(frozen=True)
class Case:
    """A content to be painted in a style with a kind of filters, and a judge with others, if there are any."""

    names: Mapping[str, str]
    content: Tensor
    changes: Mapping[str, Any]  # of the settings
    model: StyleModel
    judge: Judge | None


# ---------------------------------------------------------------- what is painted


def all_cases(options: argparse.Namespace) -> Iterator[Case]:
    kinds = named(options.weights).items()
    for (content_name, file), (style_name, style_file) in product(
        named(options.contents).items(), named(options.styles).items()
    ):
        content, style = first_image(Path(file), options.size), load_image(style_file).rgb
        for kind, weights in kinds:
            changes = {"pooling": "avg" if weights == SELFTAUGHT else options.pooling, **options.settings}
            model = calibrated(model_for(content, style, weights, Settings(**changes)), [content])
            judge = judge_of(model, content, options.judge if weights == SELFTAUGHT else SELFTAUGHT, options.pooling)
            names = {"filters": kind, "content": content_name, "style": style_name}
            yield Case(names, content, changes, model, judge)


def named(paths: Sequence[str]) -> dict[str, str]:
    """Files by the stem of their names, made different where two are the same."""
    found: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        name = Path(path).stem
        while name in found:
            name += "_"
        found[name] = path
    return found


def first_image(path: Path, long_side: int) -> Tensor:
    """(3, H, W) of an image file or of a video's first frame, at most as large as asked."""
    if image_format(path):
        return fitted(load_image(path).rgb, long_side)
    with open_video(path) as source:
        source.size = fit_size(source.info.size, long_side)
        return next(iter(source)).image


def fitted(image: Tensor, long_side: int) -> Tensor:
    return resize(image, fit_size(size_of(image), long_side))


def model_for(content: Tensor, style: Tensor, weights: str, settings: Settings) -> StyleModel:
    layers = (*settings.layers, *JUDGED)
    filters = load_filters(weights, layers, teachers=lambda: [style, content], seed=settings.seed)
    return StyleModel.of([style], filters, settings)


def judge_of(model: StyleModel, content: Tensor, weights: str | None, pooling: Any) -> Judge | None:
    if weights == SELFTAUGHT:
        filters, pooling = model_for(content, model.styles[0], weights, model.settings).filters, "avg"
    elif weights:
        filters = load_filters(weights, JUDGED, teachers=list)
    else:
        return None
    return Judge.of(filters.tensors, pooling, model.styles, JUDGED, JUDGED[-1:], model.palettes, model.device)


# ---------------------------------------------------------------- the figures


@torch.no_grad()
def measured(case: Case, image: Tensor) -> Row:
    model, content = case.model, case.content
    style = fitted(model.features.styles[0], round(STROKES * max(size_of(image))))
    losses = model.objective(model.coloured(content))(image).numbers()
    judged = case.judge and case.judge.compare(image, content)
    bands = zip(band_energies(image), band_energies(style), strict=True)
    return {
        "loss": losses.spatial,
        "content_loss": losses.content,
        "style_loss": losses.style,
        "structure": structure(image, content),
        "patches": patch_distance(image, style),
        "judged": judged and sum(judged.style[k] for k in JUDGED) / sum(judged.source_style[k] for k in JUDGED),
        **{f"band_{number}": ours / theirs for number, (ours, theirs) in enumerate(bands, 1)},
    }


def band_energies(image: Tensor) -> Iterator[float]:
    """Mean squares of what is lost when the image is halved, then its half, and so on."""
    for _ in range(4):
        half = F.interpolate(image[None], scale_factor=0.5, mode="bilinear", antialias=True)
        yield float((image - F.interpolate(half, image.shape[-2:], mode="bicubic")[0]).square().mean())
        image = half[0]


def summaries(rows: Sequence[Row], engines: Sequence[Engine]) -> dict[str, Any]:
    """By kind of filters and engine: the means, and the ratios to the first of the other commits."""
    found: dict[str, Any] = {}
    for kind in dict.fromkeys(row["filters"] for row in rows):
        of = {e.name: [row for row in rows if (row["filters"], row["engine"]) == (kind, e.name)] for e in engines}
        means = {name: {key: mean([row[key] for row in some]) for key in FIGURES} for name, some in of.items()}
        found[kind] = {"means": means, "ratios": {}}
        for base in engines[1:2]:
            found[kind]["ratios"] = {
                f"{name} over {base.name}": ratios(of[name], of[base.name]) for name in of if name != base.name
            }
    return found


def mean(values: Sequence[float | None]) -> float | None:
    return None if None in values else fmean(values)


def ratios(rows: Sequence[Row], others: Sequence[Row]) -> dict[str, float]:
    """Of an engine's paintings to another's of the same pairs."""
    loss, cost, seconds = (
        [row[key] / other[key] for row, other in zip(rows, others, strict=True)] for key in ("loss", "cost", "seconds")
    )
    return {"loss": fmean(loss), "largest_loss": max(loss), "cost": fmean(cost), "seconds": fmean(seconds)}


# ---------------------------------------------------------------- the report


def line(row: Row) -> str:
    names = (f"{str(row.get(name, ''))[:width]:{width}}" for name, width in NAMES.items())
    figures = ("-" if row[key] is None else f"{row[key]:{form}}" for key, form in FIGURES.items())
    return " ".join([*names, *(f"{text:>{max(7, len(key))}}" for text, key in zip(figures, FIGURES, strict=True))])


def print_summaries(found: Mapping[str, Any]) -> None:
    for kind, values in found.items():
        for engine, means in values["means"].items():
            print(line({"filters": kind, "content": "mean", "engine": engine, **means}))
    for kind, values in found.items():
        for name, ratio in values["ratios"].items():
            print(f"{kind:11} {name}: " + ", ".join(f"{key} {value:.3f}" for key, value in ratio.items()))


def sheet(cases: Sequence[tuple[Sequence[Tensor], Sequence[Row]]], engines: Sequence[Engine]) -> Tensor:
    """One row for each pair: content, style and paintings, the loss below these."""
    names = [[rows[0]["content"], rows[0]["style"], *(f"loss {row['loss']:.3f}" for row in rows)] for _, rows in cases]
    columns = ["content", "style", *(engine.name for engine in engines)]
    return contact_sheet([images for images, _ in cases], names, columns)


# ---------------------------------------------------------------- what is run


def run(options: argparse.Namespace, engines: Sequence[Engine]) -> dict[str, Any]:
    cases: dict[str, list[tuple[list[Tensor], list[Row]]]] = {}  # by the kind of filters
    report: dict[str, Any] = {name: getattr(options, name) for name in ("size", "weights", "judge", "settings")}
    report |= {"torch": torch.__version__, "engines": {e.name: {"commit": e.commit} for e in engines}}
    report["paintings"] = []
    for case in all_cases(options):
        images = [case.content, fitted(case.model.styles[0], max(size_of(case.content)))]
        rows = []
        for engine in engines:
            image, row = painted(engine, case, report["engines"][engine.name])
            print(line(row), flush=True)
            images.append(image)
            rows.append(row)
        cases.setdefault(case.names["filters"], []).append((images, rows))
        report["paintings"] += rows
        report["summaries"] = summaries(report["paintings"], engines)
        save(options, report, cases, engines)  # after every case, so that a run that is stopped leaves what it has
    return report


def painted(engine: Engine, case: Case, about: Row) -> tuple[Tensor, Row]:
    """A painting and its figures; what concerns all of the engine's goes to `about`."""
    image, done = engine.paint(case.model, case.content, case.changes)
    if done["dropped"] and not about.get("dropped"):
        print(f"{engine.name} has no setting {', '.join(done['dropped'])}: dropped", flush=True)
    about |= {key: done[key] for key in ("dropped", "threads", "settings")}
    names = {**case.names, "engine": engine.name, "pooling": about["settings"].pop("pooling")}
    figures = {"cost": done["cost"], "seconds": done["seconds"], "balance": case.model.balance}
    return image, names | measured(case, image) | figures


def save(options: argparse.Namespace, report: Row, cases: Mapping[str, Any], engines: Sequence[Engine]) -> None:
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    for kind, some in cases.items() if options.out else ():
        save_image(options.out / f"sheet_{kind}.png", sheet(some, engines))
        images, rows = some[-1]
        for image, row in zip(images[2:], rows, strict=True):
            save_image(options.out / f"{'_'.join(row[name] for name in NAMES)}.png", image)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contents", nargs="+", default=[str(SAMPLES / "photo.jpg")], metavar="FILE")
    parser.add_argument("--styles", nargs="+", default=STYLES, metavar="FILE")
    parser.add_argument("--size", type=int, default=256, help="pixels of the long side")
    parser.add_argument("--weights", nargs="+", default=[SELFTAUGHT], metavar="FILTERS", help="selftaught, or files")
    parser.add_argument("--pooling", choices=("max", "avg"), default="max", help="of files")
    parser.add_argument("--judge", metavar="FILE", help="filters that judge self-taught ones")
    parser.add_argument("--against", nargs="+", default=[], metavar="COMMIT")
    parser.add_argument("--settings", type=json.loads, default={}, metavar="JSON")
    parser.add_argument("--steps-now", type=int)
    parser.add_argument("--steps-against", type=int)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--out", type=Path, help="a folder for paintings and contact sheets")
    options = parser.parse_args()
    options.judge = options.judge or next((file for file in options.weights if file != SELFTAUGHT), None)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that worktrees are removed then too
    steps = [{"steps": count} if count else {} for count in (options.steps_now, options.steps_against)]
    print(" ".join([*(f"{name:{width}}" for name, width in NAMES.items()), *(f"{key:>7}" for key in FIGURES)]))
    with (
        tempfile.TemporaryDirectory(prefix="vidstyle-") as folder,
        all_engines(ROOT, options.against, Path(folder).resolve(), *steps) as engines,
    ):
        print_summaries(run(options, engines)["summaries"])


if __name__ == "__main__":
    main()
