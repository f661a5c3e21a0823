"""Which processor paints, how much memory painting takes, how much there is, and what to say if it is not enough."""

import math
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from vidstyle.errors import PaintingError, SettingsError

DEVICES = ("auto", "cpu", "cuda", "mps")


def select_device(name: str = "auto") -> torch.device:
    """The device of a name from DEVICES; auto is a GPU if there is one. SettingsError if it is not available."""
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if here[kind]))
    kind, _, index = name.partition(":")
    numbered = kind == "cuda" and index.isdecimal() and int(index) < torch.cuda.device_count()
    if not here.get(kind) or not (numbered or name == kind):
        present = ", ".join(kind for kind, is_here in here.items() if is_here)
        raise SettingsError("VS207", name=name, present=present)
    return torch.device(name)


NUMBERS = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
PRECISIONS = {"cpu": ("fp32", "bf16", "fp16"), "mps": ("fp32", "fp16"), "cuda": tuple(NUMBERS)}
AMPERE = (8, 0)  # the first of NVIDIA's architectures with tf32 and bf16


def precision_on(device: torch.device, name: str) -> str:
    """What ``Settings.precision`` means on a device; auto is bf16 where NVIDIA's GPUs have it, and fp32 elsewhere.

    Raises SettingsError for a precision that the device does not support.
    """
    possible = PRECISIONS[device.type]
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < AMPERE:
        possible = ("fp32", "fp16")
    if name not in ("auto", *possible):
        raise SettingsError("VS290", name=name, device=device.type, possible=", ".join(("auto", *possible)))
    automatic = "bf16" if device.type == "cuda" and "bf16" in possible else "fp32"
    return automatic if name == "auto" else name


def use_precision(device: torch.device, name: str) -> torch.dtype:
    """The type of the network's numbers on a device by a name of PRECISIONS.

    For all that NVIDIA's GPUs multiply from now on in this process: in fp32 products are exact, in others they are
    those of tf32, which has the digits of bf16 and fp16.
    """
    if device.type == "cuda":
        products = "ieee" if name == "fp32" else "tf32"
        torch.backends.cuda.matmul.fp32_precision = products
        torch.backends.cudnn.conv.fp32_precision = products  # type: ignore[attr-defined]
    return NUMBERS[name]


def widest_type(device: torch.device) -> torch.dtype:
    """The most precise type of numbers that a device has; Apple's GPUs have no doubles."""
    return torch.float32 if device.type == "mps" else torch.float64


BASE = 1.7e9  # bytes: the libraries, learning filters, the filters and their transforms
PER_PIXEL = 3.3e3  # bytes of activations and gradients in float32, up to conv5_1, and of the last steps
TILED_PER_PIXEL = 5e2  # bytes of an image that is painted by tiles: its last steps, its content targets, its style
USED_SHARE = 0.7  # of the memory that is free when a model is made, above which it paints by tiles
SMALLEST_TILE, TILE_STEP = 128, 64  # pixels of a tile's side; all strides of the network divide them
CONTROL_GROUP = Path("/sys/fs/cgroup")
STEP = 16  # pixels; sizes that are proposed are multiples of it

_NO_MEMORY = re.compile(r"not enough memory|(can't|cannot|unable to) allocate memory", re.IGNORECASE)

Size = tuple[int, int]  # (height, width)


def needed(size: Size, seen: int | None = None) -> float:
    """Bytes that painting images of a size takes, all in all; with tiles, squares of `seen` pixels are looked at."""
    area = size[0] * size[1]
    return BASE + (PER_PIXEL * area if seen is None else PER_PIXEL * min(area, seen**2) + TILED_PER_PIXEL * area)


def usable_memory(device: torch.device) -> float:
    """Bytes that painting on a device may take; larger images are painted in tiles."""
    return USED_SHARE * free_memory(device)


def tile_side(size: Size, memory: float, border: int) -> int | None:
    """The side of the largest tiles that images of a size are painted by in so many bytes of `memory`.

    Args:
        size: (height, width) in pixels.
        memory: bytes, all in all.
        border: pixels that are seen on each side of a tile.

    Returns:
        Pixels, at least SMALLEST_TILE even where these do not fit; None where the whole image fits.
    """
    if needed(size) <= memory:
        return None
    seen = math.sqrt(max(0.0, memory - needed(size, 0)) / PER_PIXEL)
    return max(SMALLEST_TILE, int(seen - 2 * border) // TILE_STEP * TILE_STEP)


def check_memory(size: Size, free: float, seen: int | None = None) -> None:
    """Raises PaintingError if `free` bytes are not enough for images of a size, since the system would end the program.

    `seen` is as in `needed`.
    """
    wanted = needed(size, seen)
    if wanted > free:
        found = f"takes about {wanted / 1e9:.1f} GB of memory, but only {free / 1e9:.1f} GB are available"
        fits = long_side_within(size, free - BASE)
        raise PaintingError("VS601", size=size[1], size2=size[0], found=found, advice=_advice(fits))


@contextmanager
def memory_for(size: Size, device: torch.device) -> Iterator[None]:
    """A block that paints images of a size; PaintingError, with a size that fits, where the memory is full."""
    try:
        yield
    except Exception as error:
        if not is_full(error):
            raise
        height, width = size
        fits = long_side_within(size, min(free_memory(device), PER_PIXEL * height * width / 2))
        raise PaintingError("VS602", width=width, height=height, advice=_advice(fits)) from error


def is_full(error: BaseException) -> bool:
    """Whether an error says that there is no more memory; torch says that of the CPU's by a plain RuntimeError."""
    full = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return full or (isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error)) is not None)


def long_side_within(size: Size, free: float) -> int:
    """The longer side of an image of the same shape that can be painted in so many bytes, beside BASE."""
    scale = (max(0.0, free) / (PER_PIXEL * size[0] * size[1])) ** 0.5
    return int(max(size) * scale) // STEP * STEP


def free_memory(device: torch.device) -> float:
    """Bytes that can still be taken on a device; infinite if the system does not report it."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    return min(_of_system(), _of_group(), _of_process())


def _of_system() -> float:
    facts = dict(line.split(":", 1) for line in _lines(Path("/proc/meminfo")))
    found = [float(facts[name].split()[0]) * 1024 for name in ("MemAvailable", "SwapFree") if name in facts]
    return sum(found) if found else float("inf")


def _of_group() -> float:
    """What the control group, such as a container, leaves (version 2 of Linux's); copies of files can be dropped."""
    most, used, parts = (_lines(CONTROL_GROUP / f"memory.{name}") for name in ("max", "current", "stat"))
    if not (most and used and most[0].isdigit()):
        return float("inf")
    facts = dict(line.split() for line in parts)
    copies = float(facts.get("file", 0)) - float(facts.get("shmem", 0))
    return float(most[0]) - float(used[0]) + copies


def _of_process() -> float:
    """What ``ulimit -v`` leaves."""
    try:
        import resource
    except ImportError:
        return float("inf")
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    pages = _lines(Path("/proc/self/statm"))
    if most == resource.RLIM_INFINITY or not pages:
        return float("inf")
    return most - float(pages[0].split()[0]) * resource.getpagesize()


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []


def _advice(long_side: int) -> str:
    return f"--size {long_side} would fit" if long_side >= 32 else "close other programs, or raise --max-memory"


def peak_memory() -> float:
    """Bytes that this process has held at most; NaN if the system does not report it."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
