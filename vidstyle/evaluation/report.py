"""How good painted films are: figures and images, from the files and their source."""

from __future__ import annotations

import base64
import itertools
import json
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import torch
from jinja2 import Environment, PackageLoader
from torch import Tensor

from vidstyle.core.color_transfer import palettes_for
from vidstyle.core.cuts import mark_cuts
from vidstyle.core.device import select_device
from vidstyle.core.exposure import Scenes
from vidstyle.core.flow import Motion, warp
from vidstyle.core.frame_style import Frame
from vidstyle.core.sizes import Size, fit_size, resize, size_of
from vidstyle.core.stylize_image import Painter
from vidstyle.core.weights import Filters, load_filters
from vidstyle.errors import SettingsError, SinkError, SourceError, VidstyleError
from vidstyle.evaluation.metrics import FilmMeasures, FrameMeasures, Judge, Judged, film_measures, judged, summary
from vidstyle.files import write_whole
from vidstyle.images import load_image
from vidstyle.jobs.events import FAR_OFF, Listener, Work, far_off
from vidstyle.jobs.frame_styles import FrameStyles
from vidstyle.jobs.prescan import Prescan, run_prescan
from vidstyle.jobs.spec import AnyPath, Job
from vidstyle.settings.settings import Settings
from vidstyle.video.reader import Source, open_video

log = logging.getLogger(__name__)

STRIP = 8  # frames of the filmstrip
SLICED = 600  # frames of the x-t slices, from the first on
SHOWN = 480  # pixels of the long side of images in the page, at most
WORST = 3  # pairs of frames that are shown


@dataclass(frozen=True)
class Report:
    """Films of one source in one style, measured side by side; `filters` names those that judged."""

    source: Path
    styles: tuple[Path, ...]
    filters: str
    filters_sha256: str
    optimised: tuple[str, ...]
    held_out: tuple[str, ...]
    films: tuple[MeasuredFilm, ...]
    source_strip: tuple[Tensor, ...] = field(repr=False)
    source_slices: tuple[Tensor, Tensor] = field(repr=False)

    def to_json(self) -> str:
        """All figures; what could not be measured is null."""
        films = [
            {
                "file": film.name,
                "summary": summary(film.measures, self.optimised, self.held_out),
                "still_share": film.measures.still,
                "frames": [asdict(frame) for frame in film.measures.frames],
            }
            for film in self.films
        ]
        facts = {"source": self.source.name, "styles": [style.name for style in self.styles]}
        judge = {"filters": self.filters, "filters_sha256": self.filters_sha256}
        layers = {"style_layers": self.optimised, "held_out_layers": self.held_out}
        return json.dumps(_finite({**facts, **judge, **layers, "films": films}), indent=1)

    def to_html(self) -> str:
        """One page that needs no other file."""
        rows = [(film, summary(film.measures, self.optimised, self.held_out)) for film in self.films]
        return page(self, rows)


def compare(
    outputs: Sequence[AnyPath],
    source: AnyPath,
    styles: Sequence[AnyPath],
    settings: Settings | None = None,
    *,
    device: str = "auto",
    start: float = 0.0,
    end: float | None = None,
    work: Sequence[Work] = (),
    filters: Filters | None = None,
    listener: Listener | None = None,
) -> Report:
    """Measures painted films against the part of the `source` that they show, `start` to `end` in seconds.

    `settings` name the layers and the `filters` that judge, unless these are given; `work` is what each frame of a
    single film took. Raises SourceError where a film cannot be read or has more frames than the source, and for
    animations, whose frames need not be those of their source.
    """
    settings, listener, place = settings or Settings(), listener or Listener(), select_device(device)
    if not outputs:
        raise SettingsError("VS208")
    with _opened(source, listener, start=start, end=end) as original:
        prescan = run_prescan(original, listener)
        images = [load_image(style).rgb for style in styles]
        filters = filters or load_filters(
            settings.weights,
            settings.layers,
            teachers=lambda: [*images, *prescan.samples],
            seed=settings.seed,
            on_progress=listener.working,
        )
        judge = _judge(filters, images, prescan.samples, settings, place)
        looks = FrameStyles(settings, len(styles), Scenes(prescan.scenes.cuts))
        films = [_film(Path(out), original, prescan, judge, looks, work, listener) for out in outputs]
        strip, slices = _album(_of_size(original, films[0].size), len(films[0].measures.frames))
    return Report(
        Path(source),
        tuple(Path(style) for style in styles),
        filters.origin,
        filters.sha256,
        tuple(judge.optimised),
        tuple(judge.held_out),
        tuple(films),
        strip,
        slices,
    )


