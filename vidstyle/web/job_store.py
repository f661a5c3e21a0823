"""Jobs of the page. Each is a folder with a name that cannot be guessed; what becomes of it stands in its files.

So a job outlives the page that asked for it, the server that started it, and a loss of power.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vidstyle.errors import JobError, SinkError
from vidstyle.web.job_folder import LOCK, PROCESS, STATUS, TICKET, VIEWS, Status, Ticket, fill, paint_command

TRIES = 3  # starts of a worker that ends without a word, before its job counts as failed
UPLOADS = "uploads"  # where browsers' files arrive, beside the jobs
LOOKING = 0.2  # seconds: who else looks whether a lock is free holds it for less
GRACE = 20.0  # seconds that a cancelled worker has to end
DAY = 86400.0
_NAME = re.compile(r"[A-Za-z0-9_-]{22}")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobView:
    """What people see of a job: `files` are those that may be seen, by name, with the nanosecond of their last change;
    `turn` is its number, from 1, among those that wait, and 0 where it does not."""

    name: str
    ticket: Ticket
    status: Status
    files: Mapping[str, int]
    turn: int


class JobStore:
    """Takes jobs, and lets some of them be painted at a time, in the order in which they came.

    Args:
        folder: Where all of them are; made where it is not there.
        at_once: How many are painted at a time.
        keep_days: After how many days jobs that ended are removed.
        device: What paints: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    def __init__(self, folder: Path, *, at_once: int = 1, keep_days: float = 7.0, device: str = "auto") -> None:
        self.folder, self.at_once, self.keep_days, self.device = folder, at_once, keep_days, device
        folder.mkdir(parents=True, exist_ok=True)
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._guard = threading.RLock()

    def submit(self, source: Path, styles: Sequence[Path], settings: Mapping[str, Any], **more: Any) -> str:
        """A new job of copies of these files, as `fill` makes it with what `more` it takes; its name.

        Raises VidstyleError.
        """
        name = secrets.token_urlsafe(16)
        folder = self.folder / f".{name}"
        folder.mkdir()
        try:
            fill(folder, source, styles, settings, device=self.device, **more)
            folder.rename(self.folder / name)
        except OSError as error:
            raise SinkError("VS449", reason=error.strerror) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return name

    def place(self, name: object) -> Path:
        """The folder of a job. JobError where there is none of that name; other paths are no names."""
        if not (isinstance(name, str) and _NAME.fullmatch(name) and (self.folder / name / TICKET).is_file()):
            raise JobError("VS525")
        return self.folder / name

    def view(self, name: object) -> JobView:
        """What people see of a job now. JobError where there is none of that name, or it cannot be read."""
        place = self.place(name)
        ticket, status = Ticket.read(place), self.status(place.name)
        waiting = self.queue() if status.state == "waiting" else []
        turn = waiting.index(place.name) + 1 if place.name in waiting else 0
        return JobView(place.name, ticket, status, _times(place, (ticket.out, *VIEWS)), turn)

    def names(self) -> Iterator[str]:
        """All jobs, the oldest first; a folder that another program damaged is none and holds up no other."""
        found = []
        for place in self.folder.iterdir():
            with suppress(JobError):
                if _NAME.fullmatch(place.name):
                    found.append((Ticket.read(place).made_at, place.name))
        return (name for _, name in sorted(found))

    def status(self, name: str) -> Status:
        """How far a job is. One whose worker is gone waits again."""
        status = Status.read(self.place(name))
        if status.state == "painting" and not self._is_worked_on(name):
            status = Status.read(self.place(name))  # it may have written its last word meanwhile
            return replace(status, state="waiting") if status.state == "painting" else status
        return status

    def queue(self) -> list[str]:
        """Jobs that wait, the next first."""
        return [name for name in self.names() if self.status(name).state == "waiting"]

    def tend(self) -> None:
        """Starts what can be started. To be called again and again."""
        with self._guard:
            self._workers = {name: worker for name, worker in self._workers.items() if worker.poll() is None}
            states = {name: self.status(name).state for name in self.names()}
            waiting = [name for name, state in states.items() if state == "waiting"]
            for name in waiting[: max(0, self.at_once - list(states.values()).count("painting"))]:
                try:
                    self._start(name)
                except OSError as error:  # a folder of somebody else's, or a full disk: others may do
                    log.warning("job %s cannot be started: %s", name, error)

    def cancel(self, name: str) -> None:
        """Ends a job; what is painted is kept, so that it can be resumed."""
        with self._guard:
            place, status = self.place(name), self.status(name)
            if not status.ended:
                replace(status, state="cancelled", note="").write(place)
                self._stop(name)
                if (last := Status.read(place)).state != "done":
                    replace(last, state="cancelled", note="").write(place)

    def resume(self, name: str) -> None:
        """Lets a job that was cancelled, or failed, wait for its turn again."""
        with self._guard:
            if self.status(name).can_resume:
                Status().write(self.place(name))

    def remove(self, name: str) -> None:
        """Ends a job and removes all of it."""
        with self._guard:
            self.cancel(name)
            shutil.rmtree(self.place(name), ignore_errors=True)

    def lend(self, name: str) -> tuple[Path, list[Path]]:
        """The source and the styles of a job under the names that people know, among the uploads, for another job.

        JobError where there is no such job, SinkError where they cannot be copied.
        """
        place, ticket = self.place(name), Ticket.read(self.place(name))
        lent = self.folder / UPLOADS / "again" / secrets.token_urlsafe(16)
        files = [lent / str(number) / Path(known).name for number, known in enumerate(ticket.names)]
        try:
            for kept, file in zip((ticket.source, *ticket.styles), files, strict=True):
                file.parent.mkdir(parents=True)
                shutil.copyfile(place / kept, file)
        except OSError as error:
            raise SinkError("VS449", reason=error.strerror) from error
        return files[0], files[1:]

    def close(self) -> None:
        """Stops all workers of this store; their jobs resume when the next store tends them."""
        with self._guard:
            for name in list(self._workers):
                self._stop(name)

    def clean(self, now: float | None = None) -> list[str]:
        """Removes jobs that ended long ago, and after a day what lost submissions left and browsers sent.

        Args:
            now: Seconds as of time.time(); None for now.

        Returns:
            The names of the jobs that were removed.
        """
        now = time.time() if now is None else now
        old = [name for name in self.names() if self._ended_before(name, now - self.keep_days * DAY)]
        for name in old:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        known = set(self.names())
        lost = [place for place in self.folder.iterdir() if place.name not in known]  # with a dot before, or damaged
        for place in _older(lost, now - DAY):
            if _NAME.fullmatch(place.name.removeprefix(".")):
                shutil.rmtree(place, ignore_errors=True)
        for file in _older((self.folder / UPLOADS).rglob("*"), now - DAY):
            with suppress(OSError):  # it may be gone meanwhile, or a folder
                file.unlink()
        return old

    def _ended_before(self, name: str, moment: float) -> bool:
        return self.status(name).ended and (self.folder / name / STATUS).stat().st_mtime < moment

    def _start(self, name: str) -> None:
        place, status = self.folder / name, self.status(name)
        if status.tries >= TRIES:
            replace(status, state="failed", note=JobError("VS527").line).write(place)
            return
        (place / PROCESS).unlink(missing_ok=True)  # its number may be another program's by now
        replace(status, state="painting", note="", tries=status.tries + 1).write(place)
        with (place / "worker.log").open("ab") as said:
            worker = subprocess.Popen(
                paint_command(place), stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        self._workers[name] = worker
        log.info("painting %s, job %s", Ticket.read(place).title, name)

    def _stop(self, name: str) -> None:
        """Ends the worker of a job, if there is one, by force where it does not hear."""
        end, worker = time.monotonic() + GRACE, self._workers.get(name)
        while self._is_worked_on(name):
            with suppress(OSError, ValueError):
                number = worker.pid if worker else int((self.folder / name / PROCESS).read_text())
                os.killpg(number, signal.SIGTERM if time.monotonic() < end else signal.SIGKILL)
            time.sleep(0.2)
        if worker:
            worker.wait()
            del self._workers[name]

    def _is_worked_on(self, name: str) -> bool:
        """Whether a worker lives: it has not ended, or holds its lock, which the system takes from the dead."""
        worker = self._workers.get(name)
        if worker is not None:
            return worker.poll() is None
        try:
            with FileLock(self.folder / name / LOCK, timeout=LOOKING):
                return False
        except Timeout:
            return True
        except OSError:  # a folder of somebody else's
            return False


def _times(folder: Path, names: Iterable[str]) -> dict[str, int]:
    """When those of the files that are there were changed, in nanoseconds."""
    times = {}
    for name in names:
        with suppress(OSError):  # it is not there, or was removed just now
            times[name] = (folder / name).stat().st_mtime_ns
    return times


def _older(paths: Iterable[Path], moment: float) -> Iterator[Path]:
    """Those of `paths` that were changed before `moment`."""
    for path in paths:
        with suppress(OSError):
            if path.stat().st_mtime < moment:
                yield path
