"""What one step costs against its convolutions alone: forward, backward, update at one size, on the CPU.

    python benchmarks/step.py [--size 256] [--rounds 5] [--json step.json]

The convolutions are timed alone, each layer's forward and input gradient on tensors of the shapes and memory
format that a step gives them, in the same run, interleaved with whole steps round by round. "direct" are torch's
own; "fast" are those that a step runs, Winograd's where that pays. GFLOP/s count the direct multiplications. Filters
are random: the cost does not depend on them. Prints seconds (best round), ratios, and the rate of a plain sgemm.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch.nn import functional as F

from vidstyle.cli.terminal import keep_freed_memory
from vidstyle.core import winograd
from vidstyle.core.optimizers import Schedule, quasi_newton
from vidstyle.core.style_model import StyleModel
from vidstyle.jobs.eta import random_filters
from vidstyle.settings.layers import LAYERS, block_of, filter_shape, layers_up_to
from vidstyle.settings.settings import Settings

DEEPEST = "conv5_1"


def seconds_of(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def flops(size: int) -> float:
    """Of all convolutions' forward and input gradient."""
    return sum(
        2 * 2 * torch.Size(filter_shape(layer)).numel() * side(layer, size) ** 2 for layer in layers_up_to(DEEPEST)
    )


def side(layer: str, size: int) -> int:
    return size >> (block_of(layer) - 1)


def convolutions(size: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Forward and input gradient of each layer, named ``direct LAYER ...`` and, where it pays, ``fast LAYER ...``."""
    for layer in layers_up_to(DEEPEST):
        out, into, *_ = filter_shape(layer)
        # The first convolution's input carries its border already.
        padding, wide = (0, side(layer, size) + 2) if layer == LAYERS[0] else (1, side(layer, size))
        x = torch.rand(1, into, wide, wide).contiguous(memory_format=torch.channels_last)
        weight = torch.randn(out, into, 3, 3).contiguous(memory_format=torch.channels_last)
        bias, gradient = torch.zeros(out), torch.rand_like(F.conv2d(x, weight, padding=padding))
        yield f"direct {layer} forward", forward(x, weight, bias, padding)
        yield f"direct {layer} gradient", backward(gradient, x, weight, padding)
        if winograd.pays(weight, x):
            yield f"fast {layer} forward", fast(x, winograd.transformed(weight))
            yield f"fast {layer} gradient", fast(gradient, winograd.gradient_filters(weight))


def forward(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, padding: int) -> Callable[[], object]:
    return lambda: F.conv2d(x, weight, bias, padding=padding)


def backward(gradient: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, padding: int) -> Callable[[], object]:
    parts = [[1, 1], [padding, padding], [1, 1], False, [0, 0], 1, [True, False, False]]
    return lambda: torch.ops.aten.convolution_backward(gradient, x, weight, None, *parts)


def fast(x: torch.Tensor, filters: torch.Tensor) -> Callable[[], object]:
    return lambda: winograd.convolved(x, filters)


def one_step(size: int) -> Callable[[], object]:
    settings = Settings(content_layers="conv4_2")
    image = torch.rand(3, size, size)
    model = StyleModel.of([image], random_filters(settings, torch.Generator().manual_seed(0)), settings)
    objective = model.objective(image)
    return lambda: quasi_newton(image, objective, Schedule(1, 0.02, 0.02), lambda *_: None)


def measure(size: int, rounds: int) -> dict[str, object]:
    works = dict(convolutions(size))
    works["step"], square = one_step(size), torch.rand(1024, 1024)
    works["sgemm"] = lambda: square @ square
    best: dict[str, float] = {}
    for _ in range(rounds + 1):  # the first round warms up
        timed = {name: seconds_of(work) for name, work in works.items()}
        best = {name: min(seconds, best.get(name, seconds)) for name, seconds in timed.items()}
    direct = {name: seconds for name, seconds in best.items() if name.startswith("direct")}
    in_a_step = {name: best.get(name.replace("direct", "fast"), seconds) for name, seconds in direct.items()}
    alone, fastest = sum(direct.values()), sum(in_a_step.values())
    return {
        "size": size,
        "threads": torch.get_num_threads(),
        "step_seconds": best["step"],
        "direct_seconds": alone,
        "fast_seconds": fastest,
        "ratio_to_direct": best["step"] / alone,
        "ratio_to_fast": best["step"] / fastest,
        "step_gflops": flops(size) / best["step"] / 1e9,
        "direct_gflops": flops(size) / alone / 1e9,
        "sgemm_gflops": 2 * 1024**3 / best["sgemm"] / 1e9,
        "parts": best,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    keep_freed_memory()
    result = measure(options.size, options.rounds)
    for key, value in result.items():
        if isinstance(value, (int, float)):
            print(f"{key:24} {value:10.3f}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
