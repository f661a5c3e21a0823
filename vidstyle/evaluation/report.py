"""How good painted videos are: figures and images, from the files and their source."""

from __future__ import annotations

import base64
import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain, cycle, islice
from operator import attrgetter
from pathlib import Path
from typing import Any

import imageio.v3 as iio
from jinja2 import Environment, PackageLoader

from vidstyle.core.pixels import Pixels
from vidstyle.core.style_model import StyleModel
from vidstyle.core.weights import Filters
from vidstyle.errors import SettingsError, SinkError, VidstyleError
from vidstyle.evaluation.measuring import Album, MeasuredFilm, Original, open_film
from vidstyle.evaluation.metrics import FrameMeasures, summary
from vidstyle.evaluation.plots import Curve, drawn, plotted
from vidstyle.files import refuse_existing, write_whole
from vidstyle.jobs.events import FAR_OFF, Listener, Work, far_off
from vidstyle.jobs.prescan import load_styles, run_prescan
from vidstyle.jobs.spec import AnyPath, JobSpec
from vidstyle.settings.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """Videos of one source in one style, measured side by side.

    `filters` names those that judged; `optimised` are the style layers that were painted with, `held_out` others.
    """

    source: Path
    styles: tuple[Path, ...]
    filters: str
    filters_sha256: str
    optimised: tuple[str, ...]
    held_out: tuple[str, ...]
    films: tuple[MeasuredFilm, ...]
    album: Album = field(repr=False)  # of the source

    @property
    def summaries(self) -> list[dict[str, float]]:
        """The figures of each whole video."""
        return [summary(film.measures, self.optimised, self.held_out) for film in self.films]

    def to_json(self) -> str:
        """All figures; what could not be measured is null."""
        films = [
            {
                "file": film.name,
                "summary": figures,
                "still_share": film.measures.still,
                "frames": [asdict(frame) for frame in film.measures.frames],
            }
            for film, figures in zip(self.films, self.summaries, strict=True)
        ]
        facts = {"source": self.source.name, "styles": [style.name for style in self.styles]}
        judge = {"filters": self.filters, "filters_sha256": self.filters_sha256}
        layers = {"style_layers": self.optimised, "held_out_layers": self.held_out}
        return json.dumps(_finite({**facts, **judge, **layers, "films": films}), indent=1)

    def to_html(self) -> str:
        """One page that needs no other file."""
        environment = Environment(loader=PackageLoader("vidstyle.evaluation", "."), autoescape=True, trim_blocks=True)
        environment.filters |= {"as_jpeg": _as_jpeg, "as_svg": _as_svg}
        template = environment.get_template("report.html")
        return template.render(
            report=self, table=_table(self.summaries), curves=film_curves(self), cuts=_cuts(self), colours=COLOURS
        )


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
    """Measures painted videos, side by side, against what they were painted from.

    Args:
        outputs: The videos.
        source: The video that they were painted from.
        styles: The images that they imitate.
        settings: The layers and the filters that judge; None for the defaults.
        device: What measures: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        start: Where the videos begin in the source, in seconds.
        end: Where they end in it; None for its end.
        work: What each frame of a single video took to paint.
        filters: Filters that judge instead of those in the settings.
        listener: Is told how far it is.

    Raises:
        SettingsError: There are no `outputs`.
        SourceError: A video cannot be read, has more frames than the source, or is an animation, whose frames need not
            be those of its source.
    """
    if not outputs:
        raise SettingsError("VS208")
    films, paths = [Path(out) for out in outputs], tuple(Path(style) for style in styles)
    job = JobSpec(Path(source), paths, films[0], "video", settings or Settings(), device, start, end)
    return _compared(job, films, work, filters, listener or Listener())


def report_job(job: JobSpec, model: StyleModel, work: Sequence[Work], listener: Listener) -> Path:
    """Measures the video of a job as it was written, by the filters of its `model`; the page of the report.

    `work` is what each frame took. VidstyleError where there can be no report; the video is there all the same.
    """
    try:
        report = _compared(job, [job.out], work, model.filters, listener)
        return write_report(report, job.report_file, overwrite=True)[0]
    except VidstyleError as error:
        raise VidstyleError("VS803", out=job.out, error=error) from error
    except KeyboardInterrupt:
        listener.interrupted(job.out, len(work), len(work))
        raise


