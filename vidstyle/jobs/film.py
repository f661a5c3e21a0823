"""A film: looked at, painted segment by segment, joined. A job that was stopped goes on where it was."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from vidstyle.errors import JobError, VidstyleError
from vidstyle.jobs.folder import WorkFolder, folder_of, job_in
from vidstyle.jobs.job import Job
from vidstyle.jobs.listener import Listener, Summary
from vidstyle.jobs.ready import outline_film
from vidstyle.jobs.underway import PlannedJob, Reporter, RunningJob, running_job


class RemotePainters(Protocol):
    """Others that paint what is not done of jobs: a cluster."""

    def paint(self, works: Sequence[PlannedJob], listener: Listener) -> dict[int, VidstyleError]:
        """What a job failed by, by its number in `works`."""

    def leave(self, work: PlannedJob) -> None:
        """Forgets a job that is joined."""


def run_film(
    job: Job, listener: Listener, cluster: RemotePainters | None = None, report: Reporter | None = None
) -> Summary:
    """Paints a film, or the rest of it, on the `cluster` if there is one; `report` measures it where the job asks.

    Ctrl-C leaves a playable file of the frames that are done.
    """
    folder = folder_of(job)
    with folder.locked("job"), _left_as_found(job, folder):
        with running_job(job, folder, listener) as work:
            if cluster:
                _paint_on(cluster, work, listener)
            else:
                work.paint(work.shots)
            summary = work.join(report)
            if cluster:
                cluster.leave(work)
        if not job.keep_work:
            folder.remove()
    return summary


def _paint_on(cluster: RemotePainters, work: RunningJob, listener: Listener) -> None:
    try:
        failed = cluster.paint([work], listener)
    except KeyboardInterrupt:
        with work.folder.scratch("partial") as scratch:
            work.tell_partial(scratch)
        raise
    if failed:
        raise failed[0]


@contextlib.contextmanager
def _left_as_found(job: Job, folder: WorkFolder) -> Iterator[None]:
    """A new job that fails before anything of it is painted leaves no folder."""
    new = job.restart or not folder.manifest_file.exists()
    try:
        yield
    except BaseException:
        if new and not folder.is_begun:
            with contextlib.suppress(JobError):
                folder.clear(copies=True)
        raise


def plan_film(job: Job, listener: Listener) -> PlannedJob:
    """Does all that is done before painting; the job as it then lies in its work folder."""
    folder = folder_of(job)
    with folder.locked("job"), running_job(job, folder, listener) as work:
        return PlannedJob(job, folder, work.manifest)


def paint_shot(place: Path, shot: int, listener: Listener) -> None:
    """Paints one shot, from 0, of the job in the work folder `place`, or the rest of it; others may paint others."""
    job = job_in(place)
    with running_job(job, folder_of(job), listener, tells=False) as work:
        if shot not in work.shots:
            raise JobError(f"{place}: has no shot {shot}; give one from 0 to {len(work.shots) - 1}")
        frames = sum(len(segment) for segment in work.segments if segment.shot == shot)
        listener.started(outline_film(job, work.reader.source, frames, 1))
        work.paint([shot])


def join_film(place: Path, listener: Listener, *, overwrite: bool = False, report: Reporter | None = None) -> Summary:
    """Joins the film of the job in the work folder `place`, whose shots are all painted."""
    job = job_in(place, overwrite=overwrite)
    folder = folder_of(job)
    with folder.locked("job"):
        with running_job(job, folder, listener, tells=False) as work:
            summary = work.join(report)
        if not job.keep_work:
            folder.remove()
    return summary
