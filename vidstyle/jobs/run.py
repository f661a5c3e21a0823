"""A job from its source to its finished file. All of it: the front ends only show what this does."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from vidstyle.errors import SourceError, VidstyleError
from vidstyle.jobs.clips import run_clips
from vidstyle.jobs.film import run_film
from vidstyle.jobs.job import AnyPath, Crew, Job
from vidstyle.jobs.listener import Listener, Summary
from vidstyle.jobs.measures import Work
from vidstyle.jobs.ready import balanced, make_painter, outline_pictures
from vidstyle.jobs.scout import SAMPLES, painting_size
from vidstyle.media.images import Picture, load_picture, resize, save_picture
from vidstyle.media.source import Frame, find_pictures
from vidstyle.motion.chain import PaintedFrame
from vidstyle.painting.painter import Painter, size_of
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
    crew: Crew | None = None,
    listener: Listener | None = None,
    **how: bool,
) -> Summary:
    """Paints a video, animation or picture, or a folder of clips or of pictures (or a glob), in the style of `styles`.

    The output is `out`, else beside the source (`jobs.job.default_output`). `start` and `end` are seconds of
    a video; `crew` is the cluster that paints; `how` is `report`, `restart` and `keep_work` of `Job`. A film that was
    stopped goes on where it was. Raises VidstyleError where the user can do something about it.
    """
    job = Job.of(
        source, styles, out, settings, device=device, start=start, end=end, overwrite=overwrite, crew=crew, **how
    )
    return run(job, listener or Listener())


def run(job: Job, listener: Listener) -> Summary:
    """Does a job. Ctrl-C leaves a playable file of the frames, or a folder of the pictures, that are done."""
    if job.kind == "picture":
        return _run_picture(job, listener)
    if job.kind == "clips":
        return run_clips(job, listener)
    return _run_pictures(job, listener) if job.kind == "pictures" else run_film(job, listener)


def _run_picture(job: Job, listener: Listener) -> Summary:
    picture = load_picture(job.source)
    listener.started(outline_pictures(job, [size_of(picture.image)]))
    painter = make_painter(job, [picture.image], listener)
    painter, painted = _paint_picture(painter, picture, 0, job.out, listener)
    listener.frame(painted)
    return Summary.of(job.out, painter).after(Work.of(painted.painted))


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
            summary = summary.after(Work.of(painted.painted))
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
