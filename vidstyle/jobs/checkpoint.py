"""The work folder of a job, ``OUT.vidstyle`` beside its output, and what its files hold.

    job.json              what is done, from what, and all that changes pixels
    model.safetensors     filters, palette and balance
    segments/00007.mp4    a finished segment (.zip: of images; .safetensors: of paintings that begin a chunk of a
                          shot); with its work, 00007.json, which is written first
    states/00007.safetensors   what it hands to the next
    scratch/              what is being written

Every file but those in scratch is whole or not there. Where a segment's video lies, all of the segment is done.
"""

import contextlib
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, cast, get_args, get_origin, get_type_hints

import safetensors
import safetensors.torch
import torch
from filelock import FileLock, Timeout
from torch import Tensor

from vidstyle.core.color_transfer import Palettes
from vidstyle.core.style_model import StyleModel
from vidstyle.core.temporal import Linked
from vidstyle.core.weights import Filters
from vidstyle.errors import JobError, SettingsError
from vidstyle.files import from_json, put_in_place, write_whole
from vidstyle.jobs.events import Work
from vidstyle.jobs.leads import lead_paintings
from vidstyle.jobs.manifest import Manifest, Segment
from vidstyle.jobs.spec import JOINING, JobSpec
from vidstyle.settings.settings import Settings
from vidstyle.video.outputs import ending_of_segments

_UNREADABLE = (OSError, ArithmeticError, AttributeError, KeyError, TypeError, ValueError, safetensors.SafetensorError)


