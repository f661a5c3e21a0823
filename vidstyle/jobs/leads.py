"""The paintings that a chunk of a shot begins with, in one file: the chunk before goes over to them."""

from pathlib import Path
from typing import Self

import safetensors.torch
import torch
from torch import Tensor

from vidstyle.errors import JobError


class LeadFile:
    """Collects paintings, 6 bytes a pixel each, and writes them to a safetensors file.

    Attributes:
        path: the file, which is there after `finish`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._paintings: list[Tensor] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._paintings.clear()

    def write(self, painting: Tensor) -> None:
        """Append a painting (3, H, W), 0..1, bare: before it gets the colours and exposure of its frame."""
        self._paintings.append(painting.cpu().half().contiguous())

    def finish(self) -> None:
        """Writes the file; JobError where there is no room."""
        try:
            self.path.write_bytes(safetensors.torch.save({"paintings": torch.stack(self._paintings)}))
        except OSError as error:
            raise JobError("VS515", path=self.path.parent, reason=error.strerror or error) from error


def lead_paintings(path: Path) -> Tensor:
    """The paintings (N, 3, H, W), 16-bit floats, of a file of `LeadFile`.

    Raises:
        OSError, KeyError, safetensors.SafetensorError: for a file that is not whole, or no such file.
    """
    return safetensors.torch.load_file(path)["paintings"]
