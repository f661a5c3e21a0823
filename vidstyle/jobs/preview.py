"""What a job would give, before it is done: its outline, and single frames."""

import glob
import itertools
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from vidstyle.core.frame_style import Frame
from vidstyle.core.sizes import size_of
from vidstyle.core.stylize_image import Painter
from vidstyle.core.stylize_video import seen
from vidstyle.core.temporal import PaintedFrame
from vidstyle.errors import SettingsError, SinkError
from vidstyle.images import load_image, save_image
from vidstyle.jobs.events import Listener, Outline
from vidstyle.jobs.frame_styles import frame_styles_of
from vidstyle.jobs.prescan import Prescan, opened, run_prescan
from vidstyle.jobs.setup import outline_film, outline_images, ready_for_film
from vidstyle.jobs.spec import Job
from vidstyle.video.montage import contact_sheet
from vidstyle.video.reader import Source, find_images


def plan(job: Job, listener: Listener) -> Outline:
    """What a job would do. Looks at the source, paints nothing and writes nothing."""
    if job.kind == "clips":
        raise SettingsError("VS209")
    if job.kind in ("image", "images"):
        paths = find_images(job.source) if job.kind == "images" else [job.source]
        return outline_images(job, [size_of(load_image(path, job.limits).rgb) for path in paths])
    with opened(job, listener) as source:
        prescan = run_prescan(source, listener)
        return outline_film(job, source, prescan.frames, prescan.shots)


def preview(job: Job, at: Sequence[float], listener: Listener, *, overwrite: bool = False) -> list[Path]:
    """Paints the frames of a film at the seconds `at`, else the middle frame of each shot, as images.

    Returns the files: ``OUT_preview_12.50s.png`` for each frame, and last a contact sheet with the sources,
    ``OUT_preview.png``. SinkError where a preview of that name is there already, unless `overwrite`.
    """
    if job.kind not in ("video", "animation"):
        raise SettingsError("VS210")
    sheet = job.out.with_name(f"{job.out.stem}_preview.png")
    earlier = sorted(job.out.parent.glob(f"{glob.escape(job.out.stem)}_preview*.png"))
    if earlier and not overwrite:
        raise SinkError("VS402", path=earlier[0])
    with opened(job, listener) as source:
        moments = _positions(at, source)  # first, so that a wrong time is told at once
        prescan, painter = ready_for_film(job, source, listener)
        wanted = moments or middles_of_shots(prescan)
        with frame_styles_of(job, source.size or source.info.size, prescan.scenes) as looks:
            frames = prescan.scenes.evened(looks.on(source), source.image_at)
            pairs = list(_painted(painter, frames, wanted, listener))
    files = [job.out.with_name(f"{job.out.stem}_preview_{p.frame.seconds:.2f}s.png") for p in pairs]
    for file, pair in zip(files, pairs, strict=True):
        save_image(file, pair.painted.image.cpu())
    save_image(sheet, contact_sheet([(pair.frame.image, pair.painted.image.cpu()) for pair in pairs]))
    return [*files, sheet]


def middles_of_shots(prescan: Prescan) -> list[int]:
    """Positions of the middle frame of each shot."""
    bounds = [0, *prescan.scenes.cuts, prescan.frames]
    return [(first + last) // 2 for first, last in itertools.pairwise(bounds)]


def _positions(seconds: Sequence[float], source: Source) -> list[int]:
    """Positions of the frames that are shown at `seconds`; SettingsError for seconds outside of the film."""
    positions = [source.position_at(moment) for moment in seconds]
    for moment, position in zip(seconds, positions, strict=True):
        if not 0 <= position < len(source):
            raise SettingsError("VS211", moment=moment, seconds=source.info.seconds)
    return positions


def _painted(
    painter: Painter, frames: Iterator[Frame], wanted: Collection[int], listener: Listener
) -> Iterator[PaintedFrame]:
    """Paints the frames at the positions `wanted`, each alone, in the order of the film."""
    for position, frame in enumerate(itertools.islice(frames, max(wanted) + 1)):
        if position in wanted:
            alone = painter.looking(frame.look).begun(frame.content, listener.step)
            painted = seen(painter, PaintedFrame(frame, alone))
            listener.frame(painted)
            yield painted
