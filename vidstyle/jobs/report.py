"""How good painted films are: figures and pictures, from the files and their source."""

import itertools
import json
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vidstyle.errors import SettingsError, SinkError, SourceError, VidstyleError
from vidstyle.features.weights import Filters, load_filters
from vidstyle.files import write_whole
from vidstyle.jobs.job import AnyPath, Job
from vidstyle.jobs.listener import Listener, Work
from vidstyle.jobs.looks import FrameStyles
from vidstyle.jobs.measures import FrameMeasures, Judge, Judged, film_measures, judged, summary
from vidstyle.jobs.page import MeasuredFilm, WorstPair, page
from vidstyle.jobs.scout import Prescan, run_prescan
from vidstyle.media.images import load_picture
from vidstyle.media.look import Frame
from vidstyle.media.sizes import Size, fit_size, resize, size_of
from vidstyle.media.source import Source, open_video
from vidstyle.motion.flow import Motion, warp
from vidstyle.motion.scenes import Scenes
from vidstyle.motion.shots import mark_cuts
from vidstyle.painting.device import select_device
from vidstyle.painting.painter import Painter
from vidstyle.painting.palette import palettes_for
from vidstyle.settings import Settings

log = logging.getLogger(__name__)

STRIP = 8  # frames of the filmstrip
SLICED = 600  # frames of the x-t slices, from the first on
SHOWN = 480  # pixels of the long side of pictures in the page, at most
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
        raise SettingsError("no painted video given; give one or more")
    with _opened(source, listener, start=start, end=end) as original:
        prescan = run_prescan(original, listener)
        pictures = [load_picture(style).image for style in styles]
        filters = filters or load_filters(
            settings.weights,
            settings.layers,
            teachers=lambda: [*pictures, *prescan.samples],
            seed=settings.seed,
            on_progress=listener.working,
        )
        judge = _judge(filters, pictures, prescan.samples, settings, place)
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
            raise SinkError(f"{file}: exists already; give another name with -o, or --overwrite")
    for file, text in ((path, report.to_html()), (figures, report.to_json())):
        try:
            write_whole(file, text.encode("utf-8", "xmlcharrefreplace"))  # names of files may be no Unicode
        except OSError as error:
            raise SinkError(f"{file}: cannot be written ({error.strerror}); give another name with -o") from error
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
        raise VidstyleError(f"{job.out} is painted, but there is no report: {error}") from error
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
        raise SourceError(f"{path}: is an animation, and reports measure videos; paint it to .mp4 from a video")
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
            raise SourceError(f"{path}: has more frames than its source there; give --from and --to as for painting")
        yield frame, other.image[:, : size[0], : size[1]]


def _collected(name: str, size: Size, found: Iterator[Judged], count: int, work: Sequence[Work]) -> MeasuredFilm:
    """The figures of all frames and the pictures that are shown of them, in memory that does not grow by pictures."""
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
    gap = (after.painting - carried).abs().mean(0, keepdim=True) * (motion.trust > 0.99)
    shown = (carried, after.painting, (4 * gap).clamp(0, 1).expand(3, -1, -1))
    return WorstPair(after.frame.seconds, after.measures.warp_error, tuple(_thumbnail(picture) for picture in shown))


class _Album:
    """A few frames of a film, and one row and one column of pixels of every frame."""

    def __init__(self, count: int) -> None:
        self._wanted = {round(i * (count - 1) / max(1, STRIP - 1)) for i in range(STRIP)}
        self._strip: list[Tensor] = []
        self._row: list[Tensor] = []
        self._column: list[Tensor] = []
        self._seen = 0

    def add(self, picture: Tensor) -> None:
        if self._seen in self._wanted:
            self._strip.append(_thumbnail(picture))
        if self._seen < SLICED:
            self._row.append(_bytes(picture[:, picture.shape[1] // 2]))
            self._column.append(_bytes(picture[:, :, picture.shape[2] // 2]))
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


def _thumbnail(picture: Tensor) -> Tensor:
    return _bytes(resize(picture, fit_size(size_of(picture), SHOWN)))


def _bytes(picture: Tensor) -> Tensor:
    return picture.mul(255).round().clamp(0, 255).byte()


def _finite(value: Any) -> Any:
    """The same for JSON, which knows no nan."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
