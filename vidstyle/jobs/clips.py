"""A folder of clips: each a job of its own, and all of them one that goes on where it was stopped."""

import contextlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from vidstyle.errors import JobError, VidstyleError
from vidstyle.jobs.cluster import Cluster
from vidstyle.jobs.film import join_film, joined, plan_film, run_film
from vidstyle.jobs.folder import WorkFolder, difference_between, folder_of
from vidstyle.jobs.job import Job
from vidstyle.jobs.listener import Listener, Outline, Summary
from vidstyle.jobs.underway import Planned, settings_key
from vidstyle.media.pieces import VIDEO_ENDINGS
from vidstyle.media.source import find_clips

log = logging.getLogger(__name__)


def run_clips(job: Job, listener: Listener) -> Summary:
    """Paints every clip of a folder to a folder; those that fail are told at the end, and the others done.

    The summary's frames, steps and seconds are those of all that were painted now. VidstyleError where none could be.
    """
    job.out.mkdir(exist_ok=True)
    folder = WorkFolder(folder_of(job).path, "")
    try:
        with joined(job) as cluster, folder.locked("job"):
            clips = _Clips(job, listener, _begun(job, folder, settings_key(job, listener)))
            if cluster:
                clips.paint_together(cluster)
            else:
                clips.paint_in_turn()
            summary = clips.summary()
    finally:
        with contextlib.suppress(OSError):
            job.out.rmdir()  # an empty one would only be in the way of the next run
            folder.remove()
    if not summary.failed:
        folder.remove()
    return summary


def outputs_of(clips: list[Path], folder: Path) -> dict[Path, Path]:
    """Where each clip is painted to, by names that do not collide."""
    outputs: dict[Path, Path] = {}
    for clip in clips:
        keeps = clip.suffix.lower() in (*VIDEO_ENDINGS, ".gif")
        name = clip.name if keeps else f"{clip.stem}.mp4"
        taken = any(out.name == name for out in outputs.values())
        outputs[clip] = folder / (f"{clip.stem}_{clip.suffix[1:]}.mp4" if taken else name)
    return outputs


def _begun(job: Job, folder: WorkFolder, key: Mapping[str, str]) -> int:
    """When the folder's job was begun, in the nanoseconds of its disk; outputs that are newer are done.

    JobError where the folder holds another job.
    """
    file = folder.manifest_file
    if job.restart or not file.exists():
        folder.write(file, json.dumps({"clips": key}, indent=1).encode())
    try:
        before = dict(json.loads(file.read_text(encoding="utf-8"))["clips"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise JobError(f"{file}: cannot be read ({error}); begin anew with --restart") from error
    if difference := difference_between(before, key):
        raise JobError(f"{folder.path}: holds a job whose {difference}; run it as it was, or begin anew with --restart")
    return file.stat().st_mtime_ns


class _Clips:
    """Paints what is not done, and keeps account."""

    def __init__(self, job: Job, listener: Listener, begun: int) -> None:
        self._job, self._listener = job, listener
        self._summaries: list[Summary] = []
        self._failed: list[str] = []
        self._todo: list[tuple[Path, Path]] = []
        for clip, out in outputs_of(find_clips(job.source), job.out).items():
            if out.exists() and out.stat().st_mtime_ns >= begun:
                log.info("done before: %s", out)
            else:
                self._todo.append((clip, out))

    def paint_in_turn(self) -> None:
        for number, (clip, out) in enumerate(self._todo, 1):
            self._listener.clip(clip, number, len(self._todo))
            with self._failures_kept(clip):
                self._summaries.append(run_film(self._member(clip, out), self._listener))

    def paint_together(self, cluster: Cluster) -> None:
        """Plans all clips, paints the segments of all, joins those that are done."""
        plans: list[Planned] = []
        heard = _Heard(self._listener)
        for number, (clip, out) in enumerate(self._todo, 1):
            self._listener.clip(clip, number, len(self._todo))
            with self._failures_kept(clip):
                plans.append(plan_film(self._member(clip, out), heard))
        if plans:
            self._listener.started(heard.in_all())
            with self._failures_kept(self._job.source):
                cluster.paint(plans, self._listener)
        for plan in plans:
            if len(plan.done) == len(plan.segments):
                with self._failures_kept(plan.job.source):
                    self._summaries.append(join_film(plan.folder.path, self._listener, overwrite=True))
                    cluster.leave([plan])

    def summary(self) -> Summary:
        """Of all clips; VidstyleError where none was painted."""
        if not self._summaries:
            if self._failed:
                raise VidstyleError(f"{self._job.source}: none of its clips could be painted; {self._failed[0]}")
            raise VidstyleError(f"{self._job.out}: all of it is painted already")
        totals = {name: sum(getattr(one, name) for one in self._summaries) for name in ("frames", "steps", "seconds")}
        return replace(self._summaries[-1], out=self._job.out, report=None, failed=tuple(self._failed), **totals)

    def _member(self, clip: Path, out: Path) -> Job:
        job = self._job
        how = {"report": job.report, "restart": job.restart, "keep_work": job.keep_work}
        return Job.of(
            clip,
            job.styles,
            out,
            job.settings,
            device=job.device,
            start=job.start,
            end=job.end,
            overwrite=True,
            crew=job.crew,
            **how,
        )

    @contextlib.contextmanager
    def _failures_kept(self, clip: Path) -> Iterator[None]:
        try:
            yield
        except VidstyleError as error:
            text = str(error)
            self._failed.append(text if clip.name in text else f"{clip}: {text}")


class _Heard(Listener):
    """Keeps the outlines of jobs, and passes on what is worked on."""

    def __init__(self, listener: Listener) -> None:
        self.working = listener.working  # type: ignore[method-assign]
        self._outlines: list[Outline] = []

    def started(self, outline: Outline) -> None:
        self._outlines.append(outline)

    def in_all(self) -> Outline:
        """Of all jobs together, as if they were one film."""
        last = self._outlines[-1]
        frames, shots = (sum(getattr(one, name) for one in self._outlines) for name in ("frames", "shots"))
        seconds = sum(one.estimate.seconds for one in self._outlines)
        return replace(last, frames=frames, shots=shots, estimate=replace(last.estimate, seconds=seconds))
