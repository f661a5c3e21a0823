"""A job of a video at work: its segments are read, painted, made safe and in the end joined."""

import contextlib
import functools
import itertools
import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from vidstyle.core.cuts import mark_cuts
from vidstyle.core.frame_style import Frame
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import has_content
from vidstyle.core.stylize_video import paint_part
from vidstyle.core.temporal import Linked, PaintedFrame
from vidstyle.errors import JobError, SourceError
from vidstyle.jobs.checkpoint import WorkFolder, link_bytes, link_of
from vidstyle.jobs.events import Listener, Summary, Work, far_off
from vidstyle.jobs.leads import LeadFile
from vidstyle.jobs.manifest import Manifest, Segment, segments_of
from vidstyle.jobs.spec import JobSpec
from vidstyle.jobs.style_schedule import StyleSchedule
from vidstyle.video.encoder import Film
from vidstyle.video.image_sequence import ImageSequence, is_sequence
from vidstyle.video.outputs import OpenSegment, Output, join_segments, open_segment
from vidstyle.video.reader import Source

log = logging.getLogger(__name__)

Reporter = Callable[[JobSpec, StyleModel, Sequence[Work], Listener], Path]  # measures a video; the page of its report


@dataclass(frozen=True)
class PlannedJob:
    """A job of a video that was looked at and can be painted."""

    job: JobSpec
    manifest: Manifest

    @property
    def folder(self) -> WorkFolder:
        """Where it keeps what is done."""
        return WorkFolder(self.job.work_folder)

    @functools.cached_property
    def segments(self) -> tuple[Segment, ...]:
        """All of the video."""
        settings = self.job.settings
        facts = self.manifest.frames, self.manifest.scenes.cuts, self.manifest.size
        return segments_of(*facts, both_ways=settings.both_ways, loop=settings.loop, chunk_frames=settings.chunk_frames)

    @property
    def shown(self) -> list[Segment]:
        """Those whose frames are the video's, in order."""
        return [segment for segment in self.segments if not segment.leads]

    @property
    def shots(self) -> range:
        """Their numbers, from 0."""
        return range(1 + len(self.manifest.scenes.cuts))

    @property
    def done(self) -> list[Segment]:
        """The segments that are safe."""
        return list(filter(self.folder.is_done, self.segments))

    @property
    def work(self) -> list[Work]:
        """What the frames of these took."""
        return [one for segment in self.done if not segment.leads for one in self.folder.work(segment)]


