"""Jobs of the page. Each is a folder with a name that cannot be guessed; what becomes of it stands in its files.

So a job outlives the page that asked for it, the server that started it, and a loss of power.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from vidstyle.cli.stylize import FILTERS
from vidstyle.errors import JobError, SettingsError, SinkError, SourceError
from vidstyle.files import from_json, write_whole
from vidstyle.images import IMAGE_ENDINGS, load_image
from vidstyle.jobs.spec import JobSpec, Kind, kind_of
from vidstyle.settings.settings import Settings
from vidstyle.video.probe import probe
from vidstyle.video.reader import CLIP_ENDINGS

State = Literal["waiting", "painting", "done", "failed", "cancelled"]

TICKET, STATUS, LOCK, PROCESS = "ticket.json", "status.json", "worker.lock", "process"
LATEST, BEFORE, AFTER, MAKING, REPORT = "latest.jpg", "before.jpg", "after.jpg", "making.gif", "report.html"
TRIES = 3  # starts of a worker that ends without a word, before its job counts as failed
UPLOADS = "uploads"  # where browsers' files arrive, beside the jobs
LOOKING = 0.2  # seconds: who else looks whether a lock is free holds it for less
GRACE = 20.0  # seconds that a cancelled worker has to end
DAY = 86400.0
_NAME = re.compile(r"[A-Za-z0-9_-]{22}")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ticket:
    """What is wanted: names of files in the job's folder, and the settings that differ from the defaults."""

    source: str
    styles: tuple[str, ...]
    out: str
    title: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    report: bool = False
    made_at: float = 0.0

    @classmethod
    def read(cls, folder: Path) -> Ticket:
        """The ticket of a job; JobError where it cannot be read."""
        try:
            facts = from_json((folder / TICKET).read_text())
            return cls(**{**facts, "styles": tuple(facts["styles"])})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise JobError("VS526") from error

    def job(self, folder: Path) -> JobSpec:
        """The job, after the checks that need no decoding. Raises VidstyleError."""
        styles, settings = [folder / style for style in self.styles], Settings(**self.settings)
        return JobSpec.of(
            folder / self.source,
            styles,
            folder / self.out,
            settings,
            device=self.device,
            overwrite=True,
            report=self.report and kind_of(folder / self.source) == "video",
        )


@dataclass(frozen=True)
class Status:
    """How far a job is; `note` says it in words, or why it failed. `progress` is 0..1, `losses` the last ones."""

    state: State = "waiting"
    note: str = ""
    progress: float = 0.0
    left: float | None = None  # seconds
    losses: tuple[float, ...] = ()
    tries: int = 0  # starts of a worker since the job last got further
    frames: int = 0  # how far it got

    @classmethod
    def read(cls, folder: Path) -> Status:
        try:
            facts = from_json((folder / STATUS).read_text())
            return cls(**{**facts, "losses": tuple(facts["losses"])})
        except (OSError, ValueError, TypeError, KeyError):
            return cls()

    def write(self, folder: Path) -> None:
        write_whole(folder / STATUS, json.dumps(asdict(self)).encode())


