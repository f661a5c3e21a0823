"""What is to be done: from which file, in which style, to where, and how."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Self, TypedDict, Unpack

from vidstyle.errors import SettingsError, SinkError, SourceError
from vidstyle.files import refuse_existing, require_file, require_name
from vidstyle.images import IMAGE_ENDINGS, OPAQUE_ENDINGS
from vidstyle.jobs.kinds import ANIMATION_ENDINGS, FILMS, Kind, default_output, kind_of
from vidstyle.limits import LIMITS, NO_LIMITS, Limits
from vidstyle.settings.settings import Settings
from vidstyle.video.codecs import AUTO, VIDEO_ENDINGS, Encoding, codec_for, encoding_of
from vidstyle.video.frame_names import FrameNames
from vidstyle.video.hardware import ANY, SOFTWARE, working_interface
from vidstyle.video.image_sequence import image_encoding_of, is_sequence, names_in
from vidstyle.video.lut import check_lut
from vidstyle.video.sequence import USUAL_RATE, find_sequence, parse_rate

JOINING = "joining"  # a file of the work folder that is there when the output is being written
AnyPath = str | os.PathLike[str]


@dataclass(frozen=True)
class ClusterOptions:
    """The Ray cluster that paints a job; SettingsError for numbers or a URL that cannot be.

    Args:
        address: ``HOST:PORT`` of its head; None for the environment's RAY_ADDRESS, or else a new cluster of this
            machine alone.
        cpus: cores that the painting of a segment takes, above 0.
        gpus: GPUs that it takes, 0 or more; a share of one, or whole ones.
        storage: URL of a store, as fsspec reads it, where the machines share no folder.
    """

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


class JobOptions(TypedDict, total=False):
    """What may be given for a job beside its files and settings: the fields of `JobSpec` that have a default."""

    device: str
    start: float
    end: float | None
    mask: AnyPath | None
    style_masks: Sequence[AnyPath]
    report: bool
    overwrite: bool
    restart: bool
    keep_work: bool
    fps: str
    audio: AnyPath | None
    as_video: bool
    no_limits: bool
    max_memory: float | None
    cluster_options: ClusterOptions | None


@dataclass(frozen=True)
class JobSpec:
    """What one job is to do. `JobSpec.of` makes and checks it, and `api.run` does it.

    Args:
        source: a video, animation or image, a folder of videos or of images, or a pattern of images; a
            numbered pattern, such as ``shot.%04d.png``, is a video.
        styles: the style images.
        out: the file to write, or the folder for folders and patterns; for videos also a folder or a pattern.
        kind: what the source is.
        settings: how to paint it.
        device: what paints: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        start: where painting starts in a video, in seconds.
        end: where it ends, in seconds; None for the end of the video.
        mask: where to paint: an image or a video that is white there.
        style_masks: the same for the styles, in their order.
        report: measure the painted video, and write the report to `report_file`.
        overwrite: replace an existing output.
        restart: start over instead of resuming an earlier run of the job.
        keep_work: keep the work folder when the job is done.
        fps: frames per second of a sequence of images, such as ``24000/1001``; empty for 24.
        audio: a file whose sound is added to the video of a sequence of images.
        as_video: treat a folder of numbered images as a video.
        no_limits: accept files of any size.
        max_memory: bytes that painting may take; larger images are painted in tiles. None for 70 % of what is free.
        cluster_options: the cluster that paints; None for this machine.
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
    overwrite: bool = False
    restart: bool = False
    keep_work: bool = False
    fps: str = ""
    audio: Path | None = None
    as_video: bool = False
    no_limits: bool = False
    max_memory: float | None = None
    cluster_options: ClusterOptions | None = None

    @classmethod
    def of(
        cls,
        source: AnyPath,
        styles: Sequence[AnyPath],
        out: AnyPath | None = None,
        settings: Settings | None = None,
        **options: Unpack[JobOptions],
    ) -> Self:
        """A job after the checks that need no decoding; without `out` it writes to `default_output`.

        Raises:
            SourceError: if a file does not exist or is of the wrong kind.
            SinkError: if the output cannot be written.
            SettingsError: if the options do not fit together.
        """
        chosen = settings or Settings()
        others: dict[str, Any] = {**options}
        masks = others.pop("mask", None), *others.pop("style_masks", ())
        audio = others.pop("audio", None)
        for name in (source, *styles, out, *masks, audio, chosen.init, chosen.weights, chosen.lut or None):
            if name is not None:
                require_name(name)
        origin, images = Path(source), tuple(map(Path, styles))
        kind = kind_of(origin, as_video=others.get("as_video", False))
        target = Path(out) if out is not None else default_output(origin, images, kind)
        others["audio"] = audio and Path(audio)
        others["mask"], *places = (one and Path(one) for one in masks)
        ending = target.suffix.lower()
        if chosen.encoder == ANY and kind in FILMS and ending in VIDEO_ENDINGS:  # workers then take the same
            codec = codec_for(ending) if chosen.codec == AUTO else chosen.codec
            chosen = chosen.replace(encoder=working_interface(codec))
        job = cls(origin, images, target, kind, chosen, style_masks=tuple(places), **others)
        for check in (_check_styles, _check_looks, _check_range, _check_sequence, _check_output, _check_report):
            check(job)
        return job

    @classmethod
    def from_dict(
        cls, facts: Mapping[str, Any], out: Path, *, near: Callable[[Path], Path] = Path, overwrite: bool = True
    ) -> Self:
        """The job that `to_dict` kept, after the checks of `of`.

        Args:
            facts: what `to_dict` made of it, and JSON of that.
            out: what it writes.
            near: where a file that it names lies on this machine.
            overwrite: whether `out` may be there already.

        Raises:
            VidstyleError: as `of`.
            AttributeError, KeyError, TypeError, ValueError: for what no job made.
        """
        options = dict(facts)
        source, styles, settings = (options.pop(name) for name in ("source", "styles", "settings"))
        chosen = Settings(**settings)
        if chosen.init_file:
            chosen = chosen.replace(init=str(near(chosen.init_file)))
        for name in ("mask", "audio"):
            options[name] = near(Path(options[name])) if options.get(name) else None
        options["style_masks"] = [near(Path(mask)) for mask in options["style_masks"]]
        files = near(Path(source)), [near(Path(style)) for style in styles]
        return cls.of(*files, out, chosen, overwrite=overwrite, **options)

    def to_dict(self) -> dict[str, Any]:
        """What another run needs to do the same, for JSON, with absolute paths; `from_dict` reads it.

        The output is not in it, whose name is that of the work folder, nor what is said for one run only.
        """
        settings = self.settings
        named = {"init": settings.init_file, "weights": settings.weights_file, "lut": settings.lut_file}
        files = {name: str(file.absolute()) for name, file in named.items() if file}
        kept = {name: _plain(value) for name, value in vars(self).items() if name not in _NOT_KEPT}
        return {**kept, "settings": asdict(settings.replace(**files))}

    @property
    def files(self) -> tuple[Path, ...]:
        """All that it is painted from."""
        chosen = self.settings.init_file, self.settings.lut_file
        named = self.source, *self.styles, *chosen, self.mask, *self.style_masks, self.audio
        return tuple(file for file in named if file)

    @property
    def rate(self) -> Fraction:
        """Frames a second of a sequence of images."""
        return parse_rate(self.fps) if self.fps else USUAL_RATE

    @property
    def limits(self) -> Limits:
        """How large its files may be."""
        return NO_LIMITS if self.no_limits else LIMITS

    @property
    def paints_images(self) -> bool:
        """Whether it paints images, each alone, and no frames that follow each other."""
        return self.kind in ("image", "images")

    @property
    def work_folder(self) -> Path:
        """Where the job of a video, or of a folder of videos, keeps what is done."""
        return self.out.with_name(f"{self.out.name}.vidstyle")

    def encoding(self, *, transparent: bool = False) -> Encoding:
        """How a video is encoded, which may be `transparent`; SettingsError where that cannot be."""
        settings = self.settings
        chosen = settings.codec, settings.pix_fmt, settings.grade
        return encoding_of(self.out.suffix.lower(), *chosen, transparent, settings.encoder)

    @property
    def keeps_alpha(self) -> bool:
        """Whether the output has a place for the opacity of a video."""
        if is_sequence(self.out):
            return names_in(self.out, None).ending not in OPAQUE_ENDINGS
        return self.encoding(transparent=True).alpha

    @property
    def is_joining(self) -> bool:
        """Whether a run of it had begun to write the output when it was stopped."""
        return (self.work_folder / JOINING).exists()

    @property
    def report_file(self) -> Path:
        """The page that a report of the job is written to; its figures lie beside it as .json."""
        return self.out.with_name(f"{self.out.stem}_report.html")


