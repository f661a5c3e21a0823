"""A video from its first look to its last segment: begun or found again, painted segment by segment, joined.

A job that was stopped resumes where it was.
"""

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from vidstyle.core.raft import prepare_flow
from vidstyle.core.style_model import StyleModel
from vidstyle.errors import JobError, VidstyleError
from vidstyle.jobs.checkpoint import WorkFolder, model_bytes, read_model
from vidstyle.jobs.events import Listener, Summary
from vidstyle.jobs.manifest import Manifest, difference_between, key_of, this_machine
from vidstyle.jobs.prescan import device_here, load_start, load_styles, memory_of, opened, outline_film, ready_for_film
from vidstyle.jobs.segments import PlannedJob, Reporter, RunningJob, SegmentReader
from vidstyle.jobs.spec import JobSpec
from vidstyle.jobs.style_schedule import style_schedule_of
from vidstyle.video.reader import Source

log = logging.getLogger(__name__)


@contextlib.contextmanager
def running_job(job: JobSpec, listener: Listener, *, tells: bool = True, checks: bool = True) -> Iterator[RunningJob]:
    """A job, begun or found in its folder.

    Args:
        job: what is asked for.
        listener: is told about the progress.
        tells: `listener` is told what the job is about to do.
        checks: a job that is found must have the same settings and files, else JobError.
    """
    folder = WorkFolder(job.work_folder)
    manifest = None if job.restart else folder.manifest()
    with contextlib.ExitStack() as stack:
        with _stop_told(job, manifest, listener):
            rewrite = manifest is not None and manifest.rewritten
            source = stack.enter_context(opened(job, listener, folder.path, rewrite=rewrite))
            if manifest is None:
                manifest, model = _begun(job, folder, source, listener)
            else:
                if checks:
                    _check_same(manifest, key_of(job, listener), folder)
                if tells:
                    listener.started(outline_film(job, source, manifest.frames, manifest.scenes.cuts))
                model = _found(job, folder, listener)
                source.size = manifest.size
            schedule = stack.enter_context(style_schedule_of(job, manifest.size, manifest.scenes, source.times))
        yield RunningJob(job, manifest, model, SegmentReader(source, manifest, schedule), listener)


@contextlib.contextmanager
def _stop_told(job: JobSpec, manifest: Manifest | None, listener: Listener) -> Iterator[None]:
    """A stop before anything is painted: how many frames are safe of the job that was found, if one was."""
    try:
        yield
    except KeyboardInterrupt:
        kept = sum(map(len, PlannedJob(job, manifest).done)) if manifest else 0
        listener.interrupted(None, kept, kept)
        raise


def _begun(job: JobSpec, folder: WorkFolder, source: Source, listener: Listener) -> tuple[Manifest, StyleModel]:
    """A new job."""
    key = key_of(job, listener)
    folder.clear(copies=False)  # the source is being read from one
    prescan, model = ready_for_film(job, source, listener)
    assert source.size is not None
    facts = job.to_dict(), key, source.size, prescan.frames, prescan.scenes
    manifest = Manifest(*facts, {}, source.rewritten, this_machine())
    starts = [segment.start for segment in PlannedJob(job, manifest).segments]
    manifest = replace(manifest, marks={start: prescan.marks[start] for start in starts})
    folder.begin(manifest, model_bytes(model))
    return manifest, model


def _check_same(manifest: Manifest, key: Mapping[str, str], folder: WorkFolder) -> None:
    """JobError unless the job in the folder is the one with this key."""
    if difference := difference_between(manifest.key, key):
        raise JobError("VS513", path=folder.path, difference=difference)
    for name, now in this_machine().items():
        before = manifest.machine.get(name)
        if before != now:
            log.warning(
                "the job was started with %s %s, this is %s: pixels may differ in their last bits", name, before, now
            )


