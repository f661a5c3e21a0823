"""What the README's first command takes: the sample clip with default settings, filters and balance included.

    python benchmarks/sample.py [--json sample.json]

Runs the command line in a process of its own with an empty cache, so that filters are learned (or fetched) too, and
counts the frames of what it wrote.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from vidstyle.video.probe import probe

SAMPLES = Path(__file__).resolve().parents[1] / "samples"


def measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "painted.mp4"
        words = [SAMPLES / "clip.mp4", "--style", SAMPLES / "monet.jpg", "-o", out]
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "vidstyle", *words], env={**os.environ, "VIDSTYLE_CACHE": folder}, check=True
        )
        seconds, frames = time.perf_counter() - began, probe(out).frame_count or 0
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"seconds": seconds, "frames": frames, "seconds_per_frame": seconds / frames, "peak_megabytes": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = measure()
    for key, value in result.items():
        print(f"{key:24} {value:10.2f}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
