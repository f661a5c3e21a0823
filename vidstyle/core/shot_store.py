"""The frames and paintings of a shot that is painted in two passes, in files: a shot may be longer than the memory."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import safetensors.torch
import torch
from torch import Tensor

from vidstyle.core.frame_style import PLANES, Frame
from vidstyle.core.temporal import SETTLING, Linked, PaintedFrame
from vidstyle.errors import SinkError


class ShotStore:
    """The frames and paintings of one shot, in temporary files of 14 bytes a pixel, in the folder `scratch` if given.

    Raises SinkError if there is no room for them.
    """

    def __init__(self, first: Linked, scratch: Path | None) -> None:
        self._folder = TemporaryDirectory(prefix="vidstyle-", dir=scratch)
        self._bare: list[PaintedFrame] = []
        self.first, self.last, self.ends_part = first, first, False

    def __enter__(self) -> "ShotStore":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def __len__(self) -> int:
        return len(self._bare)

    def append(self, link: Linked) -> None:
        self.last = link
        self._bare.append(_bare(link.painted_frame))
        self._write(len(self) - 1, link.painted_frame, link.state.age / SETTLING)

    def replace(self, index: int, painted: PaintedFrame) -> None:
        """Another painting of a frame; its work is added to that of the first."""
        before, now = self._bare[index].painted, painted.painted
        whole = replace(
            now,
            steps=before.steps + now.steps,
            seconds=before.seconds + now.seconds,
            full_steps=before.full_steps + now.full_steps,
        )
        self._write(index, painted, self._read(index)["settled"])
        self._bare[index] = _bare(replace(self._bare[index], painted=whole))

    def frame(self, index: int) -> Frame:
        """The frame, as no cut: so that its shot can be gone through backwards."""
        return replace(_whole(self._bare[index].frame, self._read(index)), cut=False)

    def painting(self, index: int) -> Tensor:
        return self._read(index)["painting"].float()

    def settled(self, index: int) -> Tensor:
        """How settled the painting of the first pass was: (1, H, W), 0..1."""
        return self._read(index)["settled"].float()

    def __iter__(self) -> Iterator[PaintedFrame]:
        for index, bare in enumerate(self._bare):
            tensors = self._read(index)
            yield PaintedFrame(_whole(bare.frame, tensors), replace(bare.painted, image=tensors["painting"].float()))

    def _path(self, index: int) -> Path:
        return Path(self._folder.name) / f"{index}.safetensors"

    def _read(self, index: int) -> dict[str, Tensor]:
        return safetensors.torch.load_file(self._path(index))

    def _write(self, index: int, painted: PaintedFrame, settled: Tensor) -> None:
        frame = painted.frame
        images = {"content": frame.image, "painting": painted.painted.image, "settled": settled}
        images |= {name: plane for name in PLANES if (plane := getattr(frame.look, name)) is not None}
        images |= {} if frame.even is None else {"even": frame.even}
        # Half precision is an eighth of a level of 8 bits at most.
        kept = {name: image.half().cpu().contiguous() for name, image in images.items()}
        kept |= {} if frame.alpha is None else {"alpha": frame.alpha.contiguous()}
        try:
            self._path(index).write_bytes(safetensors.torch.save(kept))
        except OSError as error:
            raise SinkError("VS411", name=self._folder.name, reason=error.strerror) from error


def _bare(painted: PaintedFrame) -> PaintedFrame:
    """A painted frame without its images."""
    nothing = torch.empty(0)
    look = replace(painted.frame.look, places=None, mask=None)
    frame = replace(painted.frame, image=nothing, look=look, even=None, alpha=None)
    return PaintedFrame(frame, replace(painted.painted, image=nothing))


def _whole(bare: Frame, tensors: Mapping[str, Tensor]) -> Frame:
    """A bare frame with its images."""
    places, mask = (tensors[name].float() if name in tensors else None for name in PLANES)
    even = tensors["even"].float() if "even" in tensors else None
    look = replace(bare.look, places=places, mask=mask)
    return replace(bare, image=tensors["content"].float(), even=even, look=look, alpha=tensors.get("alpha"))
