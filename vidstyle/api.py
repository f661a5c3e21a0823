"""A whole job, from its source to its finished file; the front ends only show what this does."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from vidstyle.cluster.scheduler import connected
from vidstyle.core.sizes import size_of
from vidstyle.evaluation.report import report_job
from vidstyle.jobs.batch import run_clips
from vidstyle.jobs.events import Listener, Listeners, Summary, Work
from vidstyle.jobs.prescan import painting_size
from vidstyle.jobs.runner import run_film
from vidstyle.jobs.spec import AnyPath, JobOptions, JobSpec
from vidstyle.jobs.stills import paint_image, ready_for_image, run_image, run_images
from vidstyle.settings.settings import Settings
from vidstyle.studies.making import Progress, ProgressRecorder


def stylize(
    source: AnyPath,
    styles: Sequence[AnyPath],
    out: AnyPath | None = None,
    settings: Settings | None = None,
    *,
    progress: Progress | AnyPath | None = None,
    listener: Listener | None = None,
    **options: Unpack[JobOptions],
) -> Summary:
    """Paints a video, animation or image, or a folder of videos or of images, in the style of images.

    A video that was stopped resumes where it stopped.

    Args:
        source: what to paint; for images also a pattern such as ``a*.png``.
        styles: the style images.
        out: the file or folder to write; None for one next to the source (`jobs.kinds.default_output`).
        settings: how to paint it; None for the defaults.
        progress: an animation of how an image is painted, to be written too, or its file.
        listener: receives the progress.
        **options: the other fields of `jobs.spec.JobSpec`, from ``device`` to ``cluster_options``.

    Returns:
        A summary of the work.

    Raises:
        VidstyleError: for every error that the user can act on.
    """
    job = JobSpec.of(source, styles, out, settings, **options)
    wanted = None if progress is None else Progress.of(progress)
    if wanted:
        wanted.check(job, job.overwrite)
    return run(job, listener or Listener(), wanted)


def show_progress(
    source: AnyPath,
    styles: Sequence[AnyPath],
    progress: Progress | AnyPath | None = None,
    settings: Settings | None = None,
    *,
    listener: Listener | None = None,
    **options: Unpack[JobOptions],
) -> Summary:
    """Paints an image as `stylize` does, but writes only an animation of the painting process.

    Args:
        source: the image.
        styles: the style images.
        progress: the animation, or its file; None for ``SOURCE_STYLE.gif`` next to the source.
        settings: how to paint it; None for the defaults.
        listener: receives the progress.
        **options: as in `stylize`.

    Raises:
        VidstyleError: for every error that the user can act on.
    """
    overwrite = options.get("overwrite", False)
    options["overwrite"] = True  # of the painting, which is not written
    job = JobSpec.of(source, styles, None, settings, **options)
    wanted = Progress.of(job.out.with_suffix(".gif") if progress is None else progress)
    wanted.check(replace(job, out=job.source), overwrite)
    return run_progress(job, wanted, listener or Listener())


def run(job: JobSpec, listener: Listener, progress: Progress | None = None) -> Summary:
    """Does a job. Ctrl-C leaves a playable file of the frames, or a folder of the images, that are done.

    Args:
        job: what to do.
        listener: receives the progress.
        progress: an animation of how an image is painted, if one is wanted; it has passed its check.

    Raises:
        VidstyleError: for every error that the user can act on.
    """
    if job.kind == "image":
        return _run_shown(job, progress, job.out, listener) if progress else run_image(job, listener)
    if job.kind == "images":
        return run_images(job, listener)
    with connected(job.cluster_options) if job.cluster_options else contextlib.nullcontext() as cluster:
        paint = run_clips if job.kind == "clips" else run_film
        return paint(job, listener, cluster, report_job)


def run_progress(job: JobSpec, progress: Progress, listener: Listener) -> Summary:
    """Paints the image of a job and writes the animation of it, which has passed its check, but not the image."""
    return _run_shown(replace(job, out=progress.out), progress, None, listener)


def _run_shown(job: JobSpec, progress: Progress, out: Path | None, listener: Listener) -> Summary:
    """Writes the painting of an image to `out`, if anywhere, and the animation of it."""
    began = time.monotonic()
    image, model = ready_for_image(job, listener)
    size = painting_size(size_of(image.rgb), model.settings, model.device)
    recorder = ProgressRecorder(progress, size, [image.rgb, *model.styles])
    model, painted = paint_image(job, model, image, 0, out, Listeners(listener, recorder))
    listener.frame(painted)
    flipbook = recorder.write(painted.painted.image, listener)
    return replace(Summary.of(job.out, model), progress=flipbook).after(Work.of(painted.painted)).since(began)
