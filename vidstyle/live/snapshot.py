"""Pictures taken by a camera, to be painted as any other picture is."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from vidstyle.api import run
from vidstyle.errors import SourceError
from vidstyle.files import put_in_place
from vidstyle.jobs.job import Job
from vidstyle.jobs.listener import Listener, Summary
from vidstyle.jobs.progress import Progress
from vidstyle.live.painting import as_tensor
from vidstyle.media.camera import Camera, Snap
from vidstyle.media.images import load_picture, save_picture
from vidstyle.settings import Settings

WARM_UP = 1.0  # seconds in which cameras find their exposure

OnWait = Callable[[float], None]  # seconds that are left
OnTaken = Callable[[int, int], None]  # pictures taken, of how many


def take(
    camera: Camera,
    count: int = 1,
    every: float = 0.0,
    *,
    countdown: float = 0.0,
    on_wait: OnWait = lambda _: None,
    on_taken: OnTaken = lambda *_: None,
) -> list[Snap]:
    """`count` pictures, one `every` so many seconds, the first when the camera has warmed up and after `countdown`
    seconds. SourceError where a video ends before that."""
    if camera.next() is None:
        raise SourceError(f"camera {camera.name}: shows nothing; give another")
    begin = time.monotonic() + max(WARM_UP, countdown)
    taken: list[Snap] = []
    for number in range(count):
        snap = _seen_at(camera, begin + number * every, on_wait if countdown and not number else lambda _: None)
        if snap is None:
            raise SourceError(f"camera {camera.name}: ended after {len(taken)} of {count} pictures; ask for fewer")
        taken.append(snap)
        on_taken(len(taken), count)
    return taken


def _seen_at(camera: Camera, due: float, on_wait: OnWait) -> Snap | None:
    """The first picture that is taken from then on, or the last that a video has."""
    while (snap := camera.next()) is not None:
        on_wait(max(0.0, due - time.monotonic()))
        if snap.taken >= due:
            return snap
    return camera.latest if camera.latest and camera.latest.taken >= due - WARM_UP else None


def paint_snaps(
    snaps: Sequence[Snap],
    styles: Sequence[Path],
    files: Sequence[Path],
    settings: Settings,
    *,
    device: str = "auto",
    progress: Progress | None = None,
    listener: Listener | None = None,
) -> Summary:
    """Paints pictures to `files`, each as a picture file with these settings is painted. `progress`: of a single one.

    Raises VidstyleError where the user can do something about it.
    """
    ear, place = listener or Listener(), files[0].absolute().parent
    with tempfile.TemporaryDirectory(prefix=".vidstyle-", dir=place) as scratch:
        taken, painted = Path(scratch) / "taken", Path(scratch) / "painted"
        taken.mkdir()
        for snap, file in zip(snaps, files, strict=True):
            save_picture(taken / f"{file.stem}.png", as_tensor(snap.pixels))
        if len(files) == 1:
            job = Job(taken / f"{files[0].stem}.png", tuple(styles), files[0], "picture", settings, device)
            return run(job, ear, progress)
        summary = run(Job(taken, tuple(styles), painted, "pictures", settings, device), ear)
        for file in files:
            _put(painted / f"{file.stem}.png", file)
    return summary


def _put(painted: Path, file: Path) -> None:
    """The picture `painted`, a PNG, as `file`."""
    if file.suffix.lower() == ".png":
        put_in_place(painted, file)
        return
    save_picture(file, load_picture(painted).image)