def write_report(report: Report, path: Path, *, overwrite: bool = False) -> tuple[Path, Path]:
    """Writes the page to `path` and the figures next to it as .json, and returns both files.

    Raises SinkError if they cannot be written."""
    figures = path.with_suffix(".json")
    refuse_existing((path, figures), overwrite)
    for file, text in ((path, report.to_html()), (figures, report.to_json())):
        try:
            write_whole(file, text.encode("utf-8", "xmlcharrefreplace"))  # names of files may be no Unicode
        except OSError as error:
            raise SinkError("VS413", file=file, reason=error.strerror) from error
    return path, figures


def _compared(
    job: JobSpec, outputs: Sequence[Path], work: Sequence[Work], filters: Filters | None, listener: Listener
) -> Report:
    with open_film(job, listener) as source:
        original = Original(job, source, run_prescan(source, listener), listener)
        styles = load_styles(job)
        filters = filters or original.filters(styles)
        judge = original.judge(filters, styles)
        films = tuple(original.film(out, judge, work) for out in outputs)
        album = Album(count := len(films[0].measures.frames))
        for frame in islice(original.frames(films[0].size), count):
            album.add(frame.image)
    layers = tuple(judge.optimised), tuple(judge.held_out)
    return Report(job.source, job.styles, filters.origin, filters.sha256, *layers, films, album)


COLOURS = ("#1f5fa8", "#c9522b", "#3a8f4d", "#7a4ba0", "#8a6d1f", "#0f8b8d")  # of the films' curves
PLOT = 7.6, 1.9  # inches of a plot in the page

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


def _table(summaries: Sequence[Mapping[str, float]]) -> list[tuple[str, list[str]]]:
    """A label and the text for each video, for each of the figures that any video has."""
    rows = [(label, [figures[key] * scale for figures in summaries], form) for key, label, scale, form in FIGURES]
    return [
        (label, ["" if math.isnan(number) else form.format(number) for number in numbers])
        for label, numbers, form in rows
        if not all(map(math.isnan, numbers))
    ]


def film_curves(report: Report) -> dict[str, list[Curve]]:
    """By the title of each measure that there is, a curve of seconds for each video.

    Frames whose content error is far off their video's usual one are marked by dots.
    """
    measures: dict[str, Callable[[FrameMeasures], float]] = {
        "warp error / gradient energy, next frame": attrgetter("warp_error_over_energy"),
        "warp error / gradient energy, 8 frames apart": attrgetter("long_warp_error_over_energy"),
        "motion against the source's (tOF, pixels)": attrgetter("flow_difference"),
        "structure kept": attrgetter("structure"),
        "content error": attrgetter("content"),
        "style distance, source = 1": lambda f: f.style_distance(report.optimised),
    }
    if report.held_out:
        measures["style distance, layers not optimised"] = lambda f: f.style_distance(report.held_out)
    for layer in report.optimised:
        measures[f"style error, {layer}"] = lambda f, layer=layer: f.style[layer]  # type: ignore[misc]
    if any(frame.work for film in report.films for frame in film.measures.frames):
        measures["steps in steps at full size"] = lambda f: f.work.full_steps if f.work else math.nan
        measures["seconds per frame"] = lambda f: f.work.seconds if f.work else math.nan
    curves = {
        title: [
            _curve(film, value, colour, title == "content error") for film, colour in zip(report.films, cycle(COLOURS))
        ]
        for title, value in measures.items()
    }
    return {title: known for title, known in curves.items() if not all(map(math.isnan, chain(*(c.y for c in known))))}


def _curve(film: MeasuredFilm, value: Callable[[FrameMeasures], float], colour: str, marked: bool) -> Curve:
    """A measure of each frame; where they are `marked`, those that are far off have dots."""
    x, y = [frame.seconds for frame in film.measures.frames], [value(frame) for frame in film.measures.frames]
    return Curve(film.name, x, y, {"color": colour, "marker": "o", "markevery": far_off(y) if marked else []})


def _cuts(report: Report) -> dict[float, str]:
    """The seconds of the cuts, which have no names."""
    return {frame.seconds: "" for frame in report.films[0].measures.frames if frame.cut}


def _as_svg(curves: Sequence[Curve], cuts: Mapping[float, str]) -> str:
    """A plot as the text that a page holds it by."""
    figure = plotted(curves, PLOT, cuts)
    (axes,) = figure.axes
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.xaxis.set_major_formatter("{x:g} s")
    axes.tick_params(labelsize=9, labelcolor="#555")
    for part in (figure, axes):
        part.set_facecolor("none")
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn(figure, 'svg')).decode()}"


def _as_jpeg(image: Pixels) -> str:
    """An image as the text that a page holds it by."""
    data = iio.imwrite("<bytes>", image, extension=".jpg", quality=92)
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"


def _finite(value: Any) -> Any:
    """The same for JSON, which knows no nan."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