def _found(job: JobSpec, folder: WorkFolder, listener: Listener) -> StyleModel:
    """The style model of the job in the folder."""
    prepare_flow(job.settings.flow, listener.working)
    rest = {"device": device_here(job), "init_image": load_start(job), "memory": memory_of(job)}
    return read_model(folder.model_file, load_styles(job), job.settings, **rest)


class RemotePainters(Protocol):
    """Others that paint what is not done of jobs: a cluster."""

    def paint(self, works: Sequence[PlannedJob], listener: Listener) -> dict[int, VidstyleError]:
        """What a job failed by, by its number in `works`."""

    def leave(self, work: PlannedJob) -> None:
        """Forgets a job that is joined."""


def run_film(
    job: JobSpec, listener: Listener, cluster: RemotePainters | None = None, report: Reporter | None = None
) -> Summary:
    """Paints a video, or the rest of it. Ctrl-C leaves a playable file of the frames that are done.

    Args:
        job: of a video or an animation.
        listener: is told about the progress.
        cluster: who paints; None for this machine.
        report: measures the video, where the job asks for that.

    Raises:
        VidstyleError: where the user can do something about it; what is done stays in the work folder.
    """
    began, folder = time.monotonic(), WorkFolder(job.work_folder)
    with folder.locked("job"), _left_as_found(job, folder):
        with running_job(job, listener) as work:
            before = sum(one.seconds for one in work.work)
            if cluster:
                _paint_on(cluster, work)
            else:
                work.paint(work.shots)
            summary = work.join(report)
            if cluster:
                cluster.leave(work)
        if not job.keep_work:
            folder.remove()
    return summary.since(began - before)


def _paint_on(cluster: RemotePainters, work: RunningJob) -> None:
    try:
        failed = cluster.paint([work], work.listener)
    except KeyboardInterrupt:
        with work.folder.scratch("partial") as scratch:
            work.tell_partial(scratch)
        raise
    if failed:
        raise failed[0]


@contextlib.contextmanager
def _left_as_found(job: JobSpec, folder: WorkFolder) -> Iterator[None]:
    """A new job that fails before anything of it is painted leaves no folder."""
    new = job.restart or not folder.manifest_file.exists()
    try:
        yield
    except BaseException:
        if new and not folder.is_begun:
            with contextlib.suppress(JobError):
                folder.clear(copies=True)
        raise


def plan_film(job: JobSpec, listener: Listener) -> PlannedJob:
    """Does all that is done before painting; the job as it then lies in its work folder."""
    with WorkFolder(job.work_folder).locked("job"), running_job(job, listener) as work:
        return PlannedJob(job, work.manifest)


def paint_shot(place: Path, shot: int, listener: Listener) -> None:
    """Paints one shot, from 0, of the job in the work folder `place`, or the rest of it; others may paint others."""
    job = WorkFolder(place.absolute()).job()
    with running_job(job, listener, tells=False) as work:
        if shot not in work.shots:
            raise JobError("VS524", place=place, shot=shot, count=len(work.shots) - 1)
        frames = sum(len(segment) for segment in work.shown if segment.shot == shot)
        listener.started(outline_film(job, work.reader.source, frames, ()))
        work.paint([shot])


def join_film(place: Path, listener: Listener, *, overwrite: bool = False, report: Reporter | None = None) -> Summary:
    """Joins the video of the job in the work folder `place`, whose shots are all painted.

    Args:
        place: the folder.
        listener: is told about the progress.
        overwrite: whether the video may be there already.
        report: measures the video, where the job asks for that.

    Raises:
        JobError: where there is no job, or not all of it is painted.
        SinkError: where the video cannot be written.
    """
    began, folder = time.monotonic(), WorkFolder(place.absolute())
    job = folder.job(overwrite=overwrite)
    with folder.locked("job"):
        with running_job(job, listener, tells=False) as work:
            summary = work.join(report)
        if not job.keep_work:
            folder.remove()
    return summary.since(began - summary.seconds)
