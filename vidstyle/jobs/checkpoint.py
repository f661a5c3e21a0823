"""The work folder of a job, ``OUT.vidstyle`` beside its output, and what its files hold.

    job.json              what is done, from what, and all that changes pixels
    painter.safetensors   filters, palette and balance
    segments/00007.mp4    a finished segment; with its work, 00007.json, which is written first
    states/00007.safetensors   what it hands to the next
    scratch/              what is being written

Every file but those in scratch is whole or not there. Where a segment's film lies, all of the segment is done.
"""

import contextlib
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from filelock import FileLock, Timeout
from torch import Tensor

from vidstyle.core.color_transfer import Palette, Palettes
from vidstyle.core.exposure import Scenes
from vidstyle.core.frame_style import PLANES, Frame, FrameStyle
from vidstyle.core.losses import Losses
from vidstyle.core.stylize_image import Painted, Painter
from vidstyle.core.temporal import Linked, ShotState, Stillness
from vidstyle.core.weights import Filters
from vidstyle.errors import JobError, SettingsError
from vidstyle.files import from_json, put_in_place, write_whole
from vidstyle.jobs.events import Work
from vidstyle.jobs.segments import Segment
from vidstyle.jobs.spec import Job
from vidstyle.settings.settings import Settings
from vidstyle.video.encoder import segment_ending

SCHEMA = 2
_OF_WORK = ("full_steps", "seconds", "memory")


@dataclass(frozen=True)
class Manifest:
    """What a job paints. `job` is what it was asked for; `key` is all that changes pixels, by the name that is told.

    `scenes` count the `frames` that are painted; `size` is (height, width) of the painting; `machine` is
    what the last bits of the pixels depend on beside. `marks` are those of the frames that segments begin with
    (`video.reader`), by position; `rewritten`: frames are read from a rewritten form of the source.
    """

    job: Mapping[str, Any]
    key: Mapping[str, str]
    size: tuple[int, int]
    frames: int
    scenes: Scenes
    marks: Mapping[int, str]
    rewritten: bool
    machine: Mapping[str, str]

    def to_json(self) -> str:
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def of_json(cls, text: str) -> "Manifest":
        """ValueError, KeyError or TypeError for what is no manifest."""
        found = from_json(text)
        if found["schema"] != SCHEMA:
            raise ValueError(f"schema {found['schema']!r}")
        height, width = (int(side) for side in found["size"])
        frames = int(found["frames"])
        scenes = Scenes.of_json(found["scenes"], frames, (height, width))
        if min(height, width, frames) < 1:
            raise ValueError("sizes that cannot be")
        key, machine = ({str(k): str(v) for k, v in found[name].items()} for name in ("key", "machine"))
        marks = {int(position): str(mark) for position, mark in found["marks"].items()}
        return cls(dict(found["job"]), key, (height, width), frames, scenes, marks, bool(found["rewritten"]), machine)


