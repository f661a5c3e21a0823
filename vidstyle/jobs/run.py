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
from vidstyle.jobs.listener import Listener, Listeners, Summary
from vidstyle.jobs.looks import look_of_picture
from vidstyle.jobs.measures import Work
from vidstyle.jobs.progress import Progress, ProgressRecorder
from vidstyle.jobs.ready import balanced, make_painter, outline_pictures
from vidstyle.jobs.scout import SAMPLES, painting_size
from vidstyle.media.images import Picture, load_picture, resize, save_picture
from vidstyle.media.limits import Limits
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
    mask: AnyPath | None = None,
    style_masks: Sequence[AnyPath] = (),
    overwrite: bool = False,
    crew: Crew | None = None,
    progress: Progress | AnyPath | None = None,
    listener: Listener | None = None,
    **how: bool,
) -> Summary:
    """Paints a video, animation or picture, or a folder of clips or of pictures (or a glob), in the style of `styles`.

    The output is `out`, else beside the source (`jobs.job.default_output`). `start` and `end` are seconds of
    a video; `mask` and `style_masks` are pictures or videos that are white where anything, or each of the first
    styles, is painted; `crew` is the cluster that paints; `progress` is an animation that is wanted of a picture's
    painting, or its file; `how` is `report`, `restart`, `keep_work` and `no_limits` of `Job`. A film that was stopped
    goes on where it was. Raises VidstyleError where the user can do something about it.
    """
    job = Job.of(
        source,
        styles,
        out,
        settings,
        device=device,
        start=start,
        end=end,
        mask=mask,
        style_masks=style_masks,
        overwrite=overwrite,
        crew=crew,
        **how,
    )
    wanted = None if progress is None else Progress.of(progress)
    if wanted:
        wanted.check(job, overwrite)
    return run(job, listener or Listener(), wanted)


def show_progress(
    source: AnyPath,
    styles: Sequence[AnyPath],
    progress: Progress | AnyPath | None = None,
    settings: Settings | None = None,
    *,
    device: str = "auto",
    mask: AnyPath | None = None,
    style_masks: Sequence[AnyPath] = (),
    overwrite: bool = False,
    listener: Listener | None = None,
) -> Summary:
    """Paints a picture as `stylize` does, and writes nothing but the animation of it, else to ``SOURCE_STYLE.gif``."""
    job = Job.of(source, styles, None, settings, device=device, mask=mask, style_masks=style_masks, overwrite=True)
    wanted = Progress.of(job.out.with_suffix(".gif") if progress is None else progress)
    wanted.check(replace(job, out=job.source), overwrite)
    return run_progress(job, wanted, listener or Listener())


def run(job: Job, listener: Listener, progress: Progress | None = None) -> Summary:
    """Does a job. Ctrl-C leaves a playable file of the frames, or a folder of the pictures, that are done.

    `progress`, which has passed its check, is an animation that is wanted of a picture's painting.
    """
    if job.kind == "picture":
        return _run_shown(job, progress, job.out, listener) if progress else _run_picture(job, listener)
    if job.kind == "clips":
        return run_clips(job, listener)
    return _run_pictures(job, listener) if job.kind == "pictures" else run_film(job, listener)


def run_progress(job: Job, progress: Progress, listener: Listener) -> Summary:
    """Paints the picture of a job and writes the animation of it, which has passed its check, but not the picture."""
    return _run_shown(replace(job, out=progress.out), progress, None, listener)


def _run_picture(job: Job, listener: Listener) -> Summary:
    picture, painter = _ready_for_picture(job, listener)
    painter, painted = _paint_picture(job, painter, picture, 0, job.out, listener)
    listener.frame(painted)
    return Summary.of(job.out, painter).after(Work.of(painted.painted))


def _run_shown(job: Job, progress: Progress, out: Path | None, listener: Listener) -> Summary:
    """Writes the painting of a picture to `out`, if anywhere, and the animation of it."""
    picture, painter = _ready_for_picture(job, listener)
    size = painting_size(size_of(picture.image), painter.settings, painter.device)
    recorder = ProgressRecorder(progress, size, [picture.image, *painter.styles])
    painter, painted = _paint_picture(job, painter, picture, 0, out, Listeners(listener, recorder))
    listener.frame(painted)
    flipbook = recorder.write(painted.painted.image, listener)
    return replace(Summary.of(job.out, painter), progress=flipbook).after(Work.of(painted.painted))


def _ready_for_picture(job: Job, listener: Listener) -> tuple[Picture, Painter]:
    picture = load_picture(job.source, job.limits)
    listener.started(outline_pictures(job, [size_of(picture.image)]))
    return picture, make_painter(job, [picture.image], listener)


def _run_pictures(job: Job, listener: Listener) -> Summary:
    """Each picture of a folder alone; those that cannot be read are told at the end."""
    paths, failed = find_pictures(job.source), []
    samples = _readable(paths, job.limits)
    listener.started(outline_pictures(job, [size_of(samples[0])] * len(paths)))
    painter = make_painter(job, samples, listener)
    summary = Summary.of(job.out, painter)
    job.out.mkdir(exist_ok=True)
    for index, path in enumerate(paths):
        try:
            _, painted = _paint_picture(
                job, painter, load_picture(path, job.limits), index, job.out / path.name, listener
            )
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
    job: Job, painter: Painter, picture: Picture, index: int, out: Path | None, listener: Listener
) -> tuple[Painter, PaintedFrame]:
    """Writes the painting of one picture to `out`, if anywhere; the painter balanced for it, and the painting."""
    size = painting_size(size_of(picture.image), painter.settings, painter.device)
    content = resize(picture.image, size)
    look = look_of_picture(job, content)
    painter = balanced(painter.looking(look), [look.exposure.evened(content)], listener)
    painted = painter.paint(content, listener.step)
    if out is not None:
        alpha = None if picture.alpha is None else resize(picture.alpha, size)
        save_picture(out, painted.image.cpu(), alpha, picture.bits)
    return painter, PaintedFrame(Frame(index, 0.0, content), painted)


def _removed_if_empty(folder: Path) -> None:
    """Leaves no empty folder behind, which the next run would refuse to write to."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def _readable(paths: Sequence[Path], limits: Limits) -> list[Tensor]:
    """The first few pictures that can be read, to learn from."""
    found: list[Tensor] = []
    for path in paths:
        with contextlib.suppress(SourceError):
            found.append(load_picture(path, limits).image)
        if len(found) == SAMPLES:
            break
    if not found:
        raise SourceError(f"{paths[0].parent}: none of its {len(paths)} pictures can be read; give others")
    return found
