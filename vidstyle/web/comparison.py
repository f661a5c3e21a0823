"""Videos that a browser plays in step: what was painted, and its painting."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from vidstyle.jobs.events import Listener
from vidstyle.jobs.prescan import device_of, opened, painting_size
from vidstyle.jobs.spec import JobSpec
from vidstyle.video.encoder import Film, SegmentFile
from vidstyle.video.muxer import join_segment_files
from vidstyle.web.job_folder import AFTER_VIDEO, BEFORE_VIDEO

OnFrame = Callable[[int, int], None]

GRADE = 23  # CRF: seen once, next to the painting


def write_comparison(job: JobSpec, on_frame: OnFrame) -> None:
    """Writes the painted part of a video, and of an animation its painting too, as videos next to the painting.

    Args:
        job: A video or an animation that is painted.
        on_frame: Told how many frames are written, and of how many.

    Raises:
        VidstyleError: Where the source can no longer be read, or a video cannot be written.
    """
    _write(job, job.out.with_name(BEFORE_VIDEO), on_frame)
    if job.kind == "animation":
        _write(replace(job, source=job.out, start=0.0, end=None), job.out.with_name(AFTER_VIDEO), on_frame)


def _write(job: JobSpec, out: Path, on_frame: OnFrame) -> None:
    with opened(job, Listener()) as source, tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        source.size = painting_size(source.info.size, job.settings, device_of(job))
        film = Film(out, source.size, source.info.rate, durations=source.durations, grade=GRADE)
        with SegmentFile(Path(scratch) / "segment.mp4", film) as file:
            for done, frame in enumerate(source, 1):
                file.write(frame.image, frame.alpha)
                on_frame(done, len(source))
            join_segment_files([file.finish()], film, file.frame_count, scratch=Path(scratch))
