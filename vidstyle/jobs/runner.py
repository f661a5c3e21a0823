"""A film from its first look to its last segment: begun or found again, painted segment by segment, joined.

A job that was stopped goes on where it was.
"""

import contextlib
import functools
import itertools
import logging
import platform
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

import torch

import vidstyle
from vidstyle.core.cuts import mark_cuts
from vidstyle.core.frame_style import Frame
from vidstyle.core.raft import prepare_flow
from vidstyle.core.stylize_image import Painter, has_content
from vidstyle.core.stylize_video import paint_part
from vidstyle.core.temporal import PaintedFrame
from vidstyle.errors import JobError, SourceError, VidstyleError
from vidstyle.files import sha256_of
from vidstyle.jobs.checkpoint import (
    Manifest,
    WorkFolder,
    difference_between,
    facts_of,
    folder_of,
    job_in,
    link_bytes,
    link_of,
    painter_bytes,
    painter_of,
)
from vidstyle.jobs.events import Listener, Summary, Work, far_off
from vidstyle.jobs.frame_styles import FrameStyles, frame_styles_of
from vidstyle.jobs.prescan import opened
from vidstyle.jobs.segments import Segment, segments_of
from vidstyle.jobs.setup import device_here, device_of, load_start, load_styles, outline_film, ready_for_film
from vidstyle.jobs.spec import Job
from vidstyle.video.encoder import Film, SegmentFile
from vidstyle.video.muxer import join_segment_files
from vidstyle.video.reader import Source

log = logging.getLogger(__name__)

Reporter = Callable[[Job, Painter, Sequence[Work], Listener], Path]  # measures a film; the page of its report


@dataclass(frozen=True)
class PlannedJob:
    """A job of a film that was looked at and can be painted."""

    job: Job
    folder: WorkFolder
    manifest: Manifest

    @functools.cached_property
    def segments(self) -> tuple[Segment, ...]:
        settings = self.job.settings
        facts = self.manifest.frames, self.manifest.scenes.cuts, self.manifest.size
        return segments_of(*facts, both_ways=settings.both_ways, loop=settings.loop)

    @property
    def shots(self) -> range:
        return range(1 + len(self.manifest.scenes.cuts))

    @property
    def done(self) -> list[Segment]:
        return list(filter(self.folder.is_done, self.segments))