def difference_between(before: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    """The first name whose value is not the same in two keys, with both values; None where all agree."""
    for name in {**before, **now}:
        was, is_now = before.get(name, "nothing"), now.get(name, "nothing")
        if was != is_now:
            return f"{name} was {was} and is {is_now}"
    return None


@dataclass(frozen=True)
class WorkFolder:
    """The files of a job; `segment_ending` is that of its segments' films."""

    path: Path
    segment_ending: str

    @property
    def manifest_file(self) -> Path:
        return self.path / "job.json"

    @property
    def painter_file(self) -> Path:
        return self.path / "painter.safetensors"

    def name_of(self, file: Path) -> str:
        """A file of the folder as its storage calls it."""
        return file.relative_to(self.path).as_posix()

    def film(self, segment: int) -> Path:
        return self.path / "segments" / f"{segment:05}{self.segment_ending}"

    def work_file(self, segment: int) -> Path:
        return self.path / "segments" / f"{segment:05}.json"

    def state(self, segment: int) -> Path:
        return self.path / "states" / f"{segment:05}.safetensors"

    @contextlib.contextmanager
    def scratch(self, what: str) -> Iterator[Path]:
        """A folder for what is being written, without what a run that died left there."""
        place = self.path / "scratch" / what
        shutil.rmtree(place, ignore_errors=True)
        try:
            place.mkdir(parents=True)
        except OSError as error:
            raise self._no_room(error) from error
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def manifest(self) -> Manifest | None:
        """What the folder's job paints; None where there is no job. JobError where it cannot be read."""
        try:
            return Manifest.of_json(self.manifest_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
            text = "it is no job" if isinstance(error, AttributeError | KeyError | TypeError) else error
            raise JobError("VS514", file=self.manifest_file, error=text) from error

    def begin(self, manifest: Manifest, painter: bytes) -> None:
        """A new job; it is there when its manifest is."""
        self.make()
        self.write(self.painter_file, painter)
        self.write(self.manifest_file, manifest.to_json().encode())

    def make(self) -> None:
        """The folders that segments and states are written to."""
        for folder in ("segments", "states"):
            (self.path / folder).mkdir(parents=True, exist_ok=True)

    def write(self, file: Path, data: bytes) -> None:
        """JobError where there is no room."""
        try:
            write_whole(file, data)
        except OSError as error:
            raise self._no_room(error) from error

    @property
    def is_begun(self) -> bool:
        """Whether any segment is done."""
        return any((self.path / "segments").glob(f"*{self.segment_ending}"))

    def is_done(self, segment: Segment) -> bool:
        return self.film(segment.index).exists()

    def commit(self, segment: Segment, part: Path, work: Sequence[Work], state: bytes | None) -> None:
        """Makes a painted segment safe: its film `part` comes last, for it says that all is done."""
        if state is not None:
            self.write(self.state(segment.index), state)
        self.write(self.work_file(segment.index), json.dumps([asdict(one) for one in work]).encode())
        try:
            put_in_place(part, self.film(segment.index))
        except OSError as error:
            raise self._no_room(error) from error

    def work(self, segment: Segment) -> list[Work]:
        """What the frames of a finished segment took. JobError where that cannot be read."""
        file = self.work_file(segment.index)
        try:
            found = from_json(file.read_text(encoding="utf-8"))
            return [Work(int(one["steps"]), *(float(one[name]) for name in _OF_WORK)) for one in found]
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise JobError("VS519", path=file, error=error) from error

    @contextlib.contextmanager
    def locked(self, what: str) -> Iterator[None]:
        """Nobody else works on this meanwhile; the lock of a process that died is open. JobError where it is not.

        A folder that holds no job afterwards goes.
        """
        try:
            self.path.mkdir(exist_ok=True)
        except OSError as error:
            raise self._no_room(error) from error
        lock, owner, who = FileLock(self.path / f"{what}.lock", timeout=0), self.path / f"{what}.owner", ""
        try:
            lock.acquire()
        except Timeout as error:
            with contextlib.suppress(OSError):
                who = f" ({owner.read_text(encoding='utf-8').strip()})"
            raise JobError("VS522", path=self.path, who=who) from error
        except OSError as error:
            raise self._no_room(error) from error
        try:
            with contextlib.suppress(OSError):  # it only tells others who works
                owner.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
            yield
        finally:
            if what == "job" and not self.manifest_file.exists():
                self.remove()  # while it is locked: another may be waiting to begin
            lock.release()

    def clear(self, *, copies: bool) -> None:
        """Removes the job, and the rewritten `copies` of its source. JobError where somebody paints a shot of it."""
        with contextlib.ExitStack() as locks:
            for lock in self.path.glob("shot*.lock"):
                locks.enter_context(self.locked(lock.stem))
            for file in (self.manifest_file, self.painter_file):  # the manifest first: without it there is no job
                file.unlink(missing_ok=True)
            for folder in ("segments", "states"):
                shutil.rmtree(self.path / folder, ignore_errors=True)
            for copy in self.path.glob("conformed-*") if copies else ():
                copy.unlink(missing_ok=True)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def _no_room(self, error: OSError) -> JobError:
        reason = error.strerror or error
        return JobError("VS515", path=self.path, reason=reason)


def folder_of(job: Job) -> WorkFolder:
    """Where a job of a film keeps its work."""
    return WorkFolder(job.out.with_name(f"{job.out.name}.vidstyle"), segment_ending(job.out))


def facts_of(job: Job) -> dict[str, Any]:
    """A job as its manifest keeps it; the output's name is that of the folder."""
    settings = job.settings
    for name, file in (("init", settings.init_file), ("weights", settings.weights_file)):
        if file:
            settings = settings.replace(**{name: str(file.absolute())})
    return {
        "source": str(job.source.absolute()),
        "styles": [str(style.absolute()) for style in job.styles],
        "settings": asdict(settings),
        "mask": str(job.mask.absolute()) if job.mask else None,
        "style_masks": [str(mask.absolute()) for mask in job.style_masks],
        "device": job.device,
        "start": job.start,
        "end": job.end,
        "report": job.report,
        "keep_work": job.keep_work,
        "no_limits": job.no_limits,
    }


def job_in(place: Path, near: Callable[[Path], Path] | None = None, *, overwrite: bool = True) -> Job:
    """The job of a work folder; `near` tells where a file of it lies on this machine.

    JobError where there is none; SinkError where its output exists, unless `overwrite`.
    """
    place, near = place.absolute(), near or Path
    manifest = WorkFolder(place, "").manifest()
    if manifest is None:
        raise JobError("VS516", place=place)
    try:
        facts = dict(manifest.job)
        settings = Settings(**facts["settings"])
        if settings.init_file:
            settings = settings.replace(init=str(near(settings.init_file)))
        source, styles = near(Path(facts["source"])), [near(Path(style)) for style in facts["styles"]]
        how = {name: facts[name] for name in ("device", "start", "end", "report", "keep_work", "no_limits")}
        how["mask"] = facts["mask"] and near(Path(facts["mask"]))
        how["style_masks"] = [near(Path(mask)) for mask in facts["style_masks"]]
        return Job.of(source, styles, place.with_suffix(""), settings, overwrite=overwrite, **how)
    except (AttributeError, KeyError, TypeError, ValueError, SettingsError) as error:
        raise JobError("VS517", place=place / "job.json", error=error) from error


_FACTS = "facts"


def painter_bytes(painter: Painter) -> bytes:
    """What was learned and found for a job: filters, palette and balance."""
    tensors = {f"filters.{name}": tensor for name, tensor in painter.filters.tensors.items()}
    for kind, palettes in (("contents", painter.palettes.contents), ("styles", painter.palettes.styles)):
        for number, palette in enumerate(palettes):
            tensors[f"{kind}.{number}.matrix"], tensors[f"{kind}.{number}.offset"] = palette.matrix, palette.offset
    filters = painter.filters
    facts = {"origin": filters.origin, "sha256": filters.sha256}
    return _packed(tensors, {**facts, "balance": painter.balance, "balances": painter.balances})


def painter_of(path: Path, styles: Sequence[Tensor], settings: Settings, **rest: Any) -> Painter:
    """The painter in a file that `painter_bytes` was written to; `rest` is its device and its start."""
    with _believed(path):
        return _painter_of(path, styles, settings, **rest)


def _painter_of(path: Path, styles: Sequence[Tensor], settings: Settings, **rest: Any) -> Painter:
    tensors, facts = _unpacked(path)
    filters = {name.removeprefix("filters."): t for name, t in tensors.items() if name.startswith("filters.")}
    found = Filters(facts["origin"], facts["sha256"], filters)
    palettes = Palettes(*(_palettes(tensors, kind, len(styles)) for kind in ("contents", "styles")))
    balances = tuple((float(strength), float(balance)) for strength, balance in facts["balances"])
    return Painter(styles, found, settings, facts["balance"], balances, palettes, **rest)


def _palettes(tensors: Mapping[str, Tensor], kind: str, count: int) -> tuple[Palette, ...]:
    if f"{kind}.0.matrix" not in tensors:
        return ()
    parts = ([tensors[f"{kind}.{number}.{part}"] for part in ("matrix", "offset")] for number in range(count))
    return tuple(Palette(*part) for part in parts)


def link_bytes(link: Linked) -> bytes:
    """What a frame hands on."""
    state, last = link.state, link.state.last
    tensors = {
        **{f"paintings.{i}": painting for i, painting in enumerate(state.paintings)},
        **{f"images.{i}": image for i, image in enumerate(state.images)},
        "image": last.image,
        "reference": state.stillness.reference,
        "awake": state.stillness.awake,
        "age": state.age,
        "shown": state.shown,
        **{name: plane for name in PLANES if (plane := getattr(state.look, name)) is not None},
    }
    facts = {
        "index": link.frame.index,
        "seconds": link.frame.seconds,
        "length": len(state.paintings),
        "losses": asdict(last.losses.numbers()),
        "steps": last.steps,
        "took": last.seconds,
        "full_steps": last.full_steps,
        "step_size": last.step_size,
        "level": state.level,
        "content": state.content,
        "pull": state.pull,
        "shares": state.look.shares,
        "strength": state.look.strength,
    }
    return _packed(tensors, facts)


def link_of(path: Path, device: torch.device) -> Linked:
    """What a frame handed on, from a file that `link_bytes` was written to; what paints lies on `device`."""
    with _believed(path):
        tensors, facts = _unpacked(path)
    there = {name: tensor.to(device) for name, tensor in tensors.items()}
    with _believed(path):
        return _link_of(tensors, there, facts)


def _link_of(tensors: Mapping[str, Tensor], there: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Linked:
    losses, step_size = Losses(**facts["losses"]), facts["step_size"]
    last = Painted(there["image"], losses, facts["steps"], facts["took"], step_size, facts["full_steps"])
    numbers = range(facts["length"])
    state = ShotState(
        paintings=tuple(there[f"paintings.{i}"] for i in numbers),
        images=tuple(tensors[f"images.{i}"] for i in numbers),
        last=last,
        stillness=Stillness(tensors["reference"], tensors["awake"]),
        age=there["age"],
        shown=tensors["shown"],
        level=facts["level"],
        content=facts["content"],
        pull=facts["pull"],
        look=FrameStyle(
            facts["shares"] and tuple(facts["shares"]),
            facts["strength"],
            tensors.get("places"),
            tensors.get("mask"),
        ),
    )
    frame = Frame(facts["index"], facts["seconds"], state.images[0], look=state.look)
    return Linked(frame, state, opens=False)


def _packed(tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> bytes:
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    return safetensors.torch.save(whole, {_FACTS: json.dumps(facts)})


def _unpacked(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    with safetensors.safe_open(path, "pt") as file:
        names = file.keys()
        return {name: file.get_tensor(name) for name in names}, from_json(file.metadata()[_FACTS])


@contextlib.contextmanager
def _believed(path: Path) -> Iterator[None]:
    """JobError for what is no such file, or not all of it."""
    try:
        yield
    except FileNotFoundError as error:
        raise JobError("VS518", path=path) from error
    except (OSError, KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise JobError("VS519", path=path, error=error) from error
