"""A job from its source to its finished file. All of it: the front ends only show what this does."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from vidstyle.errors import SourceError, VidstyleError
from vidstyle.features.weights import Filters, load_filters
from vidstyle.jobs.estimate import estimate, seconds_per_pixel
from vidstyle.jobs.job import AnyPath, Job
from vidstyle.jobs.listener import Listener, Outline, Summary
from vidstyle.jobs.measures import Work
from vidstyle.jobs.report import compare, write_report
from vidstyle.jobs.scout import SAMPLES, Scouted, opened, painting_size, scout
from vidstyle.media.images import Picture, load_picture, resize, save_picture
from vidstyle.media.sink import open_sink
from vidstyle.media.source import Frame, Source, find_pictures
from vidstyle.motion.chain import PaintedFrame
from vidstyle.motion.estimators import prepare_flow
from vidstyle.motion.passes import paint_frames
from vidstyle.motion.shots import mark_cuts
from vidstyle.painting.balance import calibrated
from vidstyle.painting.device import select_device
from vidstyle.painting.painter import Painter, Size, size_of
from vidstyle.settings import Settings


def stylize(
    source: AnyPath,
    styles: Sequence[AnyPath],
    out: AnyPath | None = None,
    settings: Settings | None = None,
    *,
    device: str = "auto",
    start: float = 0.0,
    end: float | None = None,
    overwrite: bool = False,
    report: bool = False,
    listener: Listener | None = None,
) -> Summary:
    """Paints a video, an animation, a picture, or a folder or glob of pictures in the style of `styles`.

    The output is `out`, else beside the source (`jobs.job.default_output`). `start` and `end` are seconds of
    a video; `report` writes one beside the output. Raises VidstyleError where the user can do something about it.
    """
    job = Job.of(source, styles, out, settings, device=device, start=start, end=end, overwrite=overwrite, report=report)
    return run(job, listener or Listener())


def run(job: Job, listener: Listener) -> Summary:
    """Does a job. Ctrl-C leaves a playable file of the frames, or a folder of the pictures, that are done."""
    if job.kind == "picture":
        return _run_picture(job, listener)
    return _run_pictures(job, listener) if job.kind == "pictures" else _run_film(job, listener)


def outline_film(job: Job, scouted: Scouted) -> Outline:
    """What a job of a film is about to do, with estimates for its size and for the source's own."""
    return _outline(job, scouted.size, scouted.frames, scouted.shots, float(scouted.rate))


def outline_pictures(job: Job, sizes: Sequence[Size]) -> Outline:
    """What a job of pictures of `sizes` is about to do; the largest stands for all."""
    largest = max(sizes, key=lambda size: size[0] * size[1])
    return _outline(job, largest, len(sizes), len(sizes), None)


def make_painter(job: Job, contents: Sequence[Tensor], listener: Listener) -> Painter:
    """The painter of a job, its filters loaded, or learned from the styles and `contents`; not yet balanced."""
    styles = [load_picture(path).image for path in job.styles]
    init_file = job.settings.init_file
    filters = load_filters(
        job.settings.weights,
        job.settings.layers,
        teachers=lambda: [*styles, *contents],
        seed=job.settings.seed,
        on_progress=listener.working,
    )
    return Painter(
        styles,
        filters,
        job.settings,
        device=select_device(job.device),
        init_picture=load_picture(init_file).image if init_file else None,
    )


def balanced(painter: Painter, contents: Sequence[Tensor], listener: Listener) -> Painter:
    """`painter` with the balance for `contents`."""
    return calibrated(painter, contents, lambda done, count: listener.working("finding the balance", done, count))


def ready_for_film(job: Job, source: Source, listener: Listener) -> tuple[Scouted, Painter]:
    """What a first look at the film found, and the painter for it; sets `source` to the painting's size."""
    scouted = scout(source, listener)
    outline = outline_film(job, scouted)
    listener.started(outline)
    prepare_flow(job.settings.flow, listener.working)
    painter = balanced(make_painter(job, scouted.samples, listener), scouted.samples, listener)
    source.size = outline.size
    return scouted, painter


def _run_film(job: Job, listener: Listener) -> Summary:
    with opened(job, listener) as source:
        scouted, painter = ready_for_film(job, source, listener)
        work: list[Work] = []
        summary = _paint_film(job, painter, source, scouted.cuts, work, listener)
    if job.report:
        try:
            summary = replace(summary, report=_reported(job, painter.filters, work, listener))
        except VidstyleError as error:
            raise VidstyleError(f"{job.out} is painted, but there is no report: {error}") from error
        except KeyboardInterrupt:
            listener.interrupted(job.out, summary.frames)
            raise
    return summary