@dataclass(frozen=True)
class RunningJob(PlannedJob):
    """A job of a video that is being worked on."""

    model: StyleModel
    reader: "SegmentReader"
    listener: Listener

    @property
    def film(self) -> Output:
        """What the job writes."""
        source, job, settings = self.reader.source, self.job, self.job.settings
        if is_sequence(job.out):
            return self._images()
        return Film(
            job.out,
            self.manifest.size,
            source.info.rate,
            source.sound_from,
            job.start,
            source.info.seconds if job.audio and job.end is None else job.end,
            source.durations,
            settings.grade,
            plays=source.info.plays,
            codec=settings.codec,
            pixel_format=settings.pix_fmt,
            transparent=source.info.transparent,
            encoder=settings.encoder,
        )

    def _images(self) -> ImageSequence:
        """What it writes, where that is a sequence of images."""
        source, job, settings = self.reader.source, self.job, self.job.settings
        info = source.sound_from
        beside = {
            "the sound": info and info.audio,
            "the subtitles": info and info.subtitles,
            "the times": source.durations,
        }
        return ImageSequence(
            job.out,
            self.manifest.size,
            source.number_of,
            source.names,
            settings.codec,
            settings.pix_fmt,
            settings.grade,
            source.deep,
            " and ".join(what for what, found in beside.items() if found),
        )

    def paint(self, shots: Sequence[int]) -> None:
        """Paints what is not done of the shots, which nobody else paints meanwhile."""
        mine = [segment for segment in self.segments if segment.shot in shots]
        todo = [segment for segment in mine if not self.folder.is_done(segment)]
        tell_resumed([[segment for segment in mine if segment not in todo]], self.folder, self.listener)
        for shot, segments in itertools.groupby(todo, lambda segment: segment.shot):
            with self.folder.locked(f"shot{shot}"), self.folder.scratch(f"shot{shot}") as scratch:
                for segment in segments:
                    with SegmentWriter.opened(self, segment, scratch, self.tell_partial) as writer:
                        for painted, link in self.painting(segment, scratch):
                            writer.write(painted, link)

    def painting(self, segment: Segment, scratch: Path) -> Iterator[tuple[PaintedFrame, Linked]]:
        """The frames of a segment as they are painted, each with what it hands on; `scratch` is for temporary files."""
        frames, listener = self.reader.frames_of(segment), self.listener
        needs, device = segment.needs, self.model.device
        handed = None if needs is None else link_of(self.folder.state(needs), device)
        next_chunk = () if segment.meets is None else tuple(self.folder.lead(self.segments[segment.meets]))
        ends_film, told = segment.ends_film, (listener.step, listener.turn)
        return paint_part(self.model, frames, handed, ends_film, *told, scratch, next_chunk)

    def tell_partial(self, scratch: Path, begun: OpenSegment | LeadFile | None = None, first: int = 0) -> None:
        """Joins what is done from the video's start on, and tells of that, or how many frames of others are safe.

        Args:
            scratch: a folder for temporary files, on the disk of the output.
            begun: the video of a segment that was worked on.
            first: the position of its first frame.
        """
        done = list(itertools.takewhile(self.folder.is_done, self.shown))
        files, frames = [self.folder.film(one) for one in done], (kept := sum(map(len, done)))
        if begun and not isinstance(begun, LeadFile) and begun.frame_count and frames == first:
            begun.finish()
            files, frames = [*files, begun.path], frames + begun.frame_count
        partial = join_segments(files, self.film, frames, scratch=scratch, partial=True) if frames else None
        if partial is None:
            kept = sum(map(len, self.done))
        self.listener.interrupted(partial, frames or kept, kept)

    def join(self, report: Reporter | None = None) -> Summary:
        """Writes the video, and its `report` where the job asks for one; what its frames took.

        JobError where some are not painted.
        """
        missing = sorted({segment.shot for segment in self.shown if not self.folder.is_done(segment)})
        if missing:
            raise JobError("VS523", path=self.folder.path, shots=", ".join(map(str, missing)))
        self.reader.source.check_there()  # its sound is yet to come
        with self.folder.scratch("join") as scratch, self._joining():
            files = [self.folder.film(segment) for segment in self.shown]
            join_segments(files, self.film, self.manifest.frames, scratch=scratch)
        summary = Summary.of(self.job.out, self.model).after(*(took := self.work))
        if self.job.report and report:
            summary = replace(summary, report=report(self.job, self.model, took, self.listener))
        return summary

    @contextlib.contextmanager
    def _joining(self) -> Iterator[None]:
        """Images that are written meanwhile are the job's own: after a kill they may be there when it resumes."""
        if is_sequence(self.job.out):
            self.folder.write(self.folder.joining_file, b"")
        yield
        self.folder.joining_file.unlink(missing_ok=True)


