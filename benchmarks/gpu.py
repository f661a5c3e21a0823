"""What a step costs on a GPU, what share of its matrix rate that is, and the frames a second from file to file.

    python benchmarks/gpu.py [--sizes 640x360,1920x1080] [--batches 1,4,8] [--precisions fp32,tf32,bf16,fp16]
                             [--clip samples/clip.mp4] [--style samples/monet.jpg] [--json gpu.json] [--device cuda]

- Steps: milliseconds of a step of the optimiser as the defaults have it, by size and precision; the TFLOP/s that its
  convolutions come to, forward and for the gradient of their input; their share of the rate of a product of large
  matrices in bf16, measured first; and the most memory that was held.
- Batches: milliseconds for each image of the network alone, forward and back. vidstyle paints one image at a time.
- Films: frames a second of the clip painted from file to file, filters and balance included, and without these.

Filters are random where only the time counts, and self-taught for films. Without a GPU there is nothing to measure:
that is said, and the file has empty rows. ``--device cpu`` shows that the benchmark itself works.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import torch

from vidstyle import stylize
from vidstyle.core.device import PRECISIONS
from vidstyle.core.optimizers import Schedule, quasi_newton
from vidstyle.core.sizes import Size
from vidstyle.core.style_model import StyleModel
from vidstyle.core.temporal import PaintedFrame
from vidstyle.jobs.eta import random_filters
from vidstyle.jobs.events import Listener
from vidstyle.settings.layers import block_of, deepest_layer, filter_shape, layers_up_to
from vidstyle.settings.settings import Settings

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
STEPS, ROUNDS, MATRIX = 10, 5, 8192


@dataclass(frozen=True)
class StepRow:
    """A step at one size and precision; memory in GB, None where it is not counted, the share of the rate of bf16."""

    size: str
    precision: str
    milliseconds: float
    tflops: float
    share: float
    memory: float | None


@dataclass(frozen=True)
class BatchRow:
    """The network alone, forward and back, for each image of a batch."""

    size: str
    precision: str
    batch: int
    milliseconds: float


@dataclass(frozen=True)
class FilmRow:
    """A film from file to file; `painting` leaves out filters and balance."""

    precision: str
    frames: int
    frames_a_second: float
    painting: float


class Watch(Listener):
    """When the first frame of a film was there."""

    began = 0.0

    def frame(self, painted: PaintedFrame) -> None:
        self.began = self.began or time.perf_counter()


def waited(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """The median of ROUNDS, after two that warm up."""
    taken = []
    for _ in range(2 + ROUNDS):
        waited(device)
        began = time.perf_counter()
        work()
        waited(device)
        taken.append(time.perf_counter() - began)
    return median(taken[2:])


def matrix_rate(device: torch.device, side: int) -> float:
    """TFLOP/s of a product of square matrices in bf16."""
    a = torch.randn(side, side, device=device).bfloat16()
    return 2 * side**3 / seconds_of(lambda: a @ a, device) / 1e12


def flops(size: Size, layers: tuple[str, ...]) -> float:
    """Of all convolutions up to the deepest of `layers`, forward and for the gradient of their input."""
    multiplied = (torch.Size(filter_shape(layer)).numel() / 4 ** (block_of(layer) - 1) for layer in layers)
    return 2 * 2 * size[0] * size[1] * sum(multiplied)


def model_of(size: Size, precision: str, device: torch.device) -> tuple[StyleModel, torch.Tensor]:
    settings, generator = Settings(precision=precision), torch.Generator().manual_seed(0)
    image = torch.rand(3, *size, generator=generator).to(device)
    return StyleModel.of([image], random_filters(settings, generator), settings, device=device), image


def step_row(size: Size, precision: str, device: torch.device, rate: float) -> StepRow:
    model, image = model_of(size, precision, device)
    objective = model.objective(image)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    seconds = seconds_of(lambda: quasi_newton(image, objective, Schedule(STEPS), lambda *_: None), device) / STEPS
    memory = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else None
    layers = tuple(layers_up_to(deepest_layer(model.settings.layers)))
    tflops = flops(size, layers) / seconds / 1e12
    return StepRow(_named(size), precision, 1e3 * seconds, tflops, tflops / rate, memory)


def batch_row(size: Size, precision: str, batch: int, device: torch.device) -> BatchRow:
    model, image = model_of(size, precision, device)
    leaf = image.repeat(batch, 1, 1, 1).requires_grad_()

    def both_ways() -> None:
        total = torch.stack([found.square().mean() for found in model.network(leaf).values()]).sum()
        torch.autograd.grad(total, leaf)

    return BatchRow(_named(size), precision, batch, 1e3 * seconds_of(both_ways, device) / batch)


def film_row(clip: Path, style: Path, precision: str, device: torch.device) -> FilmRow:
    watch, began = Watch(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(precision=precision, size="full" if device.type == "cuda" else "64", weights="selftaught")
        out = Path(folder) / "out.mp4"
        frames = stylize(clip, [style], out, settings, device=device.type, listener=watch).frames
    ended = time.perf_counter()
    return FilmRow(precision, frames, frames / (ended - began), (frames - 1) / (ended - watch.began))


def _named(size: Size) -> str:
    return f"{size[1]}x{size[0]}"


def _size(text: str) -> Size:
    width, height = map(int, text.split("x"))
    return height, width


def measured(words: argparse.Namespace) -> dict[str, list[dict[str, object]]]:
    """All rows, each printed as it is found; none without the device."""
    device = torch.device(words.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("there is no NVIDIA GPU here, so nothing is measured")
        return {"matrix": [], "steps": [], "batches": [], "films": []}
    rate = matrix_rate(device, MATRIX if device.type == "cuda" else 512)
    found: dict[str, list[dict[str, object]]] = {"matrix": [{"tflops": rate}], "steps": [], "batches": [], "films": []}
    print(f"bf16 product of matrices: {rate:.1f} TFLOP/s")
    for precision in words.precisions.split(","):
        if precision not in PRECISIONS[device.type]:
            continue
        for size in map(_size, words.sizes.split(",")):
            _told(found["steps"], step_row(size, precision, device, rate))
            for batch in map(int, words.batches.split(",")):
                _told(found["batches"], batch_row(size, precision, batch, device))
        _told(found["films"], film_row(words.clip, words.style, precision, device))
    return found


def _told(rows: list[dict[str, object]], row: StepRow | BatchRow | FilmRow) -> None:
    facts = asdict(row)
    rows.append(facts)
    line = (f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in facts.items())
    print(", ".join(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="640x360,1280x720,1920x1080")
    parser.add_argument("--batches", default="1,4,8")
    parser.add_argument("--precisions", default="fp32,tf32,bf16,fp16")
    parser.add_argument("--clip", type=Path, default=SAMPLES / "clip.mp4")
    parser.add_argument("--style", type=Path, default=SAMPLES / "monet.jpg")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", type=Path)
    words = parser.parse_args()
    rows = measured(words)
    if words.json:
        words.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