@dataclass(frozen=True)
class WorkFolder:
    """The files of a job, in the folder `path`. JobError, from each method, where one cannot be read or written."""

    path: Path

    @property
    def out(self) -> Path:
        """What the job writes."""
        return self.path.with_suffix("")

    @property
    def manifest_file(self) -> Path:
        return self.path / "job.json"

    @property
    def joining_file(self) -> Path:
        """Is there when the output is being written."""
        return self.path / JOINING

    @property
    def model_file(self) -> Path:
        return self.path / "model.safetensors"

    def film(self, segment: Segment) -> Path:
        ending = ".safetensors" if segment.leads else ending_of_segments(self.out)
        return self.path / "segments" / f"{segment.index:05}{ending}"

    def lead(self, segment: Segment) -> Tensor:
        """The paintings (N, 3, H, W) of a lead."""
        with _believed(self.film(segment)):
            return lead_paintings(self.film(segment))

    def work_file(self, segment: Segment) -> Path:
        """What the frames of a segment took."""
        return self.path / "segments" / f"{segment.index:05}.json"

    def state(self, segment: int) -> Path:
        """What the segment of an index hands on."""
        return self.path / "states" / f"{segment:05}.safetensors"

    def name_of(self, file: Path) -> str:
        """A file of the folder as storages call it."""
        return file.relative_to(self.path).as_posix()

    def names_of(self, segment: Segment) -> list[str]:
        """The files of a painted segment; the one that says that all is done is the last."""
        state = [self.state(segment.index)] if segment.leaves else []
        return list(map(self.name_of, (*state, self.work_file(segment), self.film(segment))))

    @contextlib.contextmanager
    def scratch(self, what: str) -> Iterator[Path]:
        """A folder for what is being written, without what a run that died left there."""
        place = self.path / "scratch" / what
        shutil.rmtree(place, ignore_errors=True)
        with self._writing():
            place.mkdir(parents=True)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def manifest(self) -> Manifest | None:
        """What the folder's job paints; None where there is no job."""
        try:
            return Manifest.of_json(self.manifest_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except _UNREADABLE as error:
            text = "it is no job" if isinstance(error, AttributeError | KeyError | TypeError) else error
            raise JobError("VS514", file=self.manifest_file, error=text) from error

    def job(self, *, near: Callable[[Path], Path] = Path, overwrite: bool = True) -> JobSpec:
        """The job of the folder.

        Args:
            near: where a file that the job is made from lies on this machine.
            overwrite: whether its output may be there already.

        Raises:
            JobError: where there is none, or none that can be read.
            VidstyleError: where it can no longer be done, as `JobSpec.of`.
        """
        manifest = self.manifest()
        if manifest is None:
            raise JobError("VS516", place=self.path)
        try:
            return JobSpec.from_dict(manifest.job, self.out, near=near, overwrite=overwrite)
        except (*_UNREADABLE, SettingsError) as error:
            raise JobError("VS517", place=self.manifest_file, error=error) from error

    def begin(self, manifest: Manifest, model: bytes) -> None:
        """A new job; it is there when its manifest is."""
        self.write(self.model_file, model)
        self.write(self.manifest_file, manifest.to_json().encode())

    def write(self, file: Path, data: bytes) -> None:
        """Writes a file of the folder, whole or not at all."""
        with self._writing():
            file.parent.mkdir(exist_ok=True)
            write_whole(file, data)

    @property
    def is_begun(self) -> bool:
        """Whether any segment is done."""
        return any((self.path / "segments").glob(f"*{ending_of_segments(self.out)}"))

    def is_done(self, segment: Segment) -> bool:
        return self.film(segment).exists()

    def commit(self, segment: Segment, part: Path, work: Sequence[Work], state: bytes | None) -> None:
        """Makes a painted segment safe: its video `part` comes last, for it says that all is done."""
        if state is not None:
            self.write(self.state(segment.index), state)
        self.write(self.work_file(segment), json.dumps([asdict(one) for one in work]).encode())
        with self._writing():
            put_in_place(part, self.film(segment))

    def work(self, segment: Segment) -> list[Work]:
        """What the frames of a finished segment took."""
        file = self.work_file(segment)
        with _believed(file):
            return [Work.of_json(one) for one in from_json(file.read_text(encoding="utf-8"))]

    @contextlib.contextmanager
    def locked(self, what: str) -> Iterator[None]:
        """Nobody else works on this meanwhile; the lock of a process that died is open. JobError where it is not.

        A folder that holds no job afterwards goes.
        """
        lock, owner, who = FileLock(self.path / f"{what}.lock", timeout=0), self.path / f"{what}.owner", ""
        try:
            with self._writing():
                self.path.mkdir(exist_ok=True)
                lock.acquire()
        except Timeout as error:
            with contextlib.suppress(OSError):
                who = f" ({owner.read_text(encoding='utf-8').strip()})"
            raise JobError("VS522", path=self.path, who=who) from error
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
            for file in (
                self.manifest_file,
                self.model_file,
                self.joining_file,
            ):  # the manifest first: without it there is no job
                file.unlink(missing_ok=True)
            for folder in ("segments", "states"):
                shutil.rmtree(self.path / folder, ignore_errors=True)
            for copy in self.path.glob("conformed-*") if copies else ():
                copy.unlink(missing_ok=True)

    def remove(self) -> None:
        """Removes all of the folder that can be."""
        shutil.rmtree(self.path, ignore_errors=True)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """JobError where there is no room."""
        try:
            yield
        except Timeout:
            raise
        except OSError as error:
            raise JobError("VS515", path=self.path, reason=error.strerror or error) from error


_LEARNED = tuple[Filters, float, tuple[tuple[float, float], ...], Palettes]


def model_bytes(model: StyleModel) -> bytes:
    """What was learned and found for a job: filters, balances and palettes, for `read_model`."""
    return _packed((model.filters, model.balance, model.balances, model.palettes))


def read_model(path: Path, styles: Sequence[Tensor], settings: Settings, **rest: Any) -> StyleModel:
    """The style model in a file of `model_bytes`; `rest` is its device and its start. JobError for a broken file."""
    filters, balance, balances, palettes = _unpacked(path, _LEARNED, torch.device("cpu"))
    return StyleModel.of(styles, filters, settings, palettes=palettes, balance=balance, balances=balances, **rest)


def link_bytes(link: Linked) -> bytes:
    """What a frame hands on, for `link_of`."""
    last = replace(link.state.last, losses=link.state.last.losses.numbers())
    return _packed(replace(link, state=replace(link.state, last=last)))


def link_of(path: Path, device: torch.device) -> Linked:
    """What a frame handed on, from a file of `link_bytes`. JobError for a broken file.

    Tensors that lay on the device that painted come to lie on `device`, those of the source on the CPU.
    """
    return cast(Linked, _unpacked(path, Linked, device))


_FACTS, _TENSOR, _CPU = "facts", "tensor", "on the CPU"


def _packed(value: object) -> bytes:
    """A value of dataclasses, mappings, tuples and tensors as a safetensors file, each tensor once."""
    names: dict[int, str] = {}
    tensors: dict[str, Tensor] = {}

    def plain(value: Any, name: str) -> Any:
        """`value` as JSON has it, with the tensors in it, called by `name`, put aside."""
        if isinstance(value, Tensor):
            if id(value) not in names:
                names[id(value)] = name
                tensors[name] = value.detach().cpu().contiguous().clone()
            return {_TENSOR: names[id(value)], _CPU: value.device.type == "cpu"}
        if is_dataclass(value):
            value = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
        if isinstance(value, Mapping):
            return {key: plain(one, f"{name}.{key}".lstrip(".")) for key, one in value.items()}
        if isinstance(value, tuple):
            return [plain(one, f"{name}.{number}") for number, one in enumerate(value)]
        return value

    return safetensors.torch.save(tensors, {_FACTS: json.dumps(plain(value, ""))})


def _unpacked(path: Path, kind: Any, device: torch.device) -> Any:
    """The value in a file of `_packed`, of the type `kind`, its parts of those that are annotated."""

    def built(hint: Any, stored: Any) -> Any:
        if isinstance(stored, dict) and _TENSOR in stored:
            return tensor(stored[_TENSOR], stored[_CPU])
        if isinstance(hint, type) and is_dataclass(hint):
            hints = get_type_hints(hint)
            return hint(**{name: built(hints[name], one) for name, one in stored.items()})
        if stored is None or not get_args(hint):
            return stored
        first, *others = get_args(hint)
        if get_origin(hint) is tuple:
            kinds = [first] * len(stored) if others == [...] else [first, *others]
            return tuple(built(one, part) for one, part in zip(kinds, stored, strict=True))
        if get_origin(hint) is Mapping:
            return {key: built(others[0], one) for key, one in stored.items()}
        return built(first, stored)  # one that may be None

    with _believed(path), safetensors.safe_open(path, "pt") as file:

        @cache
        def tensor(name: str, on_cpu: bool) -> Tensor:
            found: Tensor = file.get_tensor(name)
            return found if on_cpu else found.to(device)

        return built(kind, from_json(file.metadata()[_FACTS]))


@contextlib.contextmanager
def _believed(path: Path) -> Iterator[None]:
    """JobError for what is no such file, or not all of it."""
    try:
        yield
    except FileNotFoundError as error:
        raise JobError("VS518", path=path) from error
    except _UNREADABLE as error:
        raise JobError("VS519", path=path, error=error) from error