@dataclass(frozen=True)
class RunningJob(PlannedJob):
    """A job of a film that is being worked on; its source gives frames of the painting's size."""

    painter: Painter
    reader: "Reader"
    listener: Listener

    @property
    def film(self) -> Film:
        """What the job writes."""
        source, job = self.reader.source, self.job
        return Film(job.out, self.manifest.size, source.info.rate, source.info, job.start, job.end, source.durations)

    def paint(self, shots: Sequence[int]) -> None:
        """Paints what is not done of the shots, which nobody else paints meanwhile."""
        mine = [segment for segment in self.segments if segment.shot in shots]
        todo = [segment for segment in mine if not self.folder.is_done(segment)]
        tell_resumed(self, [segment for segment in mine if segment not in todo], self.listener)
        for shot, segments in itertools.groupby(todo, lambda segment: segment.shot):
            with self.folder.locked(f"shot{shot}"), self.folder.scratch(f"shot{shot}") as scratch:
                for segment in segments:
                    self.paint_segment(segment, scratch, stopped=self.tell_partial)

    def paint_segment(
        self,
        segment: Segment,
        scratch: Path,
        stopped: Callable[[Path, Segment, SegmentFile], None] | None = None,
        before_commit: Callable[[], None] | None = None,
    ) -> None:
        """Paints the frames of a segment and makes all of it safe; `before_commit` may refuse that.

        By Ctrl-C `stopped` is told the folder `scratch`, the segment and what there is of its film.
        """
        frames = self.reader.frames_of(segment)
        needs, device = segment.needs, self.painter.device
        handed = None if needs is None else link_of(self.folder.state(needs), device)
        hands_on, work, losses = handed, list[Work](), list[float]()
        part = (
            scratch / f"{secrets.token_hex(8)}{self.folder.segment_ending}"
        )  # a dying ffmpeg may write to the last one
        with SegmentFile(part, self.film, segment.start) as segment_file:
            try:
                for painted, link in paint_part(
                    self.painter, frames, handed, segment.ends_film, self.listener.step, self.listener.turn, scratch
                ):
                    segment_file.write(painted.painted.image)
                    work.append(Work.of(painted.painted))
                    losses.append(_content_loss(painted))
                    self.listener.frame(painted)
                    hands_on = link
                self._check_read(segment, len(work))
                segment_file.finish()
                _warn_of_far_off(segment, losses)
                state = link_bytes(hands_on) if hands_on and segment.leaves else None
                self.reader.source.check_unchanged()
                if before_commit:
                    before_commit()
                self.folder.commit(segment, part, work, state)
            except KeyboardInterrupt:
                if stopped:
                    stopped(scratch, segment, segment_file)
                raise

    def _check_read(self, segment: Segment, count: int) -> None:
        if count != len(segment):
            self.reader.source.check_there()
            self.reader.source.check_unchanged()
            raise SourceError("VS321", source=self.job.source, count=count, start=segment.start, stop=segment.stop)

    def tell_partial(
        self, scratch: Path, segment: Segment | None = None, segment_file: SegmentFile | None = None
    ) -> None:
        """Joins what is done from the film's start on, with what there is of the segment that was worked on.

        That is told, or where there is nothing, how many frames of others are safe.
        """
        done = list(itertools.takewhile(self.folder.is_done, self.segments))
        segment_files, frames = [self.folder.film(one.index) for one in done], sum(map(len, done))
        if segment and segment_file and segment_file.frame_count and len(done) == segment.index:
            segment_file.finish()
            segment_files, frames = [*segment_files, segment_file.path], frames + segment_file.frame_count
        partial = (
            join_segment_files(segment_files, self.film, frames, scratch=scratch, partial=True) if frames else None
        )
        self.listener.interrupted(partial, frames or sum(map(len, self.done)))

    def join(self, report: Reporter | None = None) -> Summary:
        """Writes the film, and its `report` where the job asks for one; what its frames took.

        JobError where some are not painted.
        """
        missing = sorted({segment.shot for segment in self.segments if not self.folder.is_done(segment)})
        if missing:
            shots = ", ".join(map(str, missing))
            raise JobError("VS523", path=self.folder.path, shots=shots)
        segment_files = [self.folder.film(segment.index) for segment in self.segments]
        self.reader.source.check_there()  # its sound is yet to come
        with self.folder.scratch("join") as scratch:
            join_segment_files(segment_files, self.film, self.manifest.frames, scratch=scratch)
        took = [one for segment in self.segments for one in self.folder.work(segment)]
        summary = Summary.of(self.job.out, self.painter).after(*took)
        if self.job.report and report:
            summary = replace(summary, report=report(self.job, self.painter, took, self.listener))
        return summary


def _content_loss(one: PaintedFrame) -> float:
    """That of a frame that was painted; 0 where nothing was, or there is hardly anything to paint."""
    counts = one.painted.steps and has_content(one.frame.content)
    return float(one.painted.losses.content) if counts else 0.0


def _warn_of_far_off(segment: Segment, losses: Sequence[float]) -> None:
    """One line where frames of a segment have content losses far above the others' (0: not painted)."""
    if found := far_off(losses):
        log.warning(
            "%d frames lost their content, the first is frame %d: look at them, and try another --strength or --style",
            len(found),
            segment.start + found[0],
        )


def tell_resumed(work: PlannedJob, done: Sequence[Segment], listener: Listener) -> None:
    """Tells what was done before, if anything was."""
    if done:
        listener.resumed(sum(map(len, done)), len({segment.shot for segment in done}), work.folder.path)


class Reader:
    """Reads the frames of segments, on from the last one where they go on, each with its look."""

    def __init__(self, source: Source, manifest: Manifest, looks: FrameStyles) -> None:
        self.source, self._manifest, self._looks = source, manifest, looks
        self._frames: Iterator[Frame] = iter(())
        self._position: int | None = None  # of the next frame; None where a segment was not read to its end

    def frames_of(self, segment: Segment) -> Iterator[Frame]:
        if segment.start != self._position:
            self._frames = self.source.frames_from(segment.start, self._manifest.marks.get(segment.start, ""))
        self._position = None
        scenes, start = self._manifest.scenes, segment.start
        frames = mark_cuts(itertools.islice(self._frames, len(segment)), scenes.cuts, start)
        yield from scenes.evened(self._looks.on(frames, start), self.source.image_at, start)
        self._position = segment.stop