def _reported(job: Job, filters: Filters, work: Sequence[Work], listener: Listener) -> Path:
    """Measures the film as it was written; the page of the report."""
    where: dict[str, Any] = {"device": job.device, "start": job.start, "end": job.end, "listener": listener}
    report = compare([job.out], job.source, job.styles, job.settings, work=work, filters=filters, **where)
    return write_report(report, job.report_file, overwrite=True)[0]


def _paint_film(
    job: Job, painter: Painter, source: Source, cuts: Sequence[int], work: list[Work], listener: Listener
) -> Summary:
    """Paints and writes all frames; `work` gets what each took."""
    summary, info = Summary.of(job.out, painter), source.info
    with open_sink(
        job.out,
        size=source.size or info.size,
        rate=info.rate,
        sound_from=info,
        start=job.start,
        end=job.end,
        durations=source.durations,
    ) as sink:
        try:
            for painted in paint_frames(painter, mark_cuts(source, cuts), listener.step, listener.turn):
                sink.write(painted.painted.image)
                summary = summary.after(painted.painted)
                work.append(Work.of(painted.painted))
                listener.frame(painted)
        except KeyboardInterrupt:
            listener.interrupted(sink.keep_partial(), sink.frame_count)
            raise
        sink.finish()
    return summary


def _run_picture(job: Job, listener: Listener) -> Summary:
    picture = load_picture(job.source)
    listener.started(outline_pictures(job, [size_of(picture.image)]))
    painter = make_painter(job, [picture.image], listener)
    painter, painted = _paint_picture(painter, picture, 0, job.out, listener)
    listener.frame(painted)
    return Summary.of(job.out, painter).after(painted.painted)


def _run_pictures(job: Job, listener: Listener) -> Summary:
    """Each picture of a folder alone; those that cannot be read are told at the end."""
    paths, failed = find_pictures(job.source), []
    samples = _readable(paths)
    listener.started(outline_pictures(job, [size_of(samples[0])] * len(paths)))
    painter = make_painter(job, samples, listener)
    summary = Summary.of(job.out, painter)
    job.out.mkdir(exist_ok=True)
    for index, path in enumerate(paths):
        try:
            _, painted = _paint_picture(painter, load_picture(path), index, job.out / path.name, listener)
            summary = summary.after(painted.painted)
            listener.frame(painted)
        except VidstyleError as error:
            failed.append(str(error))
        except KeyboardInterrupt:
            listener.interrupted(job.out if summary.frames else None, summary.frames)
            _removed_if_empty(job.out)
            raise
    _removed_if_empty(job.out)
    return replace(summary, failed=tuple(failed))


def _paint_picture(
    painter: Painter, picture: Picture, index: int, out: Path, listener: Listener
) -> tuple[Painter, PaintedFrame]:
    """Writes the painting of one picture to `out`; the painter balanced for it, and the painting."""
    size = painting_size(size_of(picture.image), painter.settings, painter.device)
    content = resize(picture.image, size)
    painter = balanced(painter, [content], listener)
    painted = painter.paint(content, listener.step)
    alpha = None if picture.alpha is None else resize(picture.alpha, size)
    save_picture(out, painted.image.cpu(), alpha, picture.bits)
    return painter, PaintedFrame(Frame(index, 0.0, content), painted)


def _removed_if_empty(folder: Path) -> None:
    """Leaves no empty folder behind, which the next run would refuse to write to."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def _readable(paths: Sequence[Path]) -> list[Tensor]:
    """The first few pictures that can be read, to learn from."""
    found: list[Tensor] = []
    for path in paths:
        with contextlib.suppress(SourceError):
            found.append(load_picture(path).image)
        if len(found) == SAMPLES:
            break
    if not found:
        raise SourceError(f"{paths[0].parent}: none of its {len(paths)} pictures can be read; give others")
    return found


def _outline(job: Job, source_size: Size, frames: int, shots: int, rate: float | None) -> Outline:
    device = select_device(job.device)
    pace = seconds_per_pixel(job.settings, device)
    size = painting_size(source_size, job.settings, device)
    here, full = (estimate(job.settings, s, shots, frames, pace) for s in (size, source_size))
    return Outline(job, source_size, size, frames, shots, rate, here, full)