@dataclass
class SegmentWriter:
    """Writes the frames of a segment, and makes all of it safe in the end.

    Args:
        work: the job.
        segment: what is painted.
        file: its video.
    """

    work: RunningJob
    segment: Segment
    file: OpenSegment | LeadFile
    _work: list[Work] = field(default_factory=list)
    _losses: list[float] = field(default_factory=list)
    _link: Linked | None = None

    @classmethod
    @contextlib.contextmanager
    def opened(
        cls,
        work: RunningJob,
        segment: Segment,
        scratch: Path,
        on_stop: Callable[[Path, OpenSegment | LeadFile, int], None] | None = None,
        before_commit: Callable[[], None] | None = None,
    ) -> Iterator[Self]:
        """A writer whose segment is safe when the ``with`` is left, and of which nothing stays after an error.

        Args:
            work: the job.
            segment: what is painted.
            scratch: a folder for what is being written, on the disk of the work folder.
            on_stop: is told by Ctrl-C the `scratch`, what there is of the segment's video, and its first position.
            before_commit: may refuse by an error that the segment is made safe.
        """
        part = scratch / f"{secrets.token_hex(8)}{work.folder.film(segment).suffix}"  # a dying ffmpeg writes on
        with LeadFile(part) if segment.leads else open_segment(part, work.film) as file:
            try:
                yield (writer := cls(work, segment, file))
                writer.finish()
                if before_commit:
                    before_commit()
                writer.commit()
            except KeyboardInterrupt:
                if on_stop:
                    on_stop(scratch, file, segment.start)
                raise

    def write(self, painted: PaintedFrame, link: Linked) -> None:
        """One more frame, and what it hands on."""
        if isinstance(self.file, LeadFile):
            self.file.write(link.state.last.image)
        else:
            self.file.write(painted.painted.image, painted.frame.alpha)
        self._work.append(Work.of(painted.painted))
        counts = painted.painted.steps and has_content(painted.frame.content)
        self._losses.append(float(painted.painted.losses.content) if counts else 0.0)
        self._link = link
        self.work.listener.frame(painted)

    def finish(self) -> None:
        """Ends the video. VidstyleError where it is not whole, or the source is no longer what it was."""
        segment, source, count = self.segment, self.work.reader.source, len(self._work)
        if count != len(segment):
            source.check_there()
            source.check_unchanged()
            raise SourceError("VS321", source=self.work.job.source, count=count, start=segment.start, stop=segment.stop)
        self.file.finish()
        source.check_unchanged()

    def commit(self) -> None:
        """Makes the segment safe; tells where frames of it have content losses far above the others'."""
        state, folder = link_bytes(self._link) if self._link and self.segment.leaves else None, self.work.folder
        if self.segment.meets is not None:
            lead = folder.work(self.work.segments[self.segment.meets])
            self._work = [work.plus(before) for work, before in zip(self._work, lead, strict=True)]
        folder.commit(self.segment, self.file.path, self._work, state)
        if found := far_off(self._losses):
            log.warning(
                "%d frames have a much higher content loss; the first is frame %d; check them, and try another"
                " --strength or --style",
                len(found),
                self.segment.start + found[0],
            )


def tell_resumed(done: Sequence[Sequence[Segment]], folder: WorkFolder, listener: Listener) -> None:
    """Tells the `listener` what of each job was done before, if anything was; `folder` is where."""
    if any(done):
        shots = sum(len({segment.shot for segment in before}) + sum(one.leads for one in before) for before in done)
        listener.resumed(sum(len(segment) for before in done for segment in before), shots, folder.path)


class SegmentReader:
    """Reads the frames of segments, from the last one where they continue, each with its look."""

    def __init__(self, source: Source, manifest: Manifest, schedule: StyleSchedule) -> None:
        """`source` gives frames of the size that the `manifest` says."""
        self.source, self._manifest, self._schedule = source, manifest, schedule
        self._frames: Iterator[Frame] = iter(())
        self._position: int | None = None  # of the next frame; None where a segment was not read to its end

    def frames_of(self, segment: Segment) -> Iterator[Frame]:
        """The frames of a segment, evenly exposed, those that open shots marked as cuts."""
        if segment.start != self._position:
            self._frames = self.source.frames_from(segment.start, self._manifest.marks.get(segment.start, ""))
        self._position = None
        scenes, start = self._manifest.scenes, segment.start
        frames = mark_cuts(itertools.islice(self._frames, len(segment)), scenes.cuts, start)
        frames = scenes.evened(self._schedule.on(frames, start), self.source.image_at, start)
        yield from mark_cuts(frames, [start], start) if segment.leads else frames
        self._position = segment.stop
