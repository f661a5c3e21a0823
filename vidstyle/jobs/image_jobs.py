"""Images, and folders of them: painted one by one."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from vidstyle.core.frame_style import Frame
from vidstyle.core.sizes import resize, size_of
from vidstyle.core.stylize_image import Painter
from vidstyle.core.temporal import PaintedFrame
from vidstyle.errors import SourceError, VidstyleError
from vidstyle.images import LoadedImage, load_image, save_image
from vidstyle.jobs.events import Listener, Summary, Work
from vidstyle.jobs.frame_styles import look_of_image
from vidstyle.jobs.prescan import SAMPLES, painting_size
from vidstyle.jobs.setup import balanced, make_painter, outline_images
from vidstyle.jobs.spec import Job
from vidstyle.limits import Limits
from vidstyle.video.reader import find_images


def run_image(job: Job, listener: Listener) -> Summary:
    image, painter = ready_for_image(job, listener)
    painter, painted = paint_image(job, painter, image, 0, job.out, listener)
    listener.frame(painted)
    return Summary.of(job.out, painter).after(Work.of(painted.painted))


def ready_for_image(job: Job, listener: Listener) -> tuple[LoadedImage, Painter]:
    image = load_image(job.source, job.limits)
    listener.started(outline_images(job, [size_of(image.rgb)]))
    return image, make_painter(job, [image.rgb], listener)


def run_images(job: Job, listener: Listener) -> Summary:
    """Each image of a folder alone; those that cannot be read are told at the end."""
    paths, failed = find_images(job.source), []
    samples = _readable(paths, job.limits)
    listener.started(outline_images(job, [size_of(samples[0])] * len(paths)))
    painter = make_painter(job, samples, listener)
    summary = Summary.of(job.out, painter)
    job.out.mkdir(exist_ok=True)
    for index, path in enumerate(paths):
        try:
            _, painted = paint_image(job, painter, load_image(path, job.limits), index, job.out / path.name, listener)
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


def paint_image(
    job: Job, painter: Painter, image: LoadedImage, index: int, out: Path | None, listener: Listener
) -> tuple[Painter, PaintedFrame]:
    """Writes the painting of one image to `out`, if anywhere; the painter balanced for it, and the painting."""
    size = painting_size(size_of(image.rgb), painter.settings, painter.device)
    content = resize(image.rgb, size)
    look = look_of_image(job, content)
    painter = balanced(painter.looking(look), [look.exposure.evened(content)], listener)
    painted = painter.paint(content, listener.step)
    if out is not None:
        alpha = None if image.alpha is None else resize(image.alpha, size)
        save_image(out, painted.image.cpu(), alpha, image.bits)
    return painter, PaintedFrame(Frame(index, 0.0, content), painted)


def _removed_if_empty(folder: Path) -> None:
    """Leaves no empty folder behind, which the next run would refuse to write to."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def _readable(paths: Sequence[Path], limits: Limits) -> list[Tensor]:
    """The first few images that can be read, to learn from."""
    found: list[Tensor] = []
    for path in paths:
        with contextlib.suppress(SourceError):
            found.append(load_image(path, limits).rgb)
        if len(found) == SAMPLES:
            break
    if not found:
        raise SourceError("VS320", parent=paths[0].parent, count=len(paths))
    return found
