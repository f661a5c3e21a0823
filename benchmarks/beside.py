"""What painting takes beside other programs: threads that wait quietly against those of OpenMP's own setting.

    python benchmarks/beside.py [--size 128] [--rounds 1] [--json beside.json]

The sample photo is painted alone, beside a program that keeps one processor busy, and twice at once (as beside the
page, whose paintings are such processes); each once a round with either setting. Medians of the rounds, and what each
takes of a painting alone with OpenMP's own setting.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from vidstyle.process import QUIET

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
OWN = {"GOMP_SPINCOUNT": "300000", "KMP_BLOCKTIME": "200"}  # what OpenMP takes where nothing is said
SETTINGS = {"quiet": QUIET, "own": OWN}


class Painting:
    """One painting of the sample photo by the command line, whose filters are learned before."""

    def __init__(self, size: int, setting: dict[str, str], folder: Path) -> None:
        out = folder / f"{time.monotonic_ns()}.png"
        words = [SAMPLES / "photo.jpg", "--style", SAMPLES / "swirl.jpg", "-o", out, "--weights", "selftaught"]
        self._began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "vidstyle", *words, "--preset", "draft", "--size", str(size), "--quiet"],
            env={**os.environ, **setting, "VIDSTYLE_CACHE": str(folder)},
            stdout=subprocess.DEVNULL,
        )

    def seconds(self) -> float:
        if self._process.wait():
            raise SystemExit("the painting failed")
        return time.perf_counter() - self._began


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """A program that keeps one processor busy."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def alone(paint: Callable[[], Painting]) -> float:
    return paint().seconds()


def beside_busy(paint: Callable[[], Painting]) -> float:
    with busy():
        return paint().seconds()


def two_at_once(paint: Callable[[], Painting]) -> float:
    both = paint(), paint()
    return max(painting.seconds() for painting in both)


CASES = {"alone": alone, "beside a busy program": beside_busy, "two at once": two_at_once}


def measure(size: int, rounds: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Painting(size, {}, folder).seconds()  # learns the filters
        seconds: dict[tuple[str, str], list[float]] = {}
        for _ in range(rounds):
            for case, how in CASES.items():
                for kind, setting in SETTINGS.items():
                    found = how(lambda setting=setting: Painting(size, setting, folder))
                    seconds.setdefault((case, kind), []).append(found)
    medians = {key: statistics.median(values) for key, values in seconds.items()}
    first = medians["alone", "own"]
    kinds = {"quiet": "quiet_ratio", "own": "own_ratio"}
    return {
        case: {kind: medians[case, kind] for kind in kinds}
        | {ratio: medians[case, kind] / first for kind, ratio in kinds.items()}
        for case in CASES
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = measure(options.size, options.rounds)
    print(f"{'':24}{'quiet':>8}{'own':>8}  of alone, own")
    for case, row in result.items():
        print(f"{case:24}{row['quiet']:7.1f}s{row['own']:7.1f}s  {row['quiet_ratio']:.2f}  {row['own_ratio']:.2f}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
