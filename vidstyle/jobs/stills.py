"""Single images: an image, a folder of them, and single frames of a video that show what a job would give."""

import contextlib
import glob
import itertools
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from vidstyle.core.frame_style import Frame
from vidstyle.core.sizes import resize, size_of
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import coarse_to_fine, stylize_image
from vidstyle.core.stylize_video import seen
from vidstyle.core.temporal import PaintedFrame
from vidstyle.errors import SettingsError, SourceError, VidstyleError
from vidstyle.files import refuse_existing
from vidstyle.images import LoadedImage, load_image, save_image
from vidstyle.jobs.events import Listener, Summary, Work
from vidstyle.jobs.prescan import (
    SAMPLES,
    Prescan,
    balanced,
    make_model,
    opened,
    outline_images,
    painting_size,
    ready_for_film,
)
from vidstyle.jobs.spec import JobSpec
from vidstyle.jobs.style_schedule import look_of_image, style_schedule_of
from vidstyle.limits import Limits
from vidstyle.video.montage import contact_sheet
from vidstyle.video.reader import Source, find_images


def run_image(job: JobSpec, listener: Listener) -> Summary:
    """Paints an image. VidstyleError where the user can do something about it."""
    began = time.monotonic()
    image, model = ready_for_image(job, listener)
    model, painted = paint_image(job, model, image, 0, job.out, listener)
    listener.frame(painted)
    return Summary.of(job.out, model).after(Work.of(painted.painted)).since(began)


def ready_for_image(job: JobSpec, listener: Listener) -> tuple[LoadedImage, StyleModel]:
    """The image of a job, and the style model for it, not yet balanced."""
    image = load_image(job.source, job.limits)
    listener.started(outline_images(job, [size_of(image.rgb)], [image.rgb]))
    return image, make_model(job, [image.rgb], listener)


def run_images(job: JobSpec, listener: Listener) -> Summary:
    """Paints each image of a folder alone; those that cannot be read are told at the end.

    VidstyleError where nothing can be painted. Ctrl-C leaves the images that are done.
    """
    began, paths, failed = time.monotonic(), find_images(job.source), list[str]()
    samples = _readable(paths, job.limits)
    listener.started(outline_images(job, [size_of(samples[0])] * len(paths), samples))
    model = make_model(job, samples, listener)
    summary = Summary.of(job.out, model)
    job.out.mkdir(exist_ok=True)
    try:
        for index, path in enumerate(paths):
            try:
                image = load_image(path, job.limits)
                _, painted = paint_image(job, model, image, index, job.out / path.name, listener)
                summary = summary.after(Work.of(painted.painted))
                listener.frame(painted)
            except VidstyleError as error:
                failed.append(str(error))
                listener.failed(path, error)
    except KeyboardInterrupt:
        listener.interrupted(job.out if summary.frames else None, summary.frames, 0)
        raise
    finally:
        with contextlib.suppress(OSError):
            job.out.rmdir()  # an empty one would only be in the way of the next run
    return replace(summary, failed=tuple(failed)).since(began)


def paint_image(
    job: JobSpec, model: StyleModel, image: LoadedImage, index: int, out: Path | None, listener: Listener
) -> tuple[StyleModel, PaintedFrame]:
    """Paints one image.

    Args:
        job: says where, and in which style.
        model: not yet balanced.
        image: what is painted.
        index: its number among the job's.
        out: where the painting is written, if anywhere.
        listener: is told the steps.

    Returns:
        The style model, balanced for the image, and the painting.
    """
    size = painting_size(size_of(image.rgb), model.settings, model.device)
    content = resize(image.rgb, size)
    look = look_of_image(job, content)
    model = balanced(model, [look.exposure.evened(content)], listener, look)
    painted = stylize_image(model, content, listener.step, look)
    if out is not None:
        alpha = None if image.alpha is None else resize(image.alpha, size)
        save_image(out, painted.image.cpu(), alpha, image.bits)
    return model, PaintedFrame(Frame(index, 0.0, content), painted)


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


def preview(job: JobSpec, at: Sequence[float], listener: Listener, *, overwrite: bool = False) -> list[Path]:
    """Paints single frames of a video as images.

    Args:
        job: the job of a video or an animation.
        at: times of the frames, in seconds; empty for the middle frame of each shot.
        listener: is told about the progress.
        overwrite: whether existing previews of that name are replaced.

    Returns:
        The files: ``OUT_preview_12.50s.png`` for each frame, and at the end a contact sheet with the sources,
        ``OUT_preview.png``.

    Raises:
        SettingsError: for another kind of job, or seconds outside of the video.
        SinkError: if a preview of that name exists already.
    """
    if job.kind not in ("video", "animation", "sequence"):
        raise SettingsError("VS210")
    sheet = job.out.with_name(f"{job.out.stem}_preview.png")
    refuse_existing(sorted(job.out.parent.glob(f"{glob.escape(job.out.stem)}_preview*.png")), overwrite)
    with opened(job, listener) as source:
        moments = _positions(at, source)  # first, so that a wrong time is told at once
        prescan, model = ready_for_film(job, source, listener)
        wanted = moments or middles_of_shots(prescan)
        with style_schedule_of(job, source.size or source.info.size, prescan.scenes, source.times) as schedule:
            frames = prescan.scenes.evened(schedule.on(source), source.image_at)
            pairs = list(_painted(model, frames, wanted, listener))
    files = [job.out.with_name(f"{job.out.stem}_preview_{p.frame.seconds:.2f}s.png") for p in pairs]
    for file, pair in zip(files, pairs, strict=True):
        save_image(file, pair.painted.image.cpu())
    save_image(sheet, contact_sheet([(pair.frame.image, pair.painted.image.cpu()) for pair in pairs]))
    return [*files, sheet]


def middles_of_shots(prescan: Prescan) -> list[int]:
    """Positions of the middle frame of each shot."""
    bounds = [0, *prescan.scenes.cuts, prescan.frames]
    return [(first + last) // 2 for first, last in itertools.pairwise(bounds)]


def _positions(seconds: Sequence[float], source: Source) -> list[int]:
    """Positions of the frames that are shown at `seconds`; SettingsError for seconds outside of the video."""
    positions = [source.position_at(moment) for moment in seconds]
    for moment, position in zip(seconds, positions, strict=True):
        if not 0 <= position < len(source):
            raise SettingsError("VS211", moment=moment, seconds=source.info.seconds)
    return positions


def _painted(
    model: StyleModel, frames: Iterator[Frame], wanted: Collection[int], listener: Listener
) -> Iterator[PaintedFrame]:
    """Paints the frames at the positions `wanted`, each alone, in the order of the video."""
    for position, frame in enumerate(itertools.islice(frames, max(wanted) + 1)):
        if position in wanted:
            alone = coarse_to_fine(model, frame.content, listener.step, look=frame.look)
            painted = seen(model, PaintedFrame(frame, alone))
            listener.frame(painted)
            yield painted
