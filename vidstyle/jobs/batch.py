"""A folder of videos: each a job of its own, and all of them one that resumes where it was stopped."""

import contextlib
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from vidstyle.errors import JobError, VidstyleError
from vidstyle.files import from_json
from vidstyle.images import IMAGE_ENDINGS
from vidstyle.jobs.checkpoint import WorkFolder
from vidstyle.jobs.events import Listener, Outline, Summary
from vidstyle.jobs.manifest import difference_between, digest, settings_key
from vidstyle.jobs.runner import RemotePainters, join_film, plan_film, run_film
from vidstyle.jobs.segments import PlannedJob, Reporter
from vidstyle.jobs.spec import JobOptions, JobSpec
from vidstyle.video.codecs import VIDEO_ENDINGS
from vidstyle.video.reader import find_clips

log = logging.getLogger(__name__)


def run_clips(
    job: JobSpec, listener: Listener, cluster: RemotePainters | None = None, report: Reporter | None = None
) -> Summary:
    """Paints every video of a folder to a folder; those that fail are told at the end, and the others done.

    Args:
        job: of a folder of videos.
        listener: is told about the progress.
        cluster: who paints; None for this machine.
        report: measures each video, where the job asks for that.

    Returns:
        The frames, steps and seconds of all videos that were painted now.

    Raises:
        VidstyleError: where none could be.
    """
    began, folder = time.monotonic(), WorkFolder(job.work_folder)
    with folder.locked("job"):
        job.out.mkdir(exist_ok=True)
        try:
            clips = _Clips(job, listener, _begun(job, folder, listener), report)
            if cluster:
                clips.paint_together(cluster)
            else:
                clips.paint_in_turn()
            summary = clips.summary().since(began)
        except BaseException:
            with contextlib.suppress(OSError):
                job.out.rmdir()  # an empty one would only be in the way of the next run
                folder.manifest_file.unlink(missing_ok=True)
            raise
        if not summary.failed and not job.keep_work:
            folder.remove()
    return summary


@dataclass(frozen=True)
class _Clip:
    """A video of the folder, its output, and the digest that the video had when the folder's job began."""

    path: Path
    out: Path
    digest: str

    def is_done(self, began: int, known: Mapping[str, tuple[str, str]]) -> bool:
        """Whether the output is newer than the folder's job, and made of the same video."""
        same = known.get(self.path.name, ("", ""))[1] == self.digest
        return same and self.out.exists() and self.out.stat().st_mtime_ns >= began


def outputs_of(clips: Sequence[Path], folder: Path, before: Mapping[str, str]) -> dict[Path, Path]:
    """Where each video is painted to, by names that do not collide.

    Args:
        clips: the videos.
        folder: where the outputs lie.
        before: by their names, the names of outputs that videos have already.
    """
    outputs = {clip: folder / before[clip.name] for clip in clips if clip.name in before}
    for clip in clips:
        if clip not in outputs:
            keeps = clip.suffix.lower() in (*VIDEO_ENDINGS, ".gif")
            name = clip.name if keeps else f"{clip.stem}.mp4"
            taken = folder / name in outputs.values()
            outputs[clip] = folder / (f"{clip.stem}_{clip.suffix[1:]}.mp4" if taken else name)
    return outputs


def _begun(job: JobSpec, folder: WorkFolder, listener: Listener) -> list[_Clip]:
    """The videos that are not painted; the folder's job is begun, or found. JobError where it is another."""
    file, key = folder.manifest_file, settings_key(job, listener)
    if job.restart or not file.exists():
        folder.write(file, json.dumps({"key": key, "clips": {}}, indent=1).encode())
    began = file.stat().st_mtime_ns  # by the clock of the disk that the outputs are on
    try:
        found = from_json(file.read_text(encoding="utf-8"))
        before = dict(found["key"])
        known = {str(name): (Path(out).name, str(sha)) for name, (out, sha) in found["clips"].items()}
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise JobError("VS514", file=file, error=error) from error
    if difference := difference_between(before, key):
        raise JobError("VS513", path=folder.path, difference=difference)
    _tell_others(job.source)
    outputs = outputs_of(find_clips(job.source), job.out, {name: out for name, (out, _) in known.items()})
    clips = [_Clip(path, out, digest(path, listener)) for path, out in outputs.items()]
    entries = {clip.path.name: (clip.out.name, clip.digest) for clip in clips}
    folder.write(file, json.dumps({"key": key, "clips": entries}, indent=1).encode())
    os.utime(file, ns=(began, began))
    for clip in clips:
        if clip.is_done(began, known):
            log.info("already painted: %s", clip.out)
    return [clip for clip in clips if not clip.is_done(began, known)]


