"""What lies in the folder of a job of the page: what is wanted, how far it is, and the files."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from vidstyle.cli.stylize import FILTERS
from vidstyle.errors import JobError, SettingsError, SourceError
from vidstyle.files import from_json, write_whole
from vidstyle.images import IMAGE_ENDINGS, load_image, save_image
from vidstyle.jobs.kinds import kind_of
from vidstyle.jobs.spec import JobSpec
from vidstyle.settings.settings import Settings
from vidstyle.video import animation
from vidstyle.video.decoding import first_frame, tensors_of
from vidstyle.video.probe import probe
from vidstyle.video.reader import CLIP_ENDINGS

State = Literal["waiting", "painting", "done", "failed", "cancelled"]

TICKET, STATUS, LOCK, PROCESS = "ticket.json", "status.json", "worker.lock", "process"
LATEST, BEFORE, MAKING, REPORT = "latest.jpg", "before.jpg", "progress.gif", "report.html"
BEFORE_VIDEO, AFTER_VIDEO = "before.mp4", "after.mp4"  # which are played in step; the latter of animations
FIRST_LOOK = "first_look.jpg"  # a small painting of the search for the balance
VIEWS = (LATEST, FIRST_LOOK, BEFORE, MAKING, REPORT, BEFORE_VIDEO, AFTER_VIDEO)  # which may be seen, as the painting
# Settings that may name files: a page must not read those of the machine that it is served by.
NO_PATHS: Mapping[str, tuple[str, ...]] = {"weights": FILTERS, "init": ("content", "random"), "lut": ("",)}
_SPOILT = (OSError, ValueError, TypeError, KeyError)  # what reading a file of a job may raise


@dataclass(frozen=True)
class Ticket:
    """What is wanted.

    Args:
        source: The name of what is painted, in the job's folder.
        styles: The names of the style images there.
        out: The name of the painting there.
        names: What people call the source, and each style: the names of their files.
        settings: The settings that differ from the defaults, by name.
        device: What paints: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        report: Whether a video is measured too.
        animated: Whether an animation shows how an image is painted.
        start, end: Seconds of a video that are painted; None for its end.
        preview: Whether it is one of `previews`.
        made_at: When the job was submitted, in seconds of time.time().
    """

    source: str
    styles: tuple[str, ...]
    out: str
    names: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    report: bool = False
    animated: bool = False
    start: float = 0.0
    end: float | None = None
    preview: bool = False
    made_at: float = 0.0

    @property
    def title(self) -> str:
        """What people know the job by."""
        source, *styles = (Path(name).stem for name in self.names)
        return f"{source[:40]} in the style of {', '.join(style[:20] for style in styles)}"

    def download(self, file: str) -> str:
        """The name that a file of the job gets on the user's machine, such as ``photo_swirl.png``."""
        stem = "_".join(Path(name).stem[:40] for name in self.names)
        return stem + ("" if file == self.out else f"_{Path(file).stem}") + Path(file).suffix

    def in_words(self, text: str, *, markup: bool = False) -> str:
        """A text, or HTML where it is `markup`, about files of the job with the names that people know."""
        names = map(escape, self.names) if markup else self.names
        known = dict(zip((self.source, *self.styles, self.out), (*names, "the painting"), strict=True))
        kept = "|".join(map(re.escape, known))
        return re.sub(rf"(?<![\w.])(?:{kept})(?!\w)", lambda found: known[found[0]], text)

    @classmethod
    def read(cls, folder: Path) -> Ticket:
        """The ticket of the job in `folder`; JobError where it cannot be read."""
        try:
            facts = from_json((folder / TICKET).read_text())
            return cls(**{**facts, "styles": tuple(facts["styles"]), "names": tuple(facts["names"])})
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
            start=self.start,
            end=self.end,
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
    def can_resume(self) -> bool:
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


def fill(folder: Path, source: Path, styles: Sequence[Path], settings: Mapping[str, Any], **wanted: Any) -> None:
    """Makes a new job in an empty folder, of copies under names of our own, with an image of the source.

    Args:
        folder: Where.
        source: A video, animation or image.
        styles: The style images.
        settings: The settings that differ from the defaults, by name.
        **wanted: What else a Ticket says, from ``device`` to ``preview``.

    Raises:
        SettingsError: For settings that cannot be, or that name a file.
        SourceError: For files that cannot be painted, or none.
        OSError: Where they cannot be copied.
    """
    _refuse_paths(Settings(**settings))
    check_styles(styles)
    first = first_image(source)
    kept = _copy(source, folder, "source")
    copies = tuple(_copy(style, folder, f"style{number}") for number, style in enumerate(styles, 1))
    ending = {"image": ".png", "animation": ".gif"}.get(kind_of(folder / kept), ".mp4")
    names = tuple(path.name for path in (source, *styles))
    ticket = Ticket(kept, copies, f"painting{ending}", names, settings, made_at=time.time(), **wanted)
    ticket.job(folder)  # for its checks
    if first is not None:
        save_image(folder / BEFORE, first)
    write_whole(folder / TICKET, json.dumps(asdict(ticket)).encode())
    Status().write(folder)


def paint_command(folder: Path) -> list[str]:
    """What starts the process that paints the job in `folder`."""
    return [sys.executable, "-m", "vidstyle.web.paint_process", str(folder)]


def _refuse_paths(settings: Settings) -> None:
    for name, choices in NO_PATHS.items():
        value = getattr(settings, name)
        if value not in choices:
            raise SettingsError("VS268", name=name, choices=", ".join(choices), value=value)


def check_styles(styles: Sequence[Path]) -> None:
    """SourceError where there is none, or one is no image."""
    if not styles:
        raise SourceError("VS359")
    for style in styles:
        _check_ending(style, IMAGE_ENDINGS)
        load_image(style)


def _check_ending(file: Path, endings: Sequence[str]) -> None:
    if file.suffix.lower() not in endings:
        raise SourceError("VS360", name=file.name, endings=" ".join(endings))


def _copy(file: Path, folder: Path, stem: str) -> str:
    name = f"{stem}{file.suffix.lower()}"
    shutil.copyfile(file, folder / name)
    return name


def first_image(source: Path) -> Tensor | None:
    """An image, or the first frame of a video or animation where it can be seen at once; (3, H, W), 0..1.

    SourceError where the file is not what its name says.
    """
    _check_ending(source, (*IMAGE_ENDINGS, *CLIP_ENDINGS))
    if kind_of(source) == "image":
        return load_image(source).rgb
    pixels = next(animation.read(source)) if probe(source).animated else first_frame(source)
    return None if pixels is None else tensors_of(pixels)[0]
