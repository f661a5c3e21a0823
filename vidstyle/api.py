"""A job from its source to its finished file. All of it: the front ends only show what this does."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vidstyle.cluster.scheduler import cluster_of
from vidstyle.core.sizes import size_of
from vidstyle.evaluation.report import report_job
from vidstyle.jobs.batch import run_clips
from vidstyle.jobs.events import Listener, Listeners, Summary, Work
from vidstyle.jobs.image_jobs import paint_image, ready_for_image, run_image, run_images
from vidstyle.jobs.prescan import painting_size
from vidstyle.jobs.runner import run_film
from vidstyle.jobs.spec import AnyPath, ClusterOptions, Job
from vidstyle.settings.settings import Settings
from vidstyle.studies.making import Progress, ProgressRecorder


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
    cluster_options: ClusterOptions | None = None,
    progress: Progress | AnyPath | None = None,
    listener: Listener | None = None,
    **how: bool,
) -> Summary:
    """Paints a video, animation or image, or a folder of clips or of images (or a glob), in the style of `styles`.

    The output is `out`, else beside the source (`jobs.spec.default_output`). `start` and `end` are seconds of
    a video; `mask` and `style_masks` are images or videos that are white where anything, or each of the first
    styles, is painted; `cluster_options` is the cluster that paints; `progress` is an animation of an image's
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
        cluster_options=cluster_options,
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
    """Paints an image as `stylize` does, and writes nothing but the animation of it, else to ``SOURCE_STYLE.gif``."""
    job = Job.of(source, styles, None, settings, device=device, mask=mask, style_masks=style_masks, overwrite=True)
    wanted = Progress.of(job.out.with_suffix(".gif") if progress is None else progress)
    wanted.check(replace(job, out=job.source), overwrite)
    return run_progress(job, wanted, listener or Listener())


def run(job: Job, listener: Listener, progress: Progress | None = None) -> Summary:
    """Does a job. Ctrl-C leaves a playable file of the frames, or a folder of the images, that are done.

    `progress`, which has passed its check, is an animation that is wanted of an image's painting.
    """
    if job.kind == "image":
        return _run_shown(job, progress, job.out, listener) if progress else run_image(job, listener)
    if job.kind == "images":
        return run_images(job, listener)
    with cluster_of(job) as cluster:
        paint = run_clips if job.kind == "clips" else run_film
        return paint(job, listener, cluster, report_job)


def run_progress(job: Job, progress: Progress, listener: Listener) -> Summary:
    """Paints the image of a job and writes the animation of it, which has passed its check, but not the image."""
    return _run_shown(replace(job, out=progress.out), progress, None, listener)


def _run_shown(job: Job, progress: Progress, out: Path | None, listener: Listener) -> Summary:
    """Writes the painting of an image to `out`, if anywhere, and the animation of it."""
    image, painter = ready_for_image(job, listener)
    size = painting_size(size_of(image.rgb), painter.settings, painter.device)
    recorder = ProgressRecorder(progress, size, [image.rgb, *painter.styles])
    painter, painted = paint_image(job, painter, image, 0, out, Listeners(listener, recorder))
    listener.frame(painted)
    flipbook = recorder.write(painted.painted.image, listener)
    return replace(Summary.of(job.out, painter), progress=flipbook).after(Work.of(painted.painted))