def _tell_others(folder: Path) -> None:
    """Says what of the folder is not painted."""
    clips = find_clips(folder)
    for file in sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith(".")):
        if file.suffix.lower() in IMAGE_ENDINGS:
            log.warning(
                "%s is skipped, since the folder contains videos; for images, use a pattern such as '%s'",
                file,
                folder / f"*{file.suffix}",
            )
        elif file not in clips:
            log.info("%s is skipped: not a video file", file.name)


@dataclass
class _Clips:
    """Paints what is not done, and keeps account."""

    job: JobSpec
    listener: Listener
    todo: Sequence[_Clip]
    report: Reporter | None
    _summaries: list[Summary] = field(default_factory=list)
    _failed: list[str] = field(default_factory=list)

    def paint_in_turn(self) -> None:
        """One video after the other."""
        for clip in self._told():
            with self._failures_kept(clip.path):
                self._summaries.append(run_film(self._member(clip), self.listener, report=self.report))

    def paint_together(self, cluster: RemotePainters) -> None:
        """Plans all videos, paints the segments of all, joins those that are done."""
        plans, heard = list[PlannedJob](), _Heard(self.listener)
        for clip in self._told():
            with self._failures_kept(clip.path):
                plans.append(plan_film(self._member(clip), heard))
        if not plans:
            return
        self.listener.started(heard.in_all())
        failed = self._painted(plans, cluster)
        for number, plan in enumerate(plans):
            with self._failures_kept(plan.job.source):
                if number in failed:
                    raise failed[number]
                self._summaries.append(join_film(plan.folder.path, self.listener, overwrite=True, report=self.report))
                cluster.leave(plan)

    def _painted(self, plans: Sequence[PlannedJob], cluster: RemotePainters) -> dict[int, VidstyleError]:
        with contextlib.ExitStack() as locks:
            for plan in plans:
                locks.enter_context(plan.folder.locked("job"))
            try:
                return cluster.paint(plans, self.listener)
            except KeyboardInterrupt:
                kept = sum(len(segment) for plan in plans for segment in plan.done)
                self.listener.interrupted(None, kept, kept)
                raise

    def summary(self) -> Summary:
        """Of all videos; VidstyleError where some failed and none was painted."""
        if not self._summaries:
            if self._failed:
                raise VidstyleError("VS804", source=self.job.source, failed=self._failed[0])
            return Summary(self.job.out, "", "", 0.0)
        totals = {name: sum(getattr(one, name) for one in self._summaries) for name in ("frames", "steps", "seconds")}
        return replace(self._summaries[-1], out=self.job.out, report=None, failed=tuple(self._failed), **totals)

    def _told(self) -> Iterator[_Clip]:
        """The videos that are not done; the listener is told each."""
        for number, clip in enumerate(self.todo, 1):
            self.listener.clip(clip.path, number, len(self.todo))
            yield clip

    def _member(self, clip: _Clip) -> JobSpec:
        """The job of one video."""
        job = self.job
        options = {name: getattr(job, name) for name in JobOptions.__annotations__} | {"overwrite": True}
        return JobSpec.of(clip.path, job.styles, clip.out, job.settings, **options)

    @contextlib.contextmanager
    def _failures_kept(self, clip: Path) -> Iterator[None]:
        try:
            yield
        except VidstyleError as error:
            self.listener.failed(clip, error)
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
        """Of all jobs together, as if they were one video."""
        last = self._outlines[-1]
        frames, shots = (sum(getattr(one, name) for one in self._outlines) for name in ("frames", "shots"))
        seconds, learning = (sum(getattr(one.estimate, n) for one in self._outlines) for n in ("seconds", "learning"))
        takes = replace(last.estimate, seconds=seconds, learning=learning)
        return replace(last, frames=frames, shots=shots, estimate=takes)
