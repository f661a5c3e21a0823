"""What the machines of a cluster do for a job: paint a segment of it, between its storage and its storage."""

import contextlib
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from socket import gethostname
from typing import Any

import torch

import vidstyle
from vidstyle.cluster.storage import Storage, storage_at
from vidstyle.core.temporal import PaintedFrame
from vidstyle.errors import JobError
from vidstyle.files import sha256_of
from vidstyle.jobs.checkpoint import WorkFolder, folder_of, job_in
from vidstyle.jobs.events import Listener
from vidstyle.jobs.runner import RunningJob, digest, running_job
from vidstyle.jobs.segments import Segment

MANIFEST, PAINTER = "job.json", "painter.safetensors"
TELLING = 1.0  # seconds between two words to the driver


@dataclass(frozen=True)
class JobLocation:
    """A job as the machines find it: the `place` of its storage, the SHA-256 of its manifest and its painter, and the
    `device` that paints."""

    place: str
    manifest: str
    painter: str
    device: str

    @property
    def storage(self) -> Storage:
        """Copies lie in a folder of this very job."""
        name = f"vidstyle-{self.manifest[:8]}{self.painter[:8]}"
        return storage_at(self.place, Path(tempfile.gettempdir()) / name / self.place.rsplit("/", 1)[-1])


class ProgressBoard:
    """An actor: how far the segments are that are worked on, by job and index: frames, and the last one's loss."""

    def __init__(self) -> None:
        self._news: dict[tuple[int, int], tuple[int, float]] = {}

    def tell(self, key: tuple[int, int], frames: int, loss: float) -> None:
        self._news[key] = frames, loss

    def forget(self, keys: Sequence[tuple[int, int]]) -> None:
        for key in keys:
            self._news.pop(key, None)

    def news(self) -> dict[tuple[int, int], tuple[int, float]]:
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


def paint_segment(site: JobLocation, key: tuple[int, int], threads: int, board: Any) -> int:
    """Paints segment `key[1]` of a job, unless it is done, and brings it to the storage; its frames.

    So many `threads` are used, since the last bits of the pixels depend on their number.
    """
    torch.set_num_threads(threads)
    work, storage = _desk.at(site)
    folder, segment = work.folder, work.segments[key[1]]
    if segment.needs is not None:
        storage.bring(folder.name_of(folder.state(segment.needs)))
    if not folder.is_done(segment):
        with folder.scratch(f"segment{segment.index}-{secrets.token_hex(4)}") as scratch:
            told = replace(work, listener=_Teller(board, key))
            told.paint_segment(segment, scratch, before_commit=lambda: _check_manifest(site, storage))
    storage.keep(*names_of(folder, segment))
    return len(segment)


def names_of(folder: WorkFolder, segment: Segment) -> list[str]:
    """The files of a painted segment; the one that says that all is done is the last."""
    files = [folder.work_file(segment.index), folder.film(segment.index)]
    return [folder.name_of(file) for file in ([folder.state(segment.index)] if segment.leaves else []) + files]


class _Teller(Listener):
    """Tells the board how far a segment is, now and then."""

    def __init__(self, board: Any, key: tuple[int, int]) -> None:
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
    job = replace(job_in(storage.here, storage.near), device=site.device)
    folder = folder_of(job)
    folder.make()
    with running_job(job, folder, Listener(), tells=False, checks=False) as work:
        if work.manifest.key["vidstyle"] != vidstyle.__version__:
            raise JobError("VS511", host=gethostname(), version=vidstyle.__version__)
        if digest(job.source, Listener()) != work.manifest.key["the source"]:
            raise JobError("VS512", source=job.source, host=gethostname())
        yield work


def _check_manifest(site: JobLocation, storage: Storage) -> None:
    """JobError where the folder was given to another job meanwhile."""
    if sha256_of(storage.here / MANIFEST) != site.manifest:
        raise JobError("VS510", place=site.place)