def write_report(report: Report, path: Path, *, overwrite: bool = False) -> tuple[Path, Path]:
    """Writes the page to `path` and the figures beside it as .json; both files."""
    figures = path.with_suffix(".json")
    for file in (path, figures):
        if file.exists() and not overwrite:
            raise SinkError("VS402", path=file)
    for file, text in ((path, report.to_html()), (figures, report.to_json())):
        try:
            write_whole(file, text.encode("utf-8", "xmlcharrefreplace"))  # names of files may be no Unicode
        except OSError as error:
            raise SinkError("VS413", file=file, reason=error.strerror) from error
    return path, figures


def report_job(job: Job, painter: Painter, work: Sequence[Work], listener: Listener) -> Path:
    """Measures the film of a job as it was written; the page of the report."""
    try:
        report = compare(
            [job.out],
            job.source,
            job.styles,
            job.settings,
            device=job.device,
            start=job.start,
            end=job.end,
            work=work,
            filters=painter.filters,
            listener=listener,
        )
        return write_report(report, job.report_file, overwrite=True)[0]
    except VidstyleError as error:
        raise VidstyleError("VS803", out=job.out, error=error) from error
    except KeyboardInterrupt:
        listener.interrupted(job.out, len(work))
        raise


def _judge(
    filters: Filters, styles: Sequence[Tensor], samples: Sequence[Tensor], settings: Settings, device: torch.device
) -> Judge:
    """Who judges films that were painted with `settings` from a source like `samples`."""
    pooling = filters.pooling if settings.pooling == "auto" else settings.pooling
    palettes = palettes_for(settings.keep_colors, samples, styles)
    layers = settings.style_layer_weights, settings.content_layer_weights
    grey = settings.keep_colors == "luminance"
    return Judge.of(filters.tensors, pooling, styles, *layers, palettes, device, grey=grey)


def _film(
    path: Path,
    original: Source,
    prescan: Prescan,
    judge: Judge,
    looks: FrameStyles,
    work: Sequence[Work],
    listener: Listener,
) -> MeasuredFilm:
    with _opened(path, listener) as painted:
        size = _unpadded(painted.info.size, prescan.size)
        frames = looks.on(mark_cuts(_of_size(original, size), prescan.scenes.cuts))
        found = _told(judged(_paired(path, frames, painted, size), judge), path, len(painted), listener)
        film = _collected(path.name, size, found, len(painted), work)
    seen = len(film.measures.frames)
    if seen < prescan.frames:
        log.warning("%s has %d of the source's %d frames; these are measured", path, seen, prescan.frames)
    return film


def _opened(path: AnyPath, listener: Listener, *, start: float = 0.0, end: float | None = None) -> Source:
    """A video; SourceError for an animation."""
    rewriting = f"rewriting {Path(path).name} so that it is read rightly"
    source = open_video(path, start=start, end=end, on_progress=lambda done: listener.working(rewriting, done, 1.0))
    if source.info.durations:
        source.close()
        raise SourceError("VS306", path=path)
    return source


def _unpadded(painted: Size, source: Size) -> Size:
    """The size of a painting in a file of size `painted`, where the encoder may have added a line to odd sides."""
    for long_side in (max(painted), max(painted) - 1):
        size = fit_size(source, long_side)
        if all(side - own in (0, own % 2) for side, own in zip(painted, size, strict=True)):
            return size
    return painted


def _paired(path: Path, frames: Iterator[Frame], painted: Source, size: Size) -> Iterator[tuple[Frame, Tensor]]:
    """Frames of the source with what was painted of them."""
    for other in painted:
        frame = next(frames, None)
        if frame is None:
            raise SourceError("VS307", path=path)
        yield frame, other.image[:, : size[0], : size[1]]


def _collected(name: str, size: Size, found: Iterator[Judged], count: int, work: Sequence[Work]) -> MeasuredFilm:
    """The figures of all frames and the images that are shown of them, in memory that does not grow with the frames."""
    frames: list[FrameMeasures] = []
    album, worst, before = _Album(count), list[WorstPair](), None
    for one in found:
        number = len(frames)
        frames.append(replace(one.measures, work=work[number] if number < len(work) else None))
        album.add(one.painting)
        if before and one.motion and _is_worse(one, worst):
            worst = sorted([*worst, _pair(before, one, one.motion)], key=lambda pair: -pair.warp_error)[:WORST]
        before, still = one, one.still
    return MeasuredFilm(name, size, film_measures(frames, still), album.strip, album.slices, tuple(worst))


