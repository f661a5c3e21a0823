"""A folder of clips: each a job of its own, and all of them one that goes on where it was stopped."""

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vidstyle.errors import JobError, VidstyleError
from vidstyle.files import from_json
from vidstyle.images import IMAGE_ENDINGS
from vidstyle.jobs.checkpoint import WorkFolder, difference_between, folder_of
from vidstyle.jobs.events import Listener, Outline, Summary
from vidstyle.jobs.runner import (
    PlannedJob,
    RemotePainters,
    Reporter,
    digest,
    join_film,
    plan_film,
    run_film,
    settings_key,
)
from vidstyle.jobs.spec import Job
from vidstyle.video.encoder import VIDEO_ENDINGS
from vidstyle.video.reader import find_clips

log = logging.getLogger(__name__)


def run_clips(
    job: Job, listener: Listener, cluster: RemotePainters | None = None, report: Reporter | None = None
) -> Summary:
    """Paints every clip of a folder to a folder; those that fail are told at the end, and the others done.

    The summary's frames, steps and seconds are those of all that were painted now. VidstyleError where none could be.
    """
    folder = WorkFolder(folder_of(job).path, "")
    with folder.locked("job"):
        job.out.mkdir(exist_ok=True)
        try:
            clips = _Clips(job, listener, _begun(job, folder, listener), cluster, report)
            if cluster:
                clips.paint_together(cluster)
            else:
                clips.paint_in_turn()
            summary = clips.summary()
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
    """A clip of the folder, its output, and the digest that the clip had when the folder's job began."""

    path: Path
    out: Path
    digest: str

    def is_done(self, began: int, known: Mapping[str, tuple[str, str]]) -> bool:
        """Whether the output is newer than the folder's job, and made of the same clip."""
        same = known.get(self.path.name, ("", ""))[1] == self.digest
        return same and self.out.exists() and self.out.stat().st_mtime_ns >= began


def outputs_of(clips: Sequence[Path], folder: Path, before: Mapping[str, str]) -> dict[Path, Path]:
    """Where each clip is painted to, by names that do not collide; `before`: outputs that clips of these names have."""
    outputs = {clip: folder / before[clip.name] for clip in clips if clip.name in before}
    for clip in clips:
        if clip not in outputs:
            keeps = clip.suffix.lower() in (*VIDEO_ENDINGS, ".gif")
            name = clip.name if keeps else f"{clip.stem}.mp4"
            taken = folder / name in outputs.values()
            outputs[clip] = folder / (f"{clip.stem}_{clip.suffix[1:]}.mp4" if taken else name)
    return outputs


def _begun(job: Job, folder: WorkFolder, listener: Listener) -> list[_Clip]:
    """The clips that are not painted; the folder's job is begun, or found. JobError where it is another."""
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
            log.info("done before: %s", clip.out)
    return [clip for clip in clips if not clip.is_done(began, known)]


def _tell_others(folder: Path) -> None:
    """Says what of the folder is not painted."""
    clips = find_clips(folder)
    for file in sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith(".")):
        if file.suffix.lower() in IMAGE_ENDINGS:
            log.warning(
                "%s is left alone among clips; paint images by a pattern like '%s'", file, folder / f"*{file.suffix}"
            )
        elif file not in clips:
            log.info("%s is left alone: no clip by its name", file.name)


class _Clips:
    """Paints what is not done, and keeps account."""

    def __init__(
        self,
        job: Job,
        listener: Listener,
        todo: Sequence[_Clip],
        cluster: RemotePainters | None,
        report: Reporter | None,
    ) -> None:
        self._job, self._listener, self._todo, self._cluster, self._report = job, listener, todo, cluster, report
        self._summaries: list[Summary] = []
        self._failed: list[str] = []

    def paint_in_turn(self) -> None:
        for number, clip in enumerate(self._todo, 1):
            self._listener.clip(clip.path, number, len(self._todo))
            with self._failures_kept(clip.path):
                self._summaries.append(run_film(self._member(clip), self._listener, self._cluster, self._report))

    def paint_together(self, cluster: RemotePainters) -> None:
        """Plans all clips, paints the segments of all, joins those that are done."""
        plans: list[PlannedJob] = []
        heard = _Heard(self._listener)
        for number, clip in enumerate(self._todo, 1):
            self._listener.clip(clip.path, number, len(self._todo))
            with self._failures_kept(clip.path):
                plans.append(plan_film(self._member(clip), heard))
        if not plans:
            return
        self._listener.started(heard.in_all())
        failed = self._painted(plans, cluster)
        for number, plan in enumerate(plans):
            with self._failures_kept(plan.job.source):
                if number in failed:
                    raise failed[number]
                self._summaries.append(join_film(plan.folder.path, self._listener, overwrite=True, report=self._report))
                cluster.leave(plan)

    def _painted(self, plans: Sequence[PlannedJob], cluster: RemotePainters) -> dict[int, VidstyleError]:
        with contextlib.ExitStack() as locks:
            for plan in plans:
                locks.enter_context(plan.folder.locked("job"))
            try:
                return cluster.paint(plans, self._listener)
            except KeyboardInterrupt:
                self._listener.interrupted(None, sum(len(segment) for plan in plans for segment in plan.done))
                raise

    def summary(self) -> Summary:
        """Of all clips; VidstyleError where some failed and none was painted."""
        if not self._summaries:
            if self._failed:
                raise VidstyleError("VS804", source=self._job.source, failed=self._failed[0])
            return Summary(self._job.out, "", "", 0.0)
        totals = {name: sum(getattr(one, name) for one in self._summaries) for name in ("frames", "steps", "seconds")}
        return replace(self._summaries[-1], out=self._job.out, report=None, failed=tuple(self._failed), **totals)

    def _member(self, clip: _Clip) -> Job:
        job = self._job
        how = {name: getattr(job, name) for name in ("report", "restart", "keep_work", "no_limits")}
        return Job.of(
            clip.path,
            job.styles,
            clip.out,
            job.settings,
            device=job.device,
            start=job.start,
            end=job.end,
            mask=job.mask,
            style_masks=job.style_masks,
            overwrite=True,
            cluster_options=job.cluster_options,
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
