"""A film: looked at, painted segment by segment, joined. A job that was stopped goes on where it was."""

import contextlib
import itertools
import logging
import platform
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

import vidstyle
from vidstyle.errors import JobError, SettingsError, SourceError, VidstyleError
from vidstyle.files import sha256_of
from vidstyle.jobs.folder import Manifest, WorkFolder
from vidstyle.jobs.job import Job
from vidstyle.jobs.listener import Listener, Summary
from vidstyle.jobs.measures import Work
from vidstyle.jobs.ready import load_start, load_styles, outline_film, ready_for_film
from vidstyle.jobs.report import compare, write_report
from vidstyle.jobs.scout import opened
from vidstyle.jobs.segments import Segment, segments_of
from vidstyle.jobs.state import link_bytes, link_of, painter_bytes, painter_of
from vidstyle.media.pieces import Film, Piece, open_piece, piece_ending
from vidstyle.media.sink import join_pieces
from vidstyle.media.source import Frame, Source
from vidstyle.motion.estimators import prepare_flow
from vidstyle.motion.passes import paint_part
from vidstyle.motion.shots import mark_cuts
from vidstyle.painting.device import select_device
from vidstyle.painting.painter import Painter
from vidstyle.settings import Settings

log = logging.getLogger(__name__)


def run_film(job: Job, listener: Listener) -> Summary:
    """Paints a film, or the rest of it. Ctrl-C leaves a playable file of the frames that are done."""
    folder = folder_of(job)
    with folder.locked("job"), _underway(job, folder, listener) as work:
        try:
            work.paint(work.shots)
        except BaseException:
            if not any(map(folder.is_done, work.segments)):
                folder.clear()
            raise
        summary = work.join()
    if not job.keep_work:
        folder.remove()
    return summary


def plan_film(job: Job, listener: Listener) -> tuple[Path, int]:
    """Does all that is done before painting; the work folder, and how many shots there are to `paint_shot`."""
    folder = folder_of(job)
    with folder.locked("job"), _underway(job, folder, listener) as work:
        return folder.path, len(work.shots)


def paint_shot(place: Path, shot: int, listener: Listener) -> None:
    """Paints one shot, from 0, of the job in the work folder `place`, or the rest of it; others may paint others."""
    job = job_in(place)
    with _underway(job, folder_of(job), listener, tells=False) as work:
        if shot not in work.shots:
            raise JobError(f"{place}: has no shot {shot}; give one from 0 to {len(work.shots) - 1}")
        frames = sum(len(segment) for segment in work.segments if segment.shot == shot)
        listener.started(outline_film(job, work.source, frames, 1))
        work.paint([shot])


def join_film(place: Path, listener: Listener, *, overwrite: bool = False) -> Summary:
    """Joins the film of the job in the work folder `place`, whose shots are all painted."""
    job = job_in(place, overwrite=overwrite)
    folder = folder_of(job)
    with folder.locked("job"), _underway(job, folder, listener, tells=False) as work:
        summary = work.join()
    if not job.keep_work:
        folder.remove()
    return summary


def folder_of(job: Job) -> WorkFolder:
    """Where a job of a film keeps its work."""
    return WorkFolder(job.out.with_name(f"{job.out.name}.vidstyle"), piece_ending(job.out))


def job_in(place: Path, *, overwrite: bool = True) -> Job:
    """The job of a work folder. JobError where there is none; SinkError where its output exists, unless `overwrite`."""
    manifest = WorkFolder(place, "").manifest()
    if manifest is None:
        raise JobError(f"{place}: holds no job; make one with 'vidstyle plan'")
    try:
        facts = dict(manifest.job)
        settings, styles = Settings(**facts.pop("settings")), [Path(style) for style in facts.pop("styles")]
        return Job.of(facts.pop("source"), styles, place.with_suffix(""), settings, overwrite=overwrite, **facts)
    except (KeyError, TypeError, SettingsError) as error:
        raise JobError(f"{place / 'job.json'}: cannot be read ({error}); plan it anew with --restart") from error


