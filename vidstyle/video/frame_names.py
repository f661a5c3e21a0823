"""Names of the images of a sequence: all alike but for a number, written as ``shot.%04d.png`` or ``shot.####.png``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

_NUMBER = re.compile(r"%(?:0(?P<width>\d))?d|(?P<hashes>#{2,})")
_NUMBERED = re.compile(r"(.*?)([0-9]+)(\D*)", re.DOTALL)  # the last number of a name counts


@dataclass(frozen=True)
class FrameNames:
    """The names of images in a `folder`: what is before the number, its least digits, what is after it."""

    folder: Path
    before: str
    width: int
    after: str

    @classmethod
    def of_pattern(cls, path: Path) -> Self | None:
        """The names that a pattern stands for; None where `path` is no pattern, or a file of that very name."""
        found = _NUMBER.search(path.name)
        if found is None or path.exists():
            return None
        width = len(found["hashes"]) if found["hashes"] else int(found["width"] or 1)
        return cls(path.parent, path.name[: found.start()], width, path.name[found.end() :])

    @classmethod
    def of_files(cls, files: Sequence[Path]) -> Self | None:
        """The names that all of the `files` of a folder, at least one, follow; None where there are no such."""
        parts = [_NUMBERED.fullmatch(file.name) for file in files]
        numbers = [part[2] for part in parts if part]
        first = parts[0]
        if first is None or len(numbers) < len(files):
            return None
        names = cls(files[0].parent, first[1], min(map(len, numbers)), first[3])
        return names if all(names.number_of(file) is not None for file in files) else None

    @property
    def pattern(self) -> Path:
        """The names as one."""
        return self.folder / f"{self.before}%0{self.width}d{self.after}"

    @property
    def ending(self) -> str:
        """That of the files, in lower case."""
        return Path(f"0{self.after}").suffix.lower()

    def path(self, number: int) -> Path:
        """The file of a number."""
        return self.folder / f"{self.before}{number:0{self.width}}{self.after}"

    def number_of(self, file: Path) -> int | None:
        """The number of a file, wherever it lies; None where its name is not one of these."""
        name = file.name
        digits = name[len(self.before) : len(name) - len(self.after)]
        if not (digits.isascii() and digits.isdecimal()):
            return None
        return int(digits) if self.path(int(digits)).name == name else None

    def files(self) -> dict[int, Path]:
        """The files that there are, by their numbers, in order."""
        there = self.folder.iterdir() if self.folder.is_dir() else ()
        found = ((self.number_of(file), file) for file in there)
        numbered = {number: file for number, file in found if number is not None and file.is_file()}
        return dict(sorted(numbered.items()))

    def moved(self, folder: Path, ending: str) -> Self:
        """The same in another folder, with another ending."""
        return replace(self, folder=folder, after=f"{self.after[: len(self.after) - len(self.ending)]}{ending}")
