"""How much of a machine one file may ask for: a small file can unpack to any size."""

from dataclasses import dataclass

from vidstyle.errors import SourceError


@dataclass(frozen=True)
class Limits:
    """What is read of one file: `pixels` of an image or frame, `frames` and `seconds` of a video, and the seconds that
    it shows one frame for (`still`), `bytes` of an image.

    Infinite: no limit.
    """

    pixels: float = 150_000_000  # an image of 12,000 x 12,000
    frames: float = 500_000  # more than two hours at 60 a second
    seconds: float = 12 * 3600.0
    still: float = 300.0  # a time stamp that is damaged makes hours of one image
    bytes: float = 2_000_000_000

    def check_size(self, name: str, size: tuple[int, int]) -> None:
        """SourceError where an image or a frame of (height, width) is too large."""
        if size[0] * size[1] > self.pixels:
            found = f"{size[1]} x {size[0]}"
            raise SourceError("VS325", name=name, found=found, pixels=self.pixels)

    def check_length(self, name: str, frames: int, seconds: float) -> None:
        """SourceError where a video, or the part of it that is painted, is too long."""
        cut = "paint a part with --from and --to, or add --no-limits"
        if seconds > self.seconds:
            raise SourceError("VS326", name=name, seconds=seconds / 3600, seconds2=self.seconds / 3600, cut=cut)
        if frames > self.frames:
            raise SourceError("VS327", name=name, frames=frames, frames2=self.frames, cut=cut)

    def check_still(self, name: str, seconds: float) -> None:
        """SourceError where a video shows one frame for too long."""
        if seconds > self.still:
            found = f"one frame for {seconds / 60:.0f} minutes, more than {self.still / 60:g}"
            raise SourceError("VS328", name=name, found=found)

    def check_bytes(self, name: str, found: int) -> None:
        """SourceError where the file of an image is too large to be one."""
        if found > self.bytes:
            raise SourceError("VS329", name=name, found=found, bytes=self.bytes)


LIMITS = Limits()
NO_LIMITS = Limits(*5 * (float("inf"),))
