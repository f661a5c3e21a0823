"""What is to be done: from which file, in which style, to where."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from vidstyle.errors import SettingsError, SinkError, SourceError
from vidstyle.files import refuse_address, require_file, require_name
from vidstyle.images import IMAGE_ENDINGS, is_animated, require_image
from vidstyle.limits import LIMITS, NO_LIMITS, Limits
from vidstyle.settings.settings import Settings
from vidstyle.video.encoder import VIDEO_ENDINGS
from vidstyle.video.reader import find_clips, find_images

Kind = Literal["video", "animation", "image", "images", "clips"]
AnyPath = str | os.PathLike[str]

ANIMATION_ENDINGS = (".gif", ".webp")


@dataclass(frozen=True)
class ClusterOptions:
    """The Ray cluster that paints a job: its address (None for the environment's RAY_ADDRESS, or else a new cluster of
    this machine alone), the share of a machine that a segment takes, and the URL of a store where the machines share no
    folder."""

    address: str | None = None
    cpus: float = 1.0
    gpus: float = 0.0
    storage: str | None = None

    def __post_init__(self) -> None:
        if self.cpus <= 0 or self.gpus < 0:
            raise SettingsError("VS220", cpus=self.cpus, gpus=self.gpus)
        if self.gpus > 1 and self.gpus % 1:
            raise SettingsError("VS221", gpus=self.gpus)
        if self.storage is not None and "://" not in self.storage:
            raise SettingsError("VS222", storage=self.storage)


@dataclass(frozen=True)
class Job:
    """One job, checked: made by `Job.of`, run by `api.run`.

    `mask` says where to paint, and `style_masks` where each of the first styles: images or videos, white is where.
    `start` and `end` are seconds of a video's time; `device` is one of ``auto``, ``cpu``, ``cuda``, ``mps``; `report`
    asks for one at the end, in `report_file`. `cluster_options`: who paints, where this machine does not. `restart`
    forgets what
    an earlier run of the job has done; `keep_work` leaves the work folder when all is done; `no_limits` takes files of
    any size.
    """

    source: Path
    styles: tuple[Path, ...]
    out: Path
    kind: Kind
    settings: Settings = field(default_factory=Settings)
    device: str = "auto"
    start: float = 0.0
    end: float | None = None
    mask: Path | None = None
    style_masks: tuple[Path, ...] = ()
    report: bool = False
    restart: bool = False
    keep_work: bool = False
    no_limits: bool = False
    cluster_options: ClusterOptions | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """All that it is painted from."""
        start = self.settings.init_file
        masks = [self.mask] if self.mask else []
        return (self.source, *self.styles, *([start] if start else []), *masks, *self.style_masks)

    @property
    def limits(self) -> Limits:
        """How large its files may be."""
        return NO_LIMITS if self.no_limits else LIMITS

    @property
    def report_file(self) -> Path:
        """The page that a report of the job is written to; its figures lie beside it as .json."""
        return self.out.with_name(f"{self.out.stem}_report.html")

    @classmethod
    def of(
        cls,
        source: AnyPath,
        styles: Sequence[AnyPath],
        out: AnyPath | None = None,
        settings: Settings | None = None,
        *,
        device: str = "auto",
        start: float = 0.0,
        end: float | None = None,
        mask: AnyPath | None = None,
        style_masks: Sequence[AnyPath] = (),
        overwrite: bool = False,
        cluster_options: ClusterOptions | None = None,
        **how: bool,
    ) -> "Job":
        """A job after the checks that need no decoding; SourceError, SinkError or SettingsError when one fails."""
        chosen = settings or Settings()
        for name in (source, *styles, out, mask, *style_masks, chosen.init, chosen.weights):
            if name is not None:
                require_name(name)
        origin, images = Path(source), tuple(Path(style) for style in styles)
        kind = kind_of(origin)
        _check_styles(images)
        where, places = Path(mask) if mask is not None else None, tuple(Path(path) for path in style_masks)
        _check_looks(kind, len(images), chosen, where, places)
        _check_range(kind, start, end)
        target = Path(out) if out is not None else default_output(origin, images, kind)
        _check_output(target, origin, kind, overwrite)
        job = cls(
            origin,
            images,
            target,
            kind,
            chosen,
            device,
            start,
            end,
            where,
            places,
            cluster_options=cluster_options,
            **how,
        )
        if job.report:
            _check_report(job, overwrite)
        if cluster_options and kind in ("image", "images"):
            raise SettingsError("VS223")
        return job


def kind_of(source: Path) -> Kind:
    """What a path is, by what it holds where its ending does not tell; SourceError when there is nothing."""
    if source.is_dir() and find_clips(source):
        return "clips"
    if source.is_dir() or (not source.exists() and re.search(r"[*?\[]", source.name)):
        find_images(source)
        return "images"
    if not source.exists():
        refuse_address(source)
        raise SourceError("VS301", path=source)
    if source.suffix.lower() in IMAGE_ENDINGS or source.suffix.lower() in ANIMATION_ENDINGS:
        require_image(source)
        return "animation" if is_animated(source) else "image"
    return "video"


def default_output(source: Path, styles: Sequence[Path], kind: Kind) -> Path:
    """``clip.mp4`` in the style of ``monet.jpg`` is ``clip_monet.mp4``, beside the clip."""
    if kind in ("images", "clips"):
        folder = source if source.is_dir() else source.parent
        return folder.resolve().with_name(f"{folder.resolve().name}_{_named(styles)}")
    endings = {"video": VIDEO_ENDINGS, "animation": ANIMATION_ENDINGS, "image": IMAGE_ENDINGS}[kind]
    fallback = {"video": ".mp4", "animation": ".gif", "image": ".png"}[kind]
    suffix = source.suffix if source.suffix.lower() in endings else fallback
    return source.with_name(f"{source.stem}_{_named(styles)}{suffix}")


def _named(styles: Sequence[Path]) -> str:
    return "_".join(style.stem for style in styles)


def _check_styles(styles: Sequence[Path]) -> None:
    if not styles:
        raise SettingsError("VS212")
    for style in styles:
        if not style.exists():
            raise SourceError("VS323", style=style)
        require_file(style)


def _check_looks(kind: Kind, styles: int, settings: Settings, mask: Path | None, places: Sequence[Path]) -> None:
    """That what is said of several styles fits their number, and that there are the masks."""
    blend, keys = settings.blend, settings.keyed_styles
    settings.check_blend(styles)
    if keys and len(keys[0].values) > styles:
        last = chr(ord("A") + len(keys[0].values) - 1)
        raise SettingsError("VS213", last=last, styles=styles)
    if len(places) > styles:
        raise SettingsError("VS214", count=len(places), styles=styles)
    if kind in ("image", "images") and (keys or settings.strength_keys or settings.style_per_shot):
        raise SettingsError("VS215")
    if places and (blend or keys or settings.style_per_shot):
        raise SettingsError("VS216")
    for path in ([mask] if mask else []) + list(places):
        if not path.is_file():
            raise SourceError("VS324", path=path)
        if kind in ("image", "images") and path.suffix.lower() not in IMAGE_ENDINGS:
            raise SettingsError("VS224", path=path, image_endings=" ".join(IMAGE_ENDINGS))


def _check_range(kind: Kind, start: float, end: float | None) -> None:
    if start < 0 or (end is not None and end <= start):
        to = "the end" if end is None else f"{end:g}"
        raise SettingsError("VS217", start=start, to=to)
    if kind in ("image", "images") and (start or end is not None):
        raise SettingsError("VS218")


def _check_output(target: Path, source: Path, kind: Kind, overwrite: bool) -> None:
    endings = {
        "video": (*VIDEO_ENDINGS, *ANIMATION_ENDINGS),
        "animation": (*ANIMATION_ENDINGS, *VIDEO_ENDINGS),
        "image": IMAGE_ENDINGS,
    }
    if kind in endings and target.suffix.lower() not in endings[kind]:
        good = " ".join(sorted(endings[kind]))
        raise SinkError("VS424", target=target, kind=kind, suffix=target.suffix, good=good)
    if target.exists() and source.exists() and target.samefile(source):
        raise SinkError("VS425", target=target)
    goes_on = kind == "clips" and target.with_name(f"{target.name}.vidstyle").is_dir()
    if target.exists() and not overwrite and not goes_on:
        raise SinkError("VS402", path=target)
    if not target.absolute().parent.is_dir():
        raise SinkError("VS417", path=target, folder=target.absolute().parent)


def _check_report(job: Job, overwrite: bool) -> None:
    if job.kind == "clips":
        return
    if job.kind != "video" or job.out.suffix.lower() not in VIDEO_ENDINGS:
        raise SettingsError("VS219")
    for file in (job.report_file, job.report_file.with_suffix(".json")):
        if file.exists() and not overwrite:
            raise SinkError("VS402", path=file)
