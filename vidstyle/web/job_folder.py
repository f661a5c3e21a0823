"""What lies in the folder of a job of the page: what is wanted, how far it is, and the files."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from vidstyle.cli.stylize import FILTERS
from vidstyle.errors import JobError, SettingsError, SourceError
from vidstyle.files import from_json, write_whole
from vidstyle.images import IMAGE_ENDINGS, load_image
from vidstyle.jobs.spec import JobSpec, kind_of
from vidstyle.settings.settings import Settings
from vidstyle.video.probe import probe
from vidstyle.video.reader import CLIP_ENDINGS

State = Literal["waiting", "painting", "done", "failed", "cancelled"]

TICKET, STATUS, LOCK, PROCESS = "ticket.json", "status.json", "worker.lock", "process"
LATEST, BEFORE, MAKING, REPORT = "latest.jpg", "before.jpg", "making.gif", "report.html"
# Settings that may name files: a page must not read those of the machine that it is served by.
NO_PATHS: Mapping[str, tuple[str, ...]] = {"weights": FILTERS, "init": ("content", "random")}
_SPOILT = (OSError, ValueError, TypeError, KeyError)  # what reading a file of a job may raise


@dataclass(frozen=True)
class Ticket:
    """What is wanted.

    Args:
        source: The name of what is painted, in the job's folder.
        styles: The names of the style images there.
        out: The name of the painting there.
        title: What people know the job by.
        settings: The settings that differ from the defaults, by name.
        device: What paints: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        report: Whether a video is measured too.
        made_at: When the job was submitted, in seconds of time.time().
    """

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
        """The ticket of the job in `folder`; JobError where it cannot be read."""
        try:
            facts = from_json((folder / TICKET).read_text())
            return cls(**{**facts, "styles": tuple(facts["styles"])})
        except _SPOILT as error:
            raise JobError("VS526") from error

    def job(self, folder: Path) -> JobSpec:
        """The job in `folder`, after the checks that need no decoding. Raises VidstyleError."""
        source = folder / self.source
        return JobSpec.of(
            source,
            [folder / style for style in self.styles],
            folder / self.out,
            Settings(**self.settings),
            device=self.device,
            overwrite=True,
            report=self.report and kind_of(source) == "video",
        )


@dataclass(frozen=True)
class Status:
    """How far a job is.

    Args:
        state: What becomes of it.
        note: More of it in words, for people: how far it is, what was done, or why it failed.
        progress: The share that is done, 0..1.
        losses: Those of the steps so far; of long jobs not all.
        tries: Starts of a worker since the job last got further.
        frames: How far it got.
    """

    state: State = "waiting"
    note: str = ""
    progress: float = 0.0
    losses: tuple[float, ...] = ()
    tries: int = 0
    frames: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.state not in ("waiting", "painting")

    @property
    def can_go_on(self) -> bool:
        """Whether people may let it wait for its turn again."""
        return self.state in ("cancelled", "failed")

    @classmethod
    def read(cls, folder: Path) -> Status:
        """The status of the job in `folder`; that of a new one where it cannot be read."""
        try:
            facts = from_json((folder / STATUS).read_text())
            return cls(**{**facts, "losses": tuple(facts["losses"])})
        except _SPOILT:
            return cls()

    def write(self, folder: Path) -> None:
        """Keeps it in the job's `folder`."""
        write_whole(folder / STATUS, json.dumps(asdict(self)).encode())


def fill(
    folder: Path,
    source: Path,
    styles: Sequence[Path],
    settings: Mapping[str, Any],
    *,
    device: str = "auto",
    report: bool = False,
) -> None:
    """Makes a new job in an empty folder, of copies under names of our own.

    Args:
        folder: Where.
        source: A video, animation or image.
        styles: The style images.
        settings: The settings that differ from the defaults, by name.
        device: What paints: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        report: Whether a video is measured too.

    Raises:
        SettingsError: For settings that cannot be, or that name a file.
        SourceError: For files that cannot be painted, or none.
        OSError: Where they cannot be copied.
    """
    _refuse_paths(Settings(**settings))
    if not styles:
        raise SourceError("VS359")
    kept = _copy(source, folder, "source", (*IMAGE_ENDINGS, *CLIP_ENDINGS))
    names = tuple(_copy(style, folder, f"style{number}", IMAGE_ENDINGS) for number, style in enumerate(styles, 1))
    ending = {"image": ".png", "animation": ".gif"}.get(kind_of(folder / kept), ".mp4")
    title = f"{source.stem[:40]} like {', '.join(style.stem[:20] for style in styles)}"
    ticket = Ticket(kept, names, f"painting{ending}", title, settings, device, report, time.time())
    _check(ticket.job(folder))
    write_whole(folder / TICKET, json.dumps(asdict(ticket)).encode())
    Status().write(folder)


def _refuse_paths(settings: Settings) -> None:
    for name, choices in NO_PATHS.items():
        value = getattr(settings, name)
        if value not in choices:
            raise SettingsError("VS268", name=name, choices=", ".join(choices), value=value)


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
