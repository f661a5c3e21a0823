"""What the machines of a cluster do for a job: paint a segment of it, between its storage and its storage."""

import contextlib
import secrets
import tempfile
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from socket import gethostname
from typing import Any, Self

import torch

import vidstyle
from vidstyle.cluster.storage import Storage, place_of, storage_at
from vidstyle.core.temporal import PaintedFrame
from vidstyle.errors import JobError
from vidstyle.files import sha256_of
from vidstyle.jobs.checkpoint import WorkFolder
from vidstyle.jobs.events import Listener
from vidstyle.jobs.manifest import SegmentKey, digest
from vidstyle.jobs.prescan import device_of
from vidstyle.jobs.runner import running_job
from vidstyle.jobs.segments import PlannedJob, RunningJob, SegmentWriter

MANIFEST, PAINTER = "job.json", "model.safetensors"
TELLING = 1.0  # seconds between two words to the driver


@dataclass(frozen=True)
class JobLocation:
    """A job as the machines find it.

    Args:
        place: the path or URL of its storage.
        manifest: the SHA-256 of its manifest.
        model: the SHA-256 of its model.
        device: what paints.
    """

    place: str
    manifest: str
    model: str
    device: str

    @classmethod
    def of(cls, work: PlannedJob) -> Self:
        """Of a job that lies in its work folder on this machine."""
        folder, device = work.folder, device_of(work.job).type
        return cls(place_of(work.job), sha256_of(folder.manifest_file), sha256_of(folder.model_file), device)

    @property
    def storage(self) -> Storage:
        """Copies lie in a folder of this very job."""
        name = f"vidstyle-{self.manifest[:8]}{self.model[:8]}"
        return storage_at(self.place, Path(tempfile.gettempdir()) / name / self.place.rsplit("/", 1)[-1])


class ProgressBoard:
    """An actor: how far the segments are that are worked on, by job and index: frames, and the last one's loss."""

    def __init__(self) -> None:
        self._news: dict[SegmentKey, tuple[int, float]] = {}

    def tell(self, key: SegmentKey, frames: int, loss: float) -> None:
        """So far is a segment."""
        self._news[key] = frames, loss

    def news(self, keys: Collection[SegmentKey]) -> dict[SegmentKey, tuple[int, float]]:
        """What was told of these segments; others are done and forgotten, whenever the last word of them arrives."""
        self._news = {key: self._news[key] for key in keys if key in self._news}
        return self._news


def look(place: str, name: str) -> tuple[str, str, str]:
    """The versions of vidstyle and torch here, and the SHA-256 of a file of the storage as this machine finds it."""
    with tempfile.TemporaryDirectory(prefix="vidstyle-") as copies:
        storage = storage_at(place, Path(copies) / "job")
        storage.bring(name)
        return vidstyle.__version__, torch.__version__, sha256_of(storage.here / name)


def tidy(site: JobLocation) -> None:
    """Removes the copies that this machine made of a job."""
    site.storage.tidy()


def paint_segment(site: JobLocation, key: SegmentKey, threads: int, board: Any) -> int:
    """Paints a segment of a job, unless it is done, and brings it to the storage.

    Args:
        site: where the job is.
        key: the job's number, which is only told, and the segment's index.
        threads: how many are used, since the last bits of the pixels depend on their number.
        board: the actor of a `ProgressBoard` that is told; None for nobody.

    Returns:
        How many frames the segment has.
    """
    torch.set_num_threads(threads)
    work, storage = _desk.at(site)
    folder, segment = work.folder, work.segments[key[1]]
    if segment.needs is not None:
        storage.bring(folder.name_of(folder.state(segment.needs)))
    if segment.meets is not None:
        storage.bring(*folder.names_of(work.segments[segment.meets]))
    if not folder.is_done(segment):
        told = replace(work, listener=_Teller(board, key))
        check = partial(_check_manifest, site, storage)
        with (
            folder.scratch(f"segment{segment.index}-{secrets.token_hex(4)}") as scratch,
            SegmentWriter.opened(told, segment, scratch, before_commit=check) as writer,
        ):
            for painted, link in told.painting(segment, scratch):
                writer.write(painted, link)
    storage.keep(*folder.names_of(segment))
    return len(segment)


class _Teller(Listener):
    """Tells the board how far a segment is, now and then."""

    def __init__(self, board: Any, key: SegmentKey) -> None:
        self._board, self._key = board, key
        self._frames, self._told = 0, time.monotonic()

    def frame(self, painted: PaintedFrame) -> None:
        self._frames += 1
        if self._board is not None and time.monotonic() - self._told >= TELLING:
            self._told = time.monotonic()
            self._board.tell.remote(self._key, self._frames, float(painted.painted.losses.total))


class _Desk:
    """What a worker process keeps between its tasks: the job it painted for last, with the network."""

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()
        self._site: JobLocation | None = None
        self._work: RunningJob | None = None

    def at(self, site: JobLocation) -> tuple[RunningJob, Storage]:
        storage = site.storage
        if site != self._site or self._work is None:
            self._site = self._work = None
            self._open.close()
            self._work = self._open.enter_context(_visited(site, storage))
            self._site = site
        return self._work, storage


_desk = _Desk()


@contextlib.contextmanager
def _visited(site: JobLocation, storage: Storage) -> Iterator[RunningJob]:
    """A job as it lies in its storage."""
    storage.bring(MANIFEST, PAINTER)
    _check_manifest(site, storage)
    folder = WorkFolder(storage.here)
    job = replace(folder.job(near=storage.near), device=site.device)
    with running_job(job, Listener(), tells=False, checks=False) as work:
        if work.manifest.key["vidstyle"] != vidstyle.__version__:
            raise JobError("VS511", host=gethostname(), version=vidstyle.__version__)
        if digest(job.source, Listener()) != work.manifest.key["the source"]:
            raise JobError("VS512", source=job.source, host=gethostname())
        yield work


def _check_manifest(site: JobLocation, storage: Storage) -> None:
    """JobError where the folder was given to another job meanwhile."""
    if sha256_of(storage.here / MANIFEST) != site.manifest:
        raise JobError("VS510", place=site.place)