def _is_worse(one: Judged, worst: Sequence[WorstPair]) -> bool:
    return one.measures.warp_error > (worst[-1].warp_error if len(worst) == WORST else -1)  # False for nan


def _pair(before: Judged, after: Judged, motion: Motion) -> WorstPair:
    carried = warp(before.painting, motion.flow)
    gap = (after.painting - carried).abs().mean(0, keepdim=True) * (motion.confidence > 0.99)
    shown = (carried, after.painting, (4 * gap).clamp(0, 1).expand(3, -1, -1))
    return WorstPair(after.frame.seconds, after.measures.warp_error, tuple(_thumbnail(image) for image in shown))


class _Album:
    """A few frames of a film, and one row and one column of pixels of every frame."""

    def __init__(self, count: int) -> None:
        self._wanted = {round(i * (count - 1) / max(1, STRIP - 1)) for i in range(STRIP)}
        self._strip: list[Tensor] = []
        self._row: list[Tensor] = []
        self._column: list[Tensor] = []
        self._seen = 0

    def add(self, image: Tensor) -> None:
        if self._seen in self._wanted:
            self._strip.append(_thumbnail(image))
        if self._seen < SLICED:
            self._row.append(_bytes(image[:, image.shape[1] // 2]))
            self._column.append(_bytes(image[:, :, image.shape[2] // 2]))
        self._seen += 1

    @property
    def strip(self) -> tuple[Tensor, ...]:
        return tuple(self._strip)

    @property
    def slices(self) -> tuple[Tensor, Tensor]:
        """(3, frames, W) of the middle row, time downwards; (3, H, frames) of the middle column, time to the right."""
        return torch.stack(self._row, 1), torch.stack(self._column, 2)


def _album(frames: Iterator[Frame], count: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, Tensor]]:
    album = _Album(count)
    for frame in itertools.islice(frames, count):
        album.add(frame.image)
    return album.strip, album.slices


def _of_size(source: Source, size: Size) -> Iterator[Frame]:
    source.size = size
    yield from source


def _told(items: Iterator[Judged], path: Path, count: int, listener: Listener) -> Iterator[Judged]:
    for done, item in enumerate(items, 1):
        listener.working(f"measuring {path.name}", done, count)
        yield item


def _thumbnail(image: Tensor) -> Tensor:
    return _bytes(resize(image, fit_size(size_of(image), SHOWN)))


def _bytes(image: Tensor) -> Tensor:
    return image.mul(255).round().clamp(0, 255).byte()


def _finite(value: Any) -> Any:
    """The same for JSON, which knows no nan."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


COLOURS = ("#1f5fa8", "#c9522b", "#3a8f4d", "#7a4ba0", "#8a6d1f", "#0f8b8d")  # of the films' curves
WIDTH, HEIGHT, LEFT, BOTTOM = 760, 170, 56, 22  # of a curve's image and its margins, in pixels

FIGURES = (  # key of the summary, what the reader sees, unit and digits
    ("frames", "frames", 1, "{:.0f}"),
    ("warp_error_over_energy", "warp error / gradient energy, next frame", 1, "{:.4f}"),
    ("long_warp_error_over_energy", "the same, 8 frames apart", 1, "{:.4f}"),
    ("warp_error", "warp error (mean square, values 0..1)", 1, "{:.6f}"),
    ("flicker", "flicker of still pixels (levels of 255)", 1, "{:.2f}"),
    ("drift", "drift of still pixels (levels of 255)", 1, "{:+.2f}"),
    ("flow_difference", "motion against the source's (tOF, pixels)", 1, "{:.3f}"),
    ("structure", "structure kept (1 = all)", 1, "{:.3f}"),
    ("content", "content error (relative)", 1, "{:.3f}"),
    ("far_off", f"frames whose content error is {FAR_OFF:g} times the usual", 1, "{:.0f}"),
    ("style_distance", "style distance (source = 100 %)", 100, "{:.2f} %"),
    ("held_out_style_distance", "style distance on layers that were not optimised", 100, "{:.2f} %"),
    ("steps", "steps per frame", 1, "{:.1f}"),
    ("full_steps", "steps per frame, in steps at full size", 1, "{:.2f}"),
    ("seconds", "seconds per frame", 1, "{:.2f}"),
    ("memory", "peak memory of the process (MB)", 1e-6, "{:.0f}"),
)


@dataclass(frozen=True)
class WorstPair:
    """A frame that follows badly: the painting before carried along, the painting, their difference times 4."""

    seconds: float
    warp_error: float
    images: tuple[Tensor, ...]  # (3, H, W) bytes


@dataclass(frozen=True)
class MeasuredFilm:
    """A measured film: its figures, frames of its strip, its row and column over time, its worst pairs (bytes)."""

    name: str
    size: Size
    measures: FilmMeasures
    strip: tuple[Tensor, ...]
    slices: tuple[Tensor, Tensor]
    worst: tuple[WorstPair, ...]


def page(report: Report, rows: Sequence[tuple[MeasuredFilm, dict[str, float]]]) -> str:
    """The page of a report; `rows` are its films with their summaries."""
    environment = Environment(loader=PackageLoader("vidstyle.evaluation", "."), autoescape=True, trim_blocks=True)
    environment.filters["data_address"] = _data_address
    table = [
        (label, [_number(figures[key] * scale, form) for _, figures in rows])
        for key, label, scale, form in FIGURES
        if any(not math.isnan(figures[key]) for _, figures in rows)
    ]
    return environment.get_template("report.html").render(
        report=report, table=table, curves=_curves(report), colours=COLOURS
    )


def _curves(report: Report) -> list[dict[str, Any]]:
    """One image of curves for each measure that there is."""
    measures: list[tuple[str, Callable[[FrameMeasures], float]]] = [
        ("warp error / gradient energy, next frame", lambda f: f.warp_error / max(f.energy, 1e-12)),
        ("warp error / gradient energy, 8 frames apart", lambda f: f.long_warp_error / max(f.energy, 1e-12)),
        ("motion against the source's (tOF, pixels)", lambda f: f.flow_difference),
        ("structure kept", lambda f: f.structure),
        ("content error", lambda f: f.content),
        ("style distance, source = 1", lambda f: f.style_distance(report.optimised)),
    ]
    if report.held_out:
        measures.append(("style distance, layers not optimised", lambda f: f.style_distance(report.held_out)))
    measures += [(f"style error, {k}", lambda f, k=k: f.style[k]) for k in report.optimised]  # type: ignore[misc]
    if any(frame.work for film in report.films for frame in film.measures.frames):
        measures.append(("steps in steps at full size", lambda f: f.work.full_steps if f.work else math.nan))
        measures.append(("seconds per frame", lambda f: f.work.seconds if f.work else math.nan))
    return [_curve(title, value, report, marked=title == "content error") for title, value in measures]


def _curve(title: str, value: Callable[[FrameMeasures], float], report: Report, *, marked: bool) -> dict[str, Any]:
    """Where the lines of one measure run, time along x and from 0 up along y, in pixels of the image.

    Where they are `marked`, points of each film's frames that are far off its usual value too.
    """
    films = [[(frame.seconds, value(frame)) for frame in film.measures.frames] for film in report.films]
    points = [point for film in films for point in film if not math.isnan(point[1])]
    first, last = min((x for film in films for x, _ in film), default=0.0), max(x for film in films for x, _ in film)
    top = 1.08 * max((y for _, y in points), default=1.0) or 1.0

    def place(x: float, y: float) -> str:
        across = LEFT + (WIDTH - LEFT - 8) * (x - first) / max(1e-9, last - first)
        return f"{across:.1f},{(HEIGHT - BOTTOM) * (1 - y / top):.1f}"

    lines = [" ".join(place(x, y) for x, y in film if not math.isnan(y)) for film in films]
    marks = [[place(*film[i]).split(",") for i in far_off([y for _, y in film])] if marked else [] for film in films]
    cuts = [place(f.seconds, 0).split(",")[0] for f in report.films[0].measures.frames if f.cut]
    ticks = [(f"{(HEIGHT - BOTTOM) * (1 - share):.1f}", f"{share * top:.3g}") for share in (0, 0.5, 0.92)]
    times = [(place(x, 0).split(",")[0], f"{x:.1f} s") for x in (first, (first + last) / 2, last)]
    return {"title": title, "lines": lines, "marks": marks, "cuts": cuts, "ticks": ticks, "times": times}


def _number(value: float, form: str) -> str:
    return "" if math.isnan(value) else form.format(value)


def _data_address(image: Tensor) -> str:
    """An image (3, H, W) of bytes as the text that a page holds it by."""
    pixels = image.permute(1, 2, 0).contiguous().numpy()
    _, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"