@dataclass(frozen=True)
class _Underway:
    """A job of a film that is being worked on; its source gives frames of the painting's size."""

    job: Job
    folder: WorkFolder
    manifest: Manifest
    painter: Painter
    source: Source
    listener: Listener

    @property
    def segments(self) -> tuple[Segment, ...]:
        settings = self.job.settings
        facts = self.manifest.frames, self.manifest.cuts, self.manifest.size
        return segments_of(*facts, both_ways=settings.both_ways, loop=settings.loop)

    @property
    def shots(self) -> range:
        return range(1 + len(self.manifest.cuts))

    @property
    def film(self) -> Film:
        """What the job writes."""
        info, job = self.source.info, self.job
        return Film(job.out, self.manifest.size, info.rate, info, job.start, job.end, self.source.durations)

    def paint(self, shots: Sequence[int]) -> None:
        """Paints what is not done of the shots, which nobody else paints meanwhile."""
        mine = [segment for segment in self.segments if segment.shot in shots]
        todo = [segment for segment in mine if not self.folder.is_done(segment)]
        if done := [segment for segment in mine if segment not in todo]:
            begun = len({segment.shot for segment in done})
            self.listener.resumed(sum(map(len, done)), begun, self.folder.path)
        reader = _Reader(self.source, self.manifest.cuts)
        for shot, segments in itertools.groupby(todo, lambda segment: segment.shot):
            with self.folder.locked(f"shot{shot}"), self.folder.scratch(f"shot{shot}") as scratch:
                for segment in segments:
                    self._paint_segment(segment, reader.frames_of(segment), scratch)

    def _paint_segment(self, segment: Segment, frames: Iterator[Frame], scratch: Path) -> None:
        """Paints the frames of a segment and makes all of it safe."""
        needs, device = segment.needs, self.painter.device
        handed = None if needs is None else link_of(self.folder.state(needs), device)
        hands_on, work = handed, list[Work]()
        part = scratch / f"{secrets.token_hex(8)}{self.folder.piece_ending}"  # a dying ffmpeg may write to the last one
        with open_piece(part, self.film, segment.start) as piece:
            try:
                for painted, link in paint_part(
                    self.painter, frames, handed, segment.ends_film, self.listener.step, self.listener.turn
                ):
                    piece.write(painted.painted.image)
                    work.append(Work.of(painted.painted))
                    self.listener.frame(painted)
                    hands_on = link
                self._check_read(segment, len(work))
                piece.finish()
                state = link_bytes(hands_on) if hands_on and segment.leaves else None
                self.folder.commit(segment, part, work, state)
            except KeyboardInterrupt:
                self.listener.interrupted(*self._keep_partial(segment, piece, scratch))
                raise

    def _check_read(self, segment: Segment, count: int) -> None:
        if count != len(segment):
            raise SourceError(
                f"{self.job.source}: only {count} of its frames {segment.start} to {segment.stop} could be read; "
                "did it change? Begin anew with --restart"
            )

    def _keep_partial(self, segment: Segment, piece: Piece, scratch: Path) -> tuple[Path | None, int]:
        """Joins what is done from the film's start on, with the piece of the segment that was worked on.

        The file, if there is any, and its frames.
        """
        done = list(itertools.takewhile(self.folder.is_done, self.segments))
        pieces, frames = [self.folder.film(one.index) for one in done], sum(map(len, done))
        if piece.frame_count and len(done) == segment.index:
            piece.finish()
            pieces, frames = [*pieces, piece.path], frames + piece.frame_count
        return join_pieces(pieces, self.film, frames, scratch=scratch, partial=True) if frames else None, frames

    def join(self) -> Summary:
        """Writes the film, and its report; what its frames took. JobError where some are not painted."""
        missing = sorted({segment.shot for segment in self.segments if not self.folder.is_done(segment)})
        if missing:
            shots = ", ".join(map(str, missing))
            raise JobError(f"{self.folder.path}: not painted yet: shot {shots}; paint them, then join")
        pieces = [self.folder.film(segment.index) for segment in self.segments]
        with self.folder.scratch("join") as scratch:
            join_pieces(pieces, self.film, self.manifest.frames, scratch=scratch)
        took = [one for segment in self.segments for one in self.folder.work(segment)]
        summary = Summary.of(self.job.out, self.painter).after(*took)
        if self.job.report:
            summary = replace(summary, report=_reported(self.job, self.painter, took, self.listener))
        return summary