@contextlib.contextmanager
def running_job(
    job: Job, folder: WorkFolder, listener: Listener, *, tells: bool = True, checks: bool = True
) -> Iterator[RunningJob]:
    """A job, begun or found in its folder.

    `tells` what it is about, and `checks` that a job that is found has the same settings and files.
    """
    manifest = None if job.restart else folder.manifest()
    with opened(job, listener, folder.path, rewrite=manifest is not None and manifest.rewritten) as source:
        if manifest is None:
            manifest, painter = _begun(job, folder, source, listener)
        else:
            if checks:
                _check_same(manifest, key_of(job, listener), folder)
            if tells:
                listener.started(outline_film(job, source, manifest.frames, 1 + len(manifest.scenes.cuts)))
            painter = _found(job, folder, manifest, listener)
            source.size = manifest.size
        with frame_styles_of(job, manifest.size, manifest.scenes) as looks:
            yield RunningJob(job, folder, manifest, painter, Reader(source, manifest, looks), listener)


def key_of(job: Job, listener: Listener) -> dict[str, str]:
    """All that changes the pixels of a job, by the name that it is told by."""
    return {**settings_key(job, listener), "the source": digest(job.source, listener)}


def settings_key(job: Job, listener: Listener) -> dict[str, str]:
    """The same without the source."""
    values = {name: str(value) for name, value in asdict(job.settings).items()}
    files = {f"style image {i}": path for i, path in enumerate(job.styles, 1)}
    files |= {f"the mask of style {i}": path for i, path in enumerate(job.style_masks, 1)}
    files |= {"--mask": job.mask} if job.mask else {}
    for name, file in (("init", job.settings.init_file), ("weights", job.settings.weights_file)):
        if file:  # wherever it lies
            values[name] = "a file"
            files[f"the file of --{name}"] = file
    return {
        **{f"--{name.replace('_', '-')}": value for name, value in values.items()},
        "--from": f"{job.start:g}",
        "--to": "the end" if job.end is None else f"{job.end:g}",
        "--device": device_of(job).type,
        **{name: digest(path, listener) for name, path in files.items()},
        "vidstyle": vidstyle.__version__,
    }


def digest(path: Path, listener: Listener) -> str:
    """The SHA-256 of a file, as keys have it."""
    return "SHA-256 " + sha256_of(path, lambda done: listener.working(f"reading {path.name}", done, 1.0))[:16]


def _machine() -> dict[str, str]:
    """What the last bits of the pixels depend on."""
    return {
        "torch": torch.__version__,
        "threads": str(torch.get_num_threads()),
        "processor": platform.machine(),
    }


def _begun(job: Job, folder: WorkFolder, source: Source, listener: Listener) -> tuple[Manifest, Painter]:
    """A new job."""
    key = key_of(job, listener)
    folder.clear(copies=False)  # the source is being read from one
    prescan, painter = ready_for_film(job, source, listener)
    assert source.size is not None
    facts = facts_of(job), key, source.size, prescan.frames, prescan.scenes
    manifest = Manifest(*facts, {}, source.rewritten, _machine())
    starts = [segment.start for segment in PlannedJob(job, folder, manifest).segments]
    manifest = replace(manifest, marks={start: prescan.marks[start] for start in starts})
    folder.begin(manifest, painter_bytes(painter))
    return manifest, painter


def _check_same(manifest: Manifest, key: Mapping[str, str], folder: WorkFolder) -> None:
    """JobError unless the job in the folder is the one with this key."""
    if difference := difference_between(manifest.key, key):
        raise JobError("VS513", path=folder.path, difference=difference)
    for name, now in _machine().items():
        before = manifest.machine.get(name)
        if before != now:
            log.warning("the job was begun with %s %s, and this is %s: the last bits may differ", name, before, now)


def _found(job: Job, folder: WorkFolder, manifest: Manifest, listener: Listener) -> Painter:
    """The painter of the job in the folder."""
    prepare_flow(job.settings.flow, listener.working)
    styles, start = load_styles(job), load_start(job)
    return painter_of(folder.painter_file, styles, job.settings, device=device_here(job), init_image=start)


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
            raise JobError("VS524", place=place, shot=shot, count=len(work.shots) - 1)
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