_NOT_KEPT = ("out", "kind", "overwrite", "restart", "max_memory", "cluster_options")


def _plain(value: Any) -> Any:
    """A field of a job as JSON has it."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value.absolute()) if isinstance(value, Path) else value


def _check_styles(job: JobSpec) -> None:
    if not job.styles:
        raise SettingsError("VS212")
    for style in job.styles:
        if not style.exists():
            raise SourceError("VS323", style=style)
        require_file(style)


def _check_looks(job: JobSpec) -> None:
    """That what is said of several styles fits their number, and that there are the masks."""
    settings, styles, keys = job.settings, len(job.styles), job.settings.keyed_styles
    settings.check_blend(styles)
    if keys and len(keys[0].values) > styles:
        last = chr(ord("A") + len(keys[0].values) - 1)
        raise SettingsError("VS213", last=last, styles=styles)
    if len(job.style_masks) > styles:
        raise SettingsError("VS214", count=len(job.style_masks), styles=styles)
    if job.paints_images and (keys or settings.strength_keys or settings.style_per_shot):
        raise SettingsError("VS215")
    if job.style_masks and (settings.blend or keys or settings.style_per_shot):
        raise SettingsError("VS216")
    if settings.lut_file and job.kind in ("video", "clips"):
        check_lut(settings.lut_file)
    for path in (*([job.mask] if job.mask else []), *job.style_masks):
        numbered = None if job.paints_images else FrameNames.of_pattern(path)
        if not path.is_file() and not numbered:
            raise SourceError("VS324", path=path)
        if numbered and job.kind != "sequence" and (job.start or job.end is not None):
            raise SettingsError("VS282", path=path)
        if job.paints_images and path.suffix.lower() not in IMAGE_ENDINGS:
            raise SettingsError("VS224", path=path, image_endings=" ".join(IMAGE_ENDINGS))


def _check_range(job: JobSpec) -> None:
    if job.start < 0 or (job.end is not None and job.end <= job.start):
        to = "the end" if job.end is None else f"{job.end:g}"
        raise SettingsError("VS217", start=job.start, to=to)
    if job.paints_images and (job.start or job.end is not None):
        raise SettingsError("VS218")
    if job.paints_images and job.cluster_options:
        raise SettingsError("VS223")


def _check_sequence(job: JobSpec) -> None:
    """What is said of sequences of images."""
    assert job.rate  # it can be read
    if job.kind != "sequence" and (job.fps or job.audio):
        raise SettingsError("VS276")
    if job.audio:
        require_file(job.audio)
        if job.out.suffix.lower() not in VIDEO_ENDINGS:
            raise SettingsError("VS278", endings=" ".join(VIDEO_ENDINGS))
    numbered = job.kind == "sequence" or any(
        FrameNames.of_pattern(path) for path in (job.mask or Path(), *job.style_masks)
    )
    if numbered and job.cluster_options and job.cluster_options.storage:
        raise SettingsError("VS281")


def _check_output(job: JobSpec) -> None:
    target, of_films = job.out, (*VIDEO_ENDINGS, *ANIMATION_ENDINGS)
    require_name(target if job.paints_images else job.work_folder)
    if job.kind in FILMS and is_sequence(target):
        _check_images(job)
        return
    of_videos = tuple(ending for ending in of_films if ending != ".png")  # which promises one image
    endings = {"video": of_videos, "sequence": of_videos, "animation": of_films, "image": IMAGE_ENDINGS}.get(job.kind)
    if endings and target.suffix.lower() not in endings:
        good = " ".join(sorted(endings))
        raise SinkError("VS424", target=target, kind=job.kind, suffix=target.suffix, good=good)
    if job.kind in FILMS:
        assert job.encoding()  # it can be
    if target.exists() and job.source.exists() and target.samefile(job.source):
        raise SinkError("VS425", target=target)
    goes_on = job.kind == "clips" and job.work_folder.is_dir()
    refuse_existing([target], job.overwrite or goes_on)
    if not target.absolute().parent.is_dir():
        raise SinkError("VS417", path=target, folder=target.absolute().parent)


def _check_images(job: JobSpec) -> None:
    """That a video can be written as images, none of which is painted from."""
    settings, source = job.settings, find_sequence(job.source) if job.kind == "sequence" else None
    names = names_in(job.out, source[0] if source else None)
    image_encoding_of(names.ending, settings.codec, settings.pix_fmt, settings.grade)
    if settings.encoder != SOFTWARE:
        raise SettingsError("VS279", ending=names.ending)
    folder = names.folder == job.out
    taken = list(source[1].values()) if source and source[0].folder.resolve() == names.folder.resolve() else []
    if taken and (folder or any(names.number_of(file) is not None for file in taken)):
        raise SinkError("VS425", target=job.out)
    if not job.out.absolute().parent.is_dir():
        raise SinkError("VS417", path=job.out, folder=job.out.absolute().parent)
    if folder and job.out.exists() and not job.out.is_dir():
        raise SinkError("VS402", path=job.out)
    refuse_existing([job.out] if folder else [*names.files().values()][:1], job.overwrite or job.is_joining)


def _check_report(job: JobSpec) -> None:
    if not job.report or job.kind == "clips":
        return
    if job.kind != "video" or job.out.suffix.lower() not in VIDEO_ENDINGS:
        raise SettingsError("VS219")
    require_name(job.report_file)
    refuse_existing([job.report_file, job.report_file.with_suffix(".json")], job.overwrite)