class JobStore:
    """Takes jobs, and lets `at_once` of them be painted at a time, in the order in which they came.

    `folder` holds them all. Jobs that ended more than `keep_days` ago are removed.
    """

    def __init__(self, folder: Path, *, at_once: int = 1, keep_days: float = 7.0, device: str = "auto") -> None:
        self.folder, self.at_once, self.keep_days, self.device = folder, at_once, keep_days, device
        folder.mkdir(parents=True, exist_ok=True)
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._guard = threading.RLock()

    def submit(self, source: Path, styles: Sequence[Path], settings: Mapping[str, Any], *, report: bool = False) -> str:
        """A new job of copies of these files; its name. Raises VidstyleError where it could not be painted."""
        _refuse_paths(Settings(**settings))
        name = secrets.token_urlsafe(16)
        folder = self.folder / f".{name}"
        folder.mkdir()
        try:
            ticket = replace(_copied(source, styles, settings, folder), device=self.device, report=report)
            _check(ticket.job(folder))
            write_whole(folder / TICKET, json.dumps(asdict(ticket)).encode())
            Status().write(folder)
            folder.rename(self.folder / name)
        except OSError as error:
            reason = f"the files cannot be copied ({error.strerror})"
            raise SinkError("VS449", reason=reason) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return name

    def place(self, name: object) -> Path:
        """The folder of a job. JobError where there is none of that name; other paths are no names."""
        if not (isinstance(name, str) and _NAME.fullmatch(name) and (self.folder / name / TICKET).is_file()):
            raise JobError("VS525")
        return self.folder / name

    def names(self) -> Iterator[str]:
        """All jobs, the oldest first; a folder that another program spoilt is none and holds up no other."""
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
        """Ends a job; what is painted is kept, so that it can go on."""
        with self._guard:
            place, status = self.place(name), self.status(name)
            if status.state in ("waiting", "painting"):
                replace(status, state="cancelled", note="cancelled").write(place)
                self._stop(name)
                if (last := Status.read(place)).state != "done":
                    replace(last, state="cancelled", note="cancelled", left=None).write(place)

    def go_on(self, name: str) -> None:
        """Lets a job that was cancelled, or failed, wait for its turn again."""
        with self._guard:
            if self.status(name).state in ("cancelled", "failed"):
                Status().write(self.place(name))

    def close(self) -> None:
        """Stops all workers of this store; their jobs go on when the next store tends them."""
        with self._guard:
            for name in list(self._workers):
                self._stop(name)

    def clean(self, now: float | None = None) -> list[str]:
        """Removes jobs that ended long ago, and after a day what lost submissions left and browsers sent."""
        now = time.time() if now is None else now
        old = [name for name in self.names() if self._ended_before(name, now - self.keep_days * DAY)]
        for name in old:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        known = set(self.names())
        for place in self.folder.iterdir():  # lost submissions, whose names begin with a dot, and spoilt jobs
            with suppress(OSError):
                lost = _NAME.fullmatch(place.name.removeprefix(".")) and place.name not in known
                if lost and place.stat().st_mtime < now - DAY:
                    shutil.rmtree(place, ignore_errors=True)
        for file in (self.folder / UPLOADS).rglob("*"):
            with suppress(OSError):  # it may be gone meanwhile
                if file.is_file() and file.stat().st_mtime < now - DAY:
                    file.unlink()
        return old

    def _ended_before(self, name: str, moment: float) -> bool:
        ended = self.status(name).state not in ("waiting", "painting")
        return ended and (self.folder / name / STATUS).stat().st_mtime < moment

    def _start(self, name: str) -> None:
        place, status = self.folder / name, self.status(name)
        if status.tries >= TRIES:
            replace(status, state="failed", note="its painting ended without a word, perhaps for want of memory").write(
                place
            )
            return
        (place / PROCESS).unlink(missing_ok=True)  # its number may be another program's by now
        replace(status, state="painting", note="starting", tries=status.tries + 1).write(place)
        words = [sys.executable, "-m", "vidstyle.web.paint_process", str(place)]
        with (place / "worker.log").open("ab") as said:
            worker = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)
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


def _refuse_paths(settings: Settings) -> None:
    """A page must not read files of the machine that it is served by."""
    if settings.init_file:
        raise SettingsError("VS268", init=settings.init)
    if settings.weights not in FILTERS:
        raise SettingsError("VS269", weights=settings.weights)


def _copied(source: Path, styles: Sequence[Path], settings: Mapping[str, Any], folder: Path) -> Ticket:
    """The files under names of our own in `folder`."""
    if not styles:
        raise SourceError("VS359")
    kept = _copy(source, folder, "source", (*IMAGE_ENDINGS, *CLIP_ENDINGS))
    names = tuple(_copy(style, folder, f"style{number}", IMAGE_ENDINGS) for number, style in enumerate(styles, 1))
    kind: Kind = kind_of(folder / kept)
    ending = {"image": ".png", "animation": ".gif"}.get(kind, ".mp4")
    title = f"{source.stem[:40]} like {', '.join(style.stem[:20] for style in styles)}"
    return Ticket(kept, names, f"painting{ending}", title, dict(settings), made_at=time.time())


def _copy(file: Path, folder: Path, stem: str, endings: Sequence[str]) -> str:
    ending = file.suffix.lower()
    if ending not in endings:
        raise SourceError("VS360", name=file.name, endings=" ".join(endings))
    shutil.copyfile(file, folder / f"{stem}{ending}")
    return f"{stem}{ending}"


def _check(job: JobSpec) -> None:
    """Refuses files that are not what their names say."""
    for style in job.styles:
        load_image(style)
    if job.kind == "image":
        load_image(job.source)
    else:
        probe(job.source)
