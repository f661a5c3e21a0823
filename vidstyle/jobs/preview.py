"""What a job would give, before it is done: its outline, and single frames."""

import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from vidstyle.errors import SettingsError
from vidstyle.jobs.job import Job
from vidstyle.jobs.listener import Listener, Outline
from vidstyle.jobs.run import balanced, make_painter, outline_film, outline_pictures
from vidstyle.jobs.scout import Scouted, scout
from vidstyle.jobs.sheet import contact_sheet
from vidstyle.media.images import load_picture, save_picture
from vidstyle.media.source import Frame, find_pictures, open_video
from vidstyle.motion.chain import PaintedFrame
from vidstyle.painting.painter import size_of


def plan(job: Job, listener: Listener) -> Outline:
    """What a job would do. Looks at the source, paints nothing and writes nothing."""
    if job.kind in ("picture", "pictures"):
        paths = find_pictures(job.source) if job.kind == "pictures" else [job.source]
        return outline_pictures(job, [size_of(load_picture(path).image) for path in paths])
    with tempfile.TemporaryDirectory(prefix="vidstyle-") as folder:
        return outline_film(job, scout(job, Path(folder), listener))


def preview(job: Job, at: Sequence[float], listener: Listener) -> list[Path]:
    """Paints the frames of a film at the seconds `at`, else the middle frame of each shot, as pictures.

    Returns the files: one ``OUT_preview_12.50s.png`` for each frame, and a contact sheet of sources and paintings
    last.
    """
    if job.kind not in ("video", "animation"):
        raise SettingsError("--preview is for videos and animations; paint a picture at once, or with --size 256")
    with tempfile.TemporaryDirectory(prefix="vidstyle-") as folder:
        scouted = scout(job, Path(folder), listener)
        outlined = outline_film(job, scouted)
        listener.started(outlined)
        painter = balanced(make_painter(job, scouted.samples, listener), scouted.samples, listener)
        rows: list[tuple[Tensor, Tensor]] = []
        files: list[Path] = []
        for seconds in at or middles_of_shots(scouted, job.start):
            frame = _frame_at(job, outlined, seconds, Path(folder))
            painted = painter.paint(frame.image, listener.step)
            rows.append((frame.image, painted.image.cpu()))
            files.append(job.out.with_name(f"{job.out.stem}_preview_{frame.seconds:.2f}s.png"))
            save_picture(files[-1], rows[-1][1])
            listener.frame(PaintedFrame(frame, painted))
    sheet = job.out.with_name(f"{job.out.stem}_preview.png")
    save_picture(sheet, contact_sheet(rows))
    return [*files, sheet]


def middles_of_shots(scouted: Scouted, start: float) -> list[float]:
    """Seconds of the middle frame of each shot."""
    bounds = [0, *scouted.cuts, scouted.frames]
    middles = [(first + last) // 2 for first, last in itertools.pairwise(bounds)]
    return [start + float(middle / scouted.info.rate) for middle in middles]


def _frame_at(job: Job, outlined: Outline, seconds: float, work: Path) -> Frame:
    with open_video(job.source, size=outlined.size, start=seconds, work=work) as source:
        return next(iter(source))