class _Reader:
    """Reads the frames of segments, on from the last one where they go on."""

    def __init__(self, source: Source, cuts: Sequence[int]) -> None:
        self._source, self._cuts = source, cuts
        self._frames: Iterator[Frame] = iter(())
        self._position = -1

    def frames_of(self, segment: Segment) -> Iterator[Frame]:
        if segment.start != self._position:
            self._frames = self._source.frames_from(segment.start)
        self._position = segment.stop
        return mark_cuts(itertools.islice(self._frames, len(segment)), self._cuts, segment.start)


@contextlib.contextmanager
def _underway(job: Job, folder: WorkFolder, listener: Listener, *, tells: bool = True) -> Iterator[_Underway]:
    """A job, begun or found in its folder; `tells` what it is about."""
    with opened(job, listener, folder.path) as source:
        manifest, painter = _begun(job, folder, source, listener, tells)
        yield _Underway(job, folder, manifest, painter, source, listener)


def key_of(job: Job, listener: Listener) -> dict[str, str]:
    """All that changes the pixels of a job, by the name that it is told by."""

    def digest(path: Path) -> str:
        return sha256_of(path, lambda done: listener.working(f"reading {path.name}", done, 1.0))[:16]

    settings = {f"--{name.replace('_', '-')}": str(value) for name, value in asdict(job.settings).items()}
    files = {"the source": job.source, **{f"style picture {i}": path for i, path in enumerate(job.styles, 1)}}
    if job.settings.init_file:
        files["the picture of --init"] = job.settings.init_file
    if Path(job.settings.weights).is_file():
        files["the file of --weights"] = Path(job.settings.weights)
    return {
        **settings,
        "--from": f"{job.start:g}",
        "--to": "the end" if job.end is None else f"{job.end:g}",
        "--device": select_device(job.device).type,
        **{name: f"SHA-256 {digest(path)}" for name, path in files.items()},
        "vidstyle": vidstyle.__version__,
    }


def _machine() -> dict[str, str]:
    """What the last bits of the pixels depend on."""
    return {
        "torch": torch.__version__,
        "threads": str(torch.get_num_threads()),
        "processor": platform.machine(),
    }


def _begun(job: Job, folder: WorkFolder, source: Source, listener: Listener, tells: bool) -> tuple[Manifest, Painter]:
    """What is painted and by whom: of the job in the folder, or of a new one. JobError where that is another."""
    key, manifest = key_of(job, listener), None if job.restart else folder.manifest()
    if manifest is None:
        folder.clear()
        scouted, painter = ready_for_film(job, source, listener)
        assert source.size is not None
        manifest = Manifest(_facts(job), key, source.size, scouted.frames, scouted.cuts, _machine())
        folder.begin(manifest, painter_bytes(painter))
        return manifest, painter
    if difference := manifest.difference(key):
        raise JobError(f"{folder.path}: holds a job whose {difference}; run it as it was, or begin anew with --restart")
    for name, now in _machine().items():
        before = manifest.machine.get(name)
        if before != now:
            log.warning("the job was begun with %s %s, and this is %s: the last bits may differ", name, before, now)
    if tells:
        listener.started(outline_film(job, source, manifest.frames, 1 + len(manifest.cuts)))
    prepare_flow(job.settings.flow, listener.working)
    device = select_device(job.device)
    styles, start = load_styles(job), load_start(job)
    source.size = manifest.size
    return manifest, painter_of(folder.painter_file, styles, job.settings, device=device, init_picture=start)


def _facts(job: Job) -> dict[str, Any]:
    """A job as its manifest keeps it; the output's name is that of the folder."""
    return {
        "source": str(job.source.absolute()),
        "styles": [str(style.absolute()) for style in job.styles],
        "settings": asdict(job.settings),
        "device": job.device,
        "start": job.start,
        "end": job.end,
        "report": job.report,
        "keep_work": job.keep_work,
    }


def _reported(job: Job, painter: Painter, work: Sequence[Work], listener: Listener) -> Path:
    """Measures the film as it was written; the page of the report."""
    try:
        report = compare(
            [job.out],
            job.source,
            job.styles,
            job.settings,
            device=job.device,
            start=job.start,
            end=job.end,
            work=work,
            filters=painter.filters,
            listener=listener,
        )
        return write_report(report, job.report_file, overwrite=True)[0]
    except VidstyleError as error:
        raise VidstyleError(f"{job.out} is painted, but there is no report: {error}") from error
    except KeyboardInterrupt:
        listener.interrupted(job.out, len(work))
        raise
